"""Compares a large invented account with an old copy of it: `python -m benchmarks.peers [ENTRIES] [LAYOUT]` prints seconds and memory.

The old copy is made of our own tables, in the product's layout; one entry of a hundred has other hours, one of a hundred is
missing, and one of a hundred is there that Harvest deleted.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks.marts import fill
from benchmarks.measure import COMMAND
from harvest_warehouse.cli.app import DIFFERENT
from harvest_warehouse.peers import layout, views
from harvest_warehouse.settings.process import keep_dlt_quiet, keep_memory_flat
from harvest_warehouse.warehouse import Target


def main(entries: int, like: str) -> None:
    """Prepare, compare, and say what the comparison took."""
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: what this one held before would count as the command's.
        prepared = multiprocessing.get_context("spawn").Process(target=_prepare, args=(Path(folder), entries, like))
        prepared.start()
        prepared.join()
        command = [*COMMAND, "compare", "--like", like, "--with", "old", "--json"]
        environment = {**os.environ, "DLT_DATA_DIR": folder, "RUNTIME__DLTHUB_TELEMETRY": "false"}
        began = time.monotonic()
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds, cpu_seconds = time.monotonic() - began, used.ru_utime + used.ru_stime
        if process.returncode != DIFFERENT:
            raise RuntimeError(f"compare ended with {process.returncode}, and three entries of a hundred differ")
        print(
            f"{entries:,} entries like {like}'s: {seconds:.1f} s, {cpu_seconds:.1f} CPU s, peak {used.ru_maxrss / 1024:,.0f} MB"
        )


def _prepare(folder: Path, entries: int, like: str) -> None:
    keep_dlt_quiet()
    keep_memory_flat()
    warehouse = Target(folder, pipelines_dir=folder / "pipelines")
    fill(warehouse, entries)
    views(warehouse, like, schema="theirs")
    _old_copy(warehouse, like)


def _old_copy(warehouse: Target, like: str) -> None:
    entries = "time_entry" if like == "fivetran" else "time_entries"
    with duckdb.connect(str(warehouse.file)) as database:
        database.execute("create schema old")
        for name in layout(like).tables:
            database.execute(f'create table old."{name}" as from theirs."{name}"')
        database.execute(f"update old.{entries} set hours = hours + 0.25 where id % 100 = 1")
        database.execute(f"delete from old.{entries} where id % 100 = 2")
        database.execute(
            f"insert into old.{entries} select * replace (-id as id) from old.{entries} where id % 100 = 3"
        )


if __name__ == "__main__":
    main(
        int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 1_000_000,
        sys.argv[2] if len(sys.argv) > 2 else "stitch",
    )
