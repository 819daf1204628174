"""What a killed run left in dlt's working folder is loaded all the same."""

from __future__ import annotations

from pathlib import Path

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
