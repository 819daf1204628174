"""One program run, and what it took."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import duckdb
import psycopg2

from benchmarks.account import ACCOUNT, TOKEN, Account
from benchmarks.peaks import Peaks

COMMAND = [str(Path(sys.executable).with_name("dlt-harvest"))]


@dataclass(frozen=True)
class Run:
    """What one run of one program took.

    Attributes:
        wall_seconds: from its start to its end.
        cpu_seconds: of user and system, all threads.
        peak_mb: the most memory it held.
        requests: how many requests the account saw; of these, refused because they came too fast.
        throttled: the refused ones.
        rows: in the table of time entries, or in all tables.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    requests: int
    throttled: int
    rows: int

    @property
    def rows_per_cpu_second(self) -> float:
        """What matters on a machine that does other things too."""
        return self.rows / self.cpu_seconds


def contender(name: str, *arguments: str) -> list[str]:
    """The command line of a program in `contenders`."""
    return [sys.executable, "-m", f"benchmarks.contenders.{name}", *arguments]


def run(
    account: Account,
    folder: Path,
    command: Sequence[str],
    database: str,
    settings: Mapping[str, str],
    environment_too: Mapping[str, str] = MappingProxyType({}),
    peaks: Peaks | None = None,
) -> Run:
    """Run a program in `folder`, and count the rows in the database it leaves there, or at that address; `peaks` watches it.

    Raises:
        RuntimeError: with what it said, where it fails.
    """
    account.requests()
    prefix = "SOURCES__HARVEST_TIME_TRACKING__"
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "DLT_DATA_DIR": str(folder / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "BENCHMARK_URL": account.url,
        "BENCHMARK_TOKEN": TOKEN,
        "BENCHMARK_ACCOUNT": ACCOUNT,
        f"{prefix}BASE_URL": account.url,
        f"{prefix}ACCESS_TOKEN": TOKEN,
        f"{prefix}ACCOUNT_ID": ACCOUNT,
        **{f"{prefix}{name.upper()}": value for name, value in settings.items()},
        **environment_too,
    }
    with tempfile.TemporaryFile() as said:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
        if peaks:
            peaks.watch(process.pid, said.fileno())
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        if status:
            said.seek(0)
            raise RuntimeError(f"{' '.join(command)} failed:\n{said.read().decode()[-3000:]}")
    asked = account.requests()
    peak = usage.ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return Run(
        wall,
        usage.ru_utime + usage.ru_stime,
        # What is watched forgets its peak with each step.
        max(peak, *peaks.by_step.values(), 0.0) if peaks else peak,
        len(asked),
        sum(status == 429 for _, status in asked),
        _rows_at(database) if "://" in database else _rows(folder / database),
    )


def _rows_at(address: str) -> int:
    """Of a PostgreSQL."""
    connection = psycopg2.connect(address)
    with connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from harvest_time_tracking_data.time_entries")
        [(count,)] = cursor.fetchall()
    connection.close()
    return int(count)


def _rows(database: Path) -> int:
    if database.suffix == ".jsonl":
        with database.open(encoding="utf-8") as lines:
            return sum('"type": "RECORD"' in line[:40] or '"type":"RECORD"' in line[:40] for line in lines)
    with duckdb.connect(str(database), read_only=True) as connection:
        return sum(
            count
            for (count,) in (
                connection.execute(f'select count(*) from "{schema}"."{table}"').fetchone() or (0,)
                for schema, table in connection.execute(
                    "select table_schema, table_name from information_schema.tables where table_name not like '_dlt%' "
                    "and table_name not like '%\\_\\_%' escape '\\' and table_name not like 'harvest%' "
                    "and table_schema not like '%_staging'"
                ).fetchall()
            )
        )
