"""What a killed run left in dlt's working folder is loaded all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from harvest_warehouse import packages
from harvest_warehouse.packages import move
from harvest_warehouse.settings import Warehouse


def test_half_a_job_file_stops_no_package(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path, pipelines_dir=tmp_path / "pipelines")
    pipeline = warehouse.pipeline()
    pipeline.extract([{"id": 1}], table_name="things", loader_file_format="parquet")
    pipeline.normalize()
    [jobs] = Path(pipeline.working_dir).glob("load/normalized/*/new_jobs")
    # As dlt names a file until it is whole.
    (jobs / "40bd1097e33c0387a82ffadf331c11b3").write_text("delete from")
    assert move(pipeline, warehouse)
    assert not pipeline.has_pending_data
    with pipeline.sql_client() as client:
        assert client.execute_sql("select id from things") == [(1,)]


@pytest.mark.parametrize("is_small", [True, False])
def test_a_small_package_is_loaded_through_one_open_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_small: bool
) -> None:
    warehouse = Warehouse(tmp_path, pipelines_dir=tmp_path / "pipelines")
    pipeline = warehouse.pipeline()
    for name in ("first", "second", "third"):
        pipeline.extract([{"id": 1}], table_name=name, loader_file_format="parquet")
    if not is_small:
        monkeypatch.setattr(packages, "_SMALL_BYTES", 0)
    others_open: list[bool] = []
    connections: list[duckdb.DuckDBPyConnection] = []
    connect = duckdb.connect

    def counted(*arguments: Any, **named: Any) -> duckdb.DuckDBPyConnection:
        others_open.append(any(map(is_open, connections)))
        connections.append(connect(*arguments, **named))
        return connections[-1]

    monkeypatch.setattr(duckdb, "connect", counted)
    move(pipeline, warehouse)
    # What is opened while nothing else is open is opened anew, and its log is written into it when it is closed.
    anew = others_open.count(False)
    assert anew == 1 if is_small else anew > 3


def is_open(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        connection.execute("select 1")
    except duckdb.ConnectionException:
        return False
    return True
