"""Process-wide settings, made before dlt is used: memory, telemetry, logging, naming."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder

import dlt
import pyarrow as pa
from dlt.common.exceptions import MissingDependencyException

from harvest_time_tracking import SettingWrong, printable


def keep_memory_flat() -> None:
    """Configure allocators and dlt's buffers so that memory is released after each page."""
    pa.set_memory_pool(pa.system_memory_pool())
    # Rows of each stream that dlt buffers before it writes them; its default is 5,000.
    os.environ.setdefault("SOURCES__DATA_WRITER__BUFFER_MAX_ITEMS", "500")
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            # glibc: at most two arenas, whatever the number of threads (mallopt(3)). Other C libraries have no such setting.
            ctypes.CDLL(None).mallopt(-8, 2)
            # Fixes the mmap threshold, so that large blocks are unmapped when freed; by default, it grows with each of them.
            ctypes.CDLL(None).mallopt(-3, 4 * 2**20)


@contextmanager
def pandas_kept_out(is_to_be: bool = True) -> Iterator[None]:
    """Block imports of pandas for the duration of a block, if `is_to_be`.

    DuckDB's driver and Arrow import it to recognise data frames, which are not used here; it takes 40 MB of memory.
    Patch: DuckDB >=1.4,<2; see https://github.com/duckdb/duckdb/pull/18658 (imports it on purpose);
    can go when `test_duckdb_imports_pandas_for_a_parameter` fails.
    """
    finders = [_NoPandas()] if is_to_be else []
    sys.meta_path[:0] = finders
    try:
        yield
    finally:
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in finders]


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("pandas is not wanted now", name=fullname)


def give_memory_back() -> None:
    """Return freed memory to the operating system, so that the next part of a load does not add to it."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            # Includes memory freed in the middle of the heap (malloc_trim(3)).
            ctypes.CDLL(None).malloc_trim(0)


# Patch: dlt >=1.31,<1.32; no upstream issue known; can go when `test_dlt_says_in_its_log_what_is_no_news` fails.
_NO_NEWS = (
    # The summary reports the outcome of each stream; the source's own warnings would repeat it.
    "Harvest stream ",
    # The working folder may have been used with another destination before, which does not matter.
    "in state differs from destination",
    # These formats are chosen on purpose (docs/reference/destinations); dlt would warn for each table in each run.
    "A ArrowToJsonlWriter writer is used",
    "A ArrowToInsertValuesWriter writer is used",
)


def keep_dlt_quiet() -> None:
    """Turn off dlt's telemetry and log lines, unless the user's own configuration asks for them.

    Raises:
        SettingWrong: the configuration enables Sentry, which is not installed.
    """
    try:
        dlt.config.get("runtime.sentry_dsn")
    except MissingDependencyException:
        raise SettingWrong(
            "runtime.sentry_dsn is set (in .dlt/config.toml, or as RUNTIME__SENTRY_DSN), so dlt reports errors to Sentry, and "
            "needs sentry-sdk: pip install sentry-sdk, or remove the setting."
        ) from None
    for key, value in (("dlthub_telemetry", "false"), ("log_level", "WARNING")):
        if dlt.config.get(f"runtime.{key}") is None:
            os.environ[f"RUNTIME__{key.upper()}"] = value
    logging.getLogger("dlt").addFilter(_is_news)
    # Google's driver recommends a faster reader, which is not installed, in every command.
    warnings.filterwarnings("ignore", message="Cannot create BigQuery Storage client")


def keep_names() -> None:
    """Fix dlt's naming convention to snake_case, as documented, whatever the user's other pipelines use."""
    os.environ["SCHEMA__NAMING"] = "snake_case"


def _is_news(record: logging.LogRecord) -> bool:
    if not logging.getLogger("dlt").isEnabledFor(logging.INFO):
        # Our own message reports the error; dlt's tracebacks, two for each file that it could not load, would bury it.
        record.msg = printable(record.getMessage().partition("Traceback (most recent call last)")[0])
        record.args, record.exc_info = (), None
    return not any(said in record.getMessage() for said in _NO_NEWS)
