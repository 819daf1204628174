"""The benchmarks run, measure what they say, and compare programs that bring the same rows. Times are never asserted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import duckdb
import pytest

from support.paths import ROOT

sys.path.insert(0, str(ROOT))

from benchmarks import page
from benchmarks.__main__ import whole_sync
from benchmarks.account import running
from benchmarks.measure import COMMAND, contender, run

CONTENDERS = {
    "dlt-harvest": ([*COMMAND, "load", "time_entries"], "harvest_time_tracking.duckdb"),
    "floor": (contender("floor", "floor.duckdb"), "floor.duckdb"),
    "example": (contender("example", "example.duckdb", "parquet"), "example.duckdb"),
}


@pytest.mark.nightly
def test_all_contenders_bring_every_row_and_the_same_hours(tmp_path: Path) -> None:
    hours = set()
    with running(size="tiny", entries=3_000, enforce_limits=False) as account:
        for name, (command, database) in CONTENDERS.items():
            folder = tmp_path / name
            folder.mkdir()
            found = run(account, folder, command, database, {"requests_per_15_s": "0"})
            assert found.rows == account.rows["time_entries"] > 2_000
            assert found.throttled == 0
            assert found.requests >= 2
            assert found.cpu_seconds > 0
            assert found.peak_mb > 50
            with duckdb.connect(str(folder / database)) as connection:
                (schema,) = connection.execute(
                    "select table_schema from information_schema.tables where table_name = 'time_entries' "
                    "and table_schema not like '%staging'"
                ).fetchone() or ("",)
                # A running timer's hours grow while one program after the other reads them.
                query = f"select round(sum(hours), 2) from {schema}.time_entries where not is_running"
                (total,) = connection.execute(query).fetchone() or (0,)
                hours.add(f"{float(total):.2f}")
    assert len(hours) == 1


def test_a_program_that_fails_is_an_error_with_its_words(tmp_path: Path) -> None:
    with running(size="tiny") as account, pytest.raises(RuntimeError, match="no-such-stream"):
        run(account, tmp_path, [*COMMAND, "load", "no-such-stream"], "x.duckdb", {})


def test_the_page_and_its_picture_show_what_was_measured() -> None:
    runs = [
        {"entries": 100_000, "cpu_seconds": 3.0, "peak_mb": 300.0},
        {"entries": 500_000, "cpu_seconds": 12.0, "peak_mb": 301.0},
    ]
    shown = page.picture(runs)
    assert all(value in shown for value in ("0.1 M", "0.5 M", ">12<", ">301<"))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells the most memory of a step: run this there.")
@pytest.mark.nightly
def test_the_memory_of_a_whole_sync_is_told_step_by_step(tmp_path: Path) -> None:
    with running(size="tiny", entries=3_000, enforce_limits=False, days_at_rest=1) as account:
        found = whole_sync(account)
    steps = found["peaks_mb"]
    assert set(steps) == {
        "starting",
        "looking at the token and the database",
        "reading Harvest",
        "writing the database",
        "building the marts",
        "checking the marts",
        "replacing the marts",
    }
    # A process with all of its libraries; what it forgets from step to step counts for the whole.
    assert found["peak_mb"] >= max(steps.values()) >= min(steps.values()) > 50
    assert found["time_entries"] > 2_000
    (tmp_path / "memory.json").write_text(json.dumps({"runs": [found, found]}), encoding="utf-8")
    page.write(tmp_path, tmp_path)
    written = (tmp_path / "performance.md").read_text(encoding="utf-8")
    peak = f"{found['peak_mb']:.0f}"
    assert f"| **the whole sync** | **{peak}** | **{peak}** | **1.00** |" in written
    assert f"| building the marts | {steps['building the marts']:.0f} |" in written


def test_the_page_has_the_dashboard_of_the_demo_beside_that_of_a_large_account(tmp_path: Path) -> None:
    demo = {key: 1.25 for _, key, _ in page._DASHBOARD} | {"page_seconds": 0.31, "peak_mb": 240.4}
    large = demo | {"page_seconds": 1.12}
    found = {"entries": 1_000_000, "cores": 2, "visits": 5, "load_average": 1.0, "demo": demo, "large": large}
    (tmp_path / "dashboard.json").write_text(json.dumps(found), encoding="utf-8")
    page.write(tmp_path, tmp_path)
    written = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert "| | the demo | 1,000,000 entries |" in written
    assert "| a page with new filters is painted, s | 0.31 | 1.12 |" in written
    assert "| memory then, at most, MB | 240 | 240 |" in written
