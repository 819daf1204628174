"""Whatever the destination: after changes of every kind the tables are Harvest's, and the marts those of DuckDB."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from destinations.conftest import Here
from destinations.story import NOTES, Rows
from harvest_time_tracking import SettingWrong
from harvest_warehouse.alerts import alerts
from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.dashboard.pages import PAGES
from harvest_warehouse.dashboard.records.kinds import KINDS
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.mcp.reader import WarehouseReader
from harvest_warehouse.mcp.tools import Tools
from harvest_warehouse.semantics import semantic_model
from harvest_warehouse.semantics.currencies import MixesCurrencies
from harvest_warehouse.status import status
from support.accounts import assert_equals_truth
from support.dashboards import page, records
from support.shop import Shop

# When something happened here, in real time, or who it was: never the same twice.
_OF_THE_RUN = {
    "loaded_at",
    "found_at",
    "looked_at",
    "run_id",
    "started_at",
    "ended_at",
    "seconds",
    "query",
    "read_at",
    "compared_at",
}


def test_after_changes_every_row_equals_the_truth(here: Here) -> None:
    story = here.story
    assert story.first.is_equal
    assert story.second.is_equal
    assert_equals_truth(story.account)


def test_notes_are_kept_to_the_last_sign(here: Here) -> None:
    kept = [row["notes"] for row in here.story.account.rows("time_entries")]
    assert set(NOTES) <= set(kept)
    assert None in kept, "and nothing stays nothing"


def test_what_vanished_is_in_harvest_deletions(here: Here, reference: Here) -> None:
    assert_same(here, reference, lambda one: one.story.account.tables_then, "harvest_deletions")


@pytest.mark.parametrize("kept", ["projects", "users", "user_billable_rates", "task_assignments"])
def test_history_has_the_same_versions(here: Here, reference: Here, kept: str) -> None:
    versions = assert_same(here, reference, lambda one: one.story.account.tables_then, f"{kept}_history")
    assert versions


def test_harvests_reports_agree(here: Here) -> None:
    assert here.story.verified.is_proven, here.story.verified
    assert here.story.verified.judged


def test_every_mart_row_equals_duckdbs(here: Here, reference: Here) -> None:
    assert here.story.marts.keys() == reference.story.marts.keys()
    for name in here.story.marts:
        assert_same(here, reference, lambda one: one.story.marts, name)
    assert here.story.built.has_comments == (here.stand.has_comments and here.story.warehouse.kind.has_comments)
    assert not here.story.built.errors


def test_unknown_fields_and_odd_types_are_kept(here: Here, reference: Here) -> None:
    for table in ("contacts", "users", "expenses"):
        assert_same(here, reference, lambda one: one.story.late, table)
    assert {row.get("brand_new_flag") for row in here.story.late["contacts"]} >= {"yes"}
    variants = {value for row in here.story.late["expenses"] for name, value in row.items() if name.endswith("v_text")}
    assert {"about twelve", "someday"} <= variants


def test_a_working_folder_of_an_earlier_version_goes_on(here: Here) -> None:
    story = here.story
    assert story.second.load
    [entries] = [outcome for outcome in story.second.load.streams if outcome.stream == "time_entries"]
    assert not entries.is_full, "by changes alone"
    state = Path(open_pipeline(story.warehouse).working_dir) / "state.json"
    assert json.loads(state.read_text(encoding="utf-8"))["destination_type"].startswith("dlt.destinations.")


def test_a_lost_working_folder_costs_nothing(here: Here) -> None:
    story = here.story
    assert story.third.is_equal
    assert story.third.load
    [entries] = [outcome for outcome in story.third.load.streams if outcome.stream == "time_entries"]
    assert not entries.is_full, "by changes alone"
    assert "after the loss" in {row["notes"] for row in story.late["time_entries"]}
    assert len({row["id"] for row in story.late["time_entries"]}) == len(story.late["time_entries"])


def test_alerts_are_duckdbs(here: Here, reference: Here) -> None:
    raised = {}
    for one in (here, reference):
        report = alerts(one.story.warehouse, AlertSettings())
        raised[one] = {alert.alert.name: counted(alert.rows) for alert in report.raised}
    assert raised[here] == raised[reference]
    assert raised[here]


# How long each run took, the page Runs tells of that run alone.
@pytest.mark.parametrize("name", [name for name in PAGES if name != "Runs"])
def test_the_dashboard_shows_what_duckdbs_shows(here: Here, reference: Here, name: str) -> None:
    shown = [page(shop(one), name) for one in (here, reference)]
    assert [(tile.label, tile.figure) for tile in shown[0].tiles] == [
        (tile.label, tile.figure) for tile in shown[1].tiles
    ]
    for ours, theirs in zip(shown[0].sections, shown[1].sections, strict=True):
        assert ours.title == theirs.title
        assert counted(ours.rows) == counted(theirs.rows), ours.title


@pytest.mark.parametrize("part", ["a few", pytest.param("all", marks=pytest.mark.nightly)])
def test_an_agent_gets_the_figures_of_duckdb(here: Here, reference: Here, part: str) -> None:
    model = semantic_model()
    step = 1 if part == "all" else 11
    tools = [Tools(WarehouseReader(one.story.warehouse)) for one in (here, reference)]
    for name in list(model.metrics)[::step]:
        ours, theirs = (one.metric([name], model.metrics[name].dimensions[:1]) for one in tools)
        assert numbered(ours.rows) == numbered(theirs.rows), name
        assert ours.trust.status == theirs.trust.status
    # One question quotes statements of the database.
    for name in [name for name in model.questions if name != "what_to_fix"][::step]:
        ours, theirs = (one.question(name) for one in tools)
        assert numbered(ours.rows) == numbered(theirs.rows), name
    ours_explained, theirs_explained = (one.explain("unbilled_amount") for one in tools)
    assert [rows.total for rows in ours_explained.made_of] == [rows.total for rows in theirs_explained.made_of]
    assert ours_explained.harvest == theirs_explained.harvest
    with pytest.raises(MixesCurrencies):
        tools[0].sql("select sum(amount) from fct_invoice")
    assert tools[0].sql("select currency, count(*) from fct_invoice group by currency").rows
    with pytest.raises(SettingWrong):
        tools[0].sql("drop table fct_invoice")


def numbered(rows: list[list[Any]]) -> list[str]:
    """Rows in a fixed order, with numbers as such and to seven digits: an answer spells them out."""

    def number(value: Any) -> Any:
        is_one = isinstance(value, float | int) or (isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value))
        return round(float(value), 7) if is_one else value

    return sorted(repr([number(value) for value in row]) for row in rows)


@pytest.mark.parametrize("kind", list(KINDS))
def test_the_records_behind_a_figure_are_duckdbs(here: Here, reference: Here, kind: str) -> None:
    ours, theirs = (records(shop(one), kind) for one in (here, reference))
    assert ours.title == theirs.title
    assert counted(ours.rows) == counted(theirs.rows)


def test_the_status_is_duckdbs(here: Here, reference: Here) -> None:
    now = datetime(2026, 3, 20, tzinfo=UTC)
    [account], [its] = (status(one.story.warehouse, timedelta(hours=36), now=now).accounts for one in (here, reference))
    assert [(table.stream, table.outcome) for table in account.tables] == [
        (table.stream, table.outcome) for table in its.tables
    ]
    assert account.runs
    assert account.loaded_at is not None
    assert account.loaded_at.tzinfo is not None
    assert account.proof is not None
    assert its.proof is not None
    assert account.proof.verdicts == its.proof.verdicts
    assert account.reread is not None
    assert its.reread is not None
    assert (account.reread.share, account.failures) == (its.reread.share, its.failures)


def shop(one: Here) -> Shop:
    made = Shop.__new__(Shop)
    made.warehouse = one.story.warehouse
    return made


def assert_same(here: Here, reference: Here, of: Callable[[Here], Rows], table: str) -> Counter[Any]:
    """The rows of a table are DuckDB's, to the last digit; what was divided, to nine."""
    have, want = counted(of(here)[table]), counted(of(reference)[table])
    for ours, theirs in zip(sorted(have - want), sorted(want - have), strict=True):
        assert set(ours) ^ set(theirs) == set(), table
    return have


def counted(rows: Any) -> Counter[Any]:
    return Counter(
        tuple(sorted((name, plain(value)) for name, value in row.items() if is_of_harvest(name) and value is not None))
        for row in rows
    )


def is_of_harvest(name: str) -> bool:
    return not name.startswith("_dlt_") and name not in _OF_THE_RUN


def plain(value: Any) -> str:
    """A value in one form: the types of drivers differ, a number's trailing zeros do not count."""
    if isinstance(value, datetime):
        value = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    elif isinstance(value, float):
        value = Decimal(f"{value:.9g}")
    elif isinstance(value, str) and value[:1] in ("{", "["):
        with suppress(ValueError):  # A text may begin like that, too.
            value = json.loads(value)
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else str(value)
