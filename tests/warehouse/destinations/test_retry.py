"""A file that another program has open is waited for, and no longer than that."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from dlt.common.schema import Schema
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from harvest_warehouse.database import open_database
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.destinations.duckdb.client import RetryingDuckDb
from harvest_warehouse.destinations.duckdb.retry import PATIENCE_SECONDS, retry_while_locked
from harvest_warehouse.warehouse import Target

TAKEN = duckdb.IOException('IO Error: Could not set lock on file "x": Conflicting lock is held in python (PID 1)')
HOLDING_SECONDS = 1.5
HOLDING = """
import sys, time, duckdb
held = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
time.sleep(float(sys.argv[2]))
"""


def test_who_writes_waits_until_another_process_has_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    warehouse = Target(tmp_path, pipelines_dir=tmp_path / "pipelines")
    with open_database(warehouse) as database:
        database.make_marts()
    reading = [sys.executable, "-c", HOLDING, str(warehouse.file), str(HOLDING_SECONDS)]
    with subprocess.Popen(reading, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdout.readline() == "open\n"
        with open_database(warehouse) as database:
            # It is open now, so the other process has closed it.
            assert other.poll() is not None or other.wait(timeout=5) == 0
            database.run(["create table marts.written as select 1 as one"])
            assert database.rows("select one from marts.written") == [(1,)]
    assert caplog.messages == [f"{warehouse.file} is open in another program: waiting up to 10 s for it."]


def test_the_wait_has_an_end_and_says_who_holds_the_file() -> None:
    now = [0.0]
    tries = []

    def refused() -> duckdb.DuckDBPyConnection:
        tries.append(now[0])
        raise TAKEN

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with pytest.raises(duckdb.IOException, match="PID 1"):
        retry_while_locked(refused, "x", sleep=sleep, monotonic=lambda: now[0])
    assert tries[-1] == PATIENCE_SECONDS
    assert len(tries) > 10


def test_any_other_failure_is_told_at_once(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(duckdb.IOException):
        retry_while_locked(lambda: duckdb.connect(str(tmp_path / "nowhere" / "x.duckdb")), "x")
    assert time.monotonic() - began < PATIENCE_SECONDS / 2


def test_a_pipeline_remembers_the_destination_as_dlts_own(tmp_path: Path) -> None:
    pipeline = open_pipeline(Target(tmp_path, pipelines_dir=tmp_path / "pipelines"))
    assert pipeline.destination is not None
    assert (pipeline.destination.destination_name, pipeline.destination.destination_type) == (
        "duckdb",
        "dlt.destinations.duckdb",
    )


def test_a_pool_that_has_lent_a_connection_stays_when_the_configuration_is_asked_for_again(tmp_path: Path) -> None:
    destination = RetryingDuckDb(DuckDbCredentials(str(tmp_path / "some.duckdb")))
    # As dlt does it for each job of a package.
    initial = destination.spec()._bind_dataset_name(dataset_name="some")
    one = destination.client(Schema("some"), initial)
    with one.sql_client as lent:
        other = destination.client(Schema("some"), initial)
        with other.sql_client as also:
            assert also.execute_sql("select 1") == lent.execute_sql("select 1")
        assert lent.execute_sql("select 1")
