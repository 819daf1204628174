"""What a command must know: the account, as dlt's configuration has it, and the warehouse its rows go to."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import dlt
import pyarrow as pa
from dlt.common.configuration import inject_section, with_config
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext
from dlt.common.pipeline import get_dlt_pipelines_dir
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from harvest_time_tracking import Secret, Settings, SettingWrong
from harvest_time_tracking.settings import HOW_TO_SIGN_IN, as_date
from harvest_warehouse.patience import PatientDuckDb

PIPELINE = "harvest_time_tracking_pipeline"
DATASET = "harvest_time_tracking_data"
FILE = "harvest_time_tracking.duckdb"
MARTS = "harvest_marts"
SCHEMA = "harvest_time_tracking_source"
"""dlt names a schema after its source; our own tables live in the same one, so that `pipeline.dataset()` has them."""


REREAD_REQUESTS = 10
"""How many requests a sync spends on history that nothing says has changed: 20,000 time entries."""

# Of DuckDB while it writes, so that a load's memory does not grow with the account; what does not fit goes to disk.
_BOUNDS = {"memory_limit": "100MB", "threads": 1}
# Of DuckDB while it builds the marts.
_BUILDING_BOUNDS = {"memory_limit": "1GB", "threads": 2}
# Of DuckDB while somebody's own query runs: no files, no other databases, and no way to allow them again.
_GUARDS = ("SET enable_external_access = false", "SET lock_configuration = true")


@dataclass(frozen=True)
class Warehouse:
    """Where an account's rows go: the database, and the dlt pipeline that brings them there.

    Attributes:
        folder: where the database file lies.
        file_name: the database's file.
        pipeline_name: the dlt pipeline, also the name of its working folder.
        dataset_name: the database schema that holds the tables.
        pipelines_dir: where dlt keeps its working folders; None for dlt's own choice (`DLT_DATA_DIR`).
        marts_name: the database schema that holds the marts.
    """

    folder: Path
    file_name: str = FILE
    pipeline_name: str = PIPELINE
    dataset_name: str = DATASET
    pipelines_dir: Path | None = None
    marts_name: str = MARTS

    @property
    def file(self) -> Path:
        """The database file."""
        return self.folder / self.file_name

    @property
    def load_format(self) -> Literal["parquet"]:
        """What files the rows travel in: DuckDB reads parquet a hundred times faster than inserts."""
        return "parquet"

    @property
    def load_workers(self) -> int:
        """How many files are written at once: more than one share DuckDB's bounded memory, and one of them is refused."""
        return 1

    @property
    def guards(self) -> tuple[str, ...]:
        """What is run on a connection that may only read, before a query that somebody else wrote."""
        return _GUARDS

    def pipeline(self, *, is_building: bool = False, is_reading: bool = False) -> dlt.Pipeline:
        """The pipeline, made or taken up again, and from now on dlt's current one.

        Args:
            is_building: with the memory and the threads that it takes to build the marts of a large account.
            is_reading: with connections that can write nothing.
        """
        bounds = _BUILDING_BOUNDS if is_building or is_reading else _BOUNDS
        credentials = DuckDbCredentials(str(self.file), read_only=is_reading, global_config=dict(bounds))
        return dlt.pipeline(
            self.pipeline_name,
            # Who reads says that the file is taken; who writes waits until those who read have read.
            destination=(dlt.destinations.duckdb if is_reading else PatientDuckDb)(credentials),
            dataset_name=self.dataset_name,
            pipelines_dir=str(self.pipelines_dir or _pipelines_dir(self.folder)),
        )


def keep_memory_flat() -> None:
    """Give memory back when a page is done: allocators that keep it for each thread keep most of it for nothing."""
    pa.set_memory_pool(pa.system_memory_pool())
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            # glibc: two arenas, whatever the number of threads (mallopt(3)). Other C libraries have no such setting.
            ctypes.CDLL(None).mallopt(-8, 2)


def give_memory_back() -> None:
    """What one part of a load freed, the next one shall not come on top of."""
    pa.default_memory_pool().release_unused()


def keep_dlt_quiet() -> None:
    """No telemetry and no chatter, unless the user's own configuration asks for them."""
    for key, value in (("dlthub_telemetry", "false"), ("log_level", "WARNING")):
        if dlt.config.get(f"runtime.{key}") is None:
            os.environ[f"RUNTIME__{key.upper()}"] = value
    # The summary tells what became of each stream; the source's own warnings would tell it twice.
    logging.getLogger("dlt").addFilter(lambda record: not record.getMessage().startswith("Harvest stream "))


def account_settings(pipeline_name: str = PIPELINE, *, start_date: str | None = None) -> Settings:
    """The account, from dlt's configuration: `.dlt/secrets.toml`, `.dlt/config.toml` or the environment.

    Read as the source itself would read it, in every spelling that it takes.

    Args:
        pipeline_name: dlt also looks for settings under the pipeline's name, and there first.
        start_date: wins over the configured one.

    Raises:
        SettingWrong: where something is missing or cannot work, with the way to set it.
    """
    with _found(pipeline_name):
        found: Settings = _resolve()
    if start_date is None:
        return found
    return Settings(
        found.access_token,
        found.account_id,
        found.base_url,
        found.user_agent,
        as_date("start_date", start_date),
        found.requests_per_15_s,
        found.report_requests_per_15_min,
    )


def reread_requests(pipeline_name: str = PIPELINE) -> int:
    """About how many requests each sync spends on reading history again, from where the account's settings are.

    Raises:
        SettingWrong: where it is not a number, or below 0.
    """
    with _found(pipeline_name):
        found: int = _resolve_reread_requests()
    if found < 0:
        raise SettingWrong(f"reread_requests must be 0 (read no history again) or more, got {found}.")
    return found


@contextmanager
def _found(pipeline_name: str) -> Iterator[None]:
    """dlt looks under the pipeline's name, too, and what it does not find or cannot read is said in our words."""
    try:
        with inject_section(ConfigSectionContext(pipeline_name=pipeline_name)):
            yield
    except ConfigFieldMissingException as error:
        raise SettingWrong(f"{' and '.join(error.fields)} missing. {HOW_TO_SIGN_IN}") from None
    except ConfigurationException as error:
        raise SettingWrong(f"dlt cannot read its configuration: {error}") from None


_SECTIONS = ("sources", "harvest_time_tracking", "harvest_time_tracking_source")


@with_config(sections=_SECTIONS)
def _resolve_reread_requests(reread_requests: int = REREAD_REQUESTS) -> int:
    return reread_requests


@with_config(sections=_SECTIONS)
def _resolve(
    access_token: str = dlt.secrets.value,
    account_id: str = dlt.secrets.value,
    base_url: str = Settings.base_url,
    start_date: str | None = None,
    user_agent: str = Settings.user_agent,
    requests_per_15_s: int = Settings.requests_per_15_s,
    report_requests_per_15_min: int = Settings.report_requests_per_15_min,
) -> Settings:
    return Settings(
        Secret(access_token.strip()),
        str(account_id).strip(),
        base_url,
        user_agent,
        as_date("start_date", start_date),
        requests_per_15_s,
        report_requests_per_15_min,
    )


def _pipelines_dir(folder: Path) -> Path:
    """dlt's own folder where it can be written (not so in some containers), else one beside the database."""
    own = Path(get_dlt_pipelines_dir())
    existing = next(path for path in (own, *own.parents) if path.exists())
    return own if os.access(existing, os.W_OK) else folder / ".dlt" / "pipelines"
