"""The page Runs: what it concludes, and that it counts what is in `harvest_runs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from harvest_warehouse.dashboard.titles.runs import duration, run_durations, run_requests, runs_ended
from support.dashboards import page
from support.shop import Shop

GOOD: dict[str, Any] = {"has_failed": False, "seconds": 60.0, "requests": 40, "retries": 0}
BAD = GOOD | {"has_failed": True}


@pytest.mark.parametrize(
    ("rows", "title"),
    [
        ([], "No run is on record"),
        ([GOOD], "The one run on record ended well"),
        ([BAD], "The one run on record failed"),
        ([GOOD, GOOD], "All of the last 2 runs ended well"),
        ([BAD, BAD], "All of the last 2 runs failed"),
        ([GOOD, BAD], "1 run of the last 2 failed; the last one too"),
        ([BAD, BAD, GOOD], "2 runs of the last 3 failed; the last one did not"),
    ],
)
def test_the_title_says_how_runs_ended(rows: list[dict[str, Any]], title: str) -> None:
    assert runs_ended(rows) == title


def test_the_titles_say_how_long_runs_took_and_what_they_asked() -> None:
    rows = [GOOD, GOOD | {"seconds": 600.0}, GOOD | {"seconds": 30.0, "requests": 1, "retries": 3}]
    assert run_durations(rows) == "Half of the runs took 60 s or less; the last one 30 s"
    assert run_requests(rows) == "The last run sent 1 request, 3 of them tries again; together they sent 81"
    assert run_durations([GOOD]) == "The one run on record took 60 s"
    assert run_durations([]) == run_requests([]) == "No run is on record"
    assert [duration(seconds) for seconds in (0.4, 119, 120, 7_500)] == ["0 s", "119 s", "2 min", "2 h 5 min"]


def test_the_page_counts_the_runs_of_the_table(tiny_shop: Shop, tmp_path: Path) -> None:
    shop = tiny_shop.copy(tmp_path)
    shop.build()
    with duckdb.connect(str(shop.warehouse.file), read_only=True) as database:
        [(requests, records, lists)] = database.execute(
            'select sum(requests), sum("rows"), count(*) from harvest_time_tracking_data.harvest_runs'
        ).fetchall()
    shown = page(shop, "Runs")
    rows = shown.sections[0].rows
    assert sum(row["requests"] for row in rows) == requests
    assert sum(row["records"] for row in rows) == records
    assert sum(row["lists"] for row in rows) == lists
    tiles = {tile.label: tile.figure for tile in shown.tiles}
    assert tiles["Runs that failed"] == f"0 of {len(rows)}"
    assert tiles["Failed in a row"] == "0"
