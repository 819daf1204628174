"""The component for Dagster, run by Dagster itself: what is asked for is done, and what was found is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import sqlglot
from sqlglot import exp

from harvest_time_tracking import tables
from harvest_warehouse import Target
from harvest_warehouse.dagster import HarvestComponent
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.marts.models import models
from support.accounts import Account, assert_equals_truth


def definitions(**attributes: Any) -> dg.Definitions:
    return dg.build_defs_for_component(HarvestComponent(**attributes))


def graph_of(defs: dg.Definitions) -> dg.AssetsDefinition:
    [assets] = defs.assets or []
    assert isinstance(assets, dg.AssetsDefinition)
    return assets


def parents(spec: dg.AssetSpec) -> set[str]:
    return {"/".join(dep.asset_key.path[1:]) for dep in spec.deps}


@pytest.fixture
def signed_in(synced: tuple[Account, Target], monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account that was synced an hour ago, with its settings in the environment."""
    account, _ = synced
    sign_in(account, monkeypatch)
    return account


def sign_in(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.simulator.enforce_limits = False
    for name, value in {
        "ACCESS_TOKEN": account.simulator.access_token,
        "ACCOUNT_ID": account.simulator.account_id,
        "BASE_URL": account.url,
        "REQUESTS_PER_15_S": "0",
        "REPORT_REQUESTS_PER_15_MIN": "0",
    }.items():
        monkeypatch.setenv(f"SOURCES__HARVEST_TIME_TRACKING__{name}", value)


def materialize(selection: str | None = None, **attributes: Any) -> dg.ExecuteInProcessResult:
    assets = graph_of(definitions(**attributes))
    return dg.materialize([assets], selection=selection, raise_on_error=False)


def materialized(result: dg.ExecuteInProcessResult) -> set[str]:
    return {"/".join(event.asset_key.path[1:]) for event in result.get_asset_materialization_events()}


def checks(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {f"{one.asset_key.path[-1]}: {one.check_name}": one for one in result.get_asset_check_evaluations()}


def test_every_table_and_mart_is_an_asset_with_the_lineage_of_its_sql() -> None:
    specs = {"/".join(spec.key.path[1:]): spec for spec in graph_of(definitions()).specs}
    assert "clients" in parents(specs["projects"])
    assert "projects" in parents(specs["time_entries"])
    assert parents(specs["invoices__line_items"]) >= {"invoices"}
    # The files themselves, by another road: names, as they stand in the SQL, through staging files down to what is kept.
    folder = Path(sys.modules[HarvestComponent.__module__].__file__ or "").parents[1] / "marts" / "sql"
    texts = {
        file.stem: file.read_text(encoding="utf-8")
        for part in ("staging", "marts")
        for file in (folder / part).glob("*.sql")
    }

    def named(text: str) -> set[str]:
        found: set[str] = set()
        for table in sqlglot.parse_one(text, read="duckdb").find_all(exp.Table):
            if table.db:
                found.add(table.name)
            elif table.name.startswith(("stg_", "int_")):
                found |= named(texts[table.name])
            elif table.name.startswith(("dim_", "fct_", "mart_")):
                found.add(f"marts/{table.name}")
        return found

    kept = [model.name for model in models() if model.is_kept]
    assert {name for name in specs if name.startswith("marts/")} == {
        f"marts/{name}" for name in [*kept, "mart_data_quality"]
    }
    for name in kept:
        have, want = parents(specs[f"marts/{name}"]), named(texts[name])
        # A row of a table counts only if its row in the table above does: these are read, too, and only they.
        assert want <= have, name
        assert {one for one in have - want if one not in tables()} == set(), name
    assert "marts/fct_time_entry" in parents(specs["marts/mart_utilisation_weekly"])
    assert {spec.freshness_policy for spec in specs.values()} == {dg.FreshnessPolicy.time_window(timedelta(hours=36))}
    assert graph_of(definitions()).op.pool == "harvest"


@pytest.mark.nightly
def test_one_materialisation_is_one_sync_and_a_skipped_list_is_none(
    open_account: Callable[..., Account], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = open_account()
    sign_in(account, monkeypatch)
    account.simulator.set_feature("estimate_feature", is_on=False)
    result = materialize()
    assert result.success
    account.pipeline = open_pipeline(Target(tmp_path))
    assert_equals_truth(account, ["clients", "time_entries"])
    assert [row["outcome"] for row in account.rows("harvest_runs") if row["stream"] == "clients"] == ["complete"]
    done = materialized(result)
    assert done >= {"clients", "time_entries", "invoices__line_items", "marts/mart_utilisation_weekly"}
    assert not done & {"estimates", "estimates__line_items", "estimate_messages"}
    told = checks(result)
    assert told["clients: equal_to_harvest"].passed
    assert told["time_entries: report_time_projects"].passed
    assert told["fct_time_entry: conserved_time_entries"].passed
    assert told["time_entries: rows_agree"].passed
    assert "estimates: equal_to_harvest" not in told


@pytest.mark.nightly
def test_a_part_of_the_tables_is_a_load_of_their_streams_alone(signed_in: Account) -> None:
    signed_in.simulator.store.create_client("New")
    signed_in.simulator.requests.clear()
    result = materialize("harvest/clients")
    assert result.success
    assert materialized(result) == {"clients"}
    assert_equals_truth(signed_in, ["clients"])
    # The small pages are the look at what the token sees, before anything is read.
    assert {one.path for one in signed_in.simulator.requests if one.query.get("per_page") == "2000"} == {"/v2/clients"}
    # What a load does not look for is not claimed.
    assert checks(result) == {}


@pytest.mark.nightly
def test_a_figure_that_differs_is_a_failed_check_with_both_figures_and_the_query(
    signed_in: Account, tmp_path: Path
) -> None:
    signed_in.simulator.set_rounding("up", 30)
    assets = graph_of(definitions())
    asked = dg.AssetSelection.checks(*(key for key in assets.check_keys if key.name == "report_time_projects"))
    result = dg.materialize([assets], selection=asked, raise_on_error=False)
    assert materialized(result) == set()
    [check] = result.get_asset_check_evaluations()
    assert not check.passed
    differing = check.metadata["differing"]
    query = check.metadata["query"]
    assert isinstance(differing, dg.TableMetadataValue)
    assert isinstance(query, dg.MarkdownMetadataValue)
    first = differing.records[0].data
    with duckdb.connect(str(Target(tmp_path).file), read_only=True) as database:
        rows = database.execute(query.value.removeprefix("```sql\n").removesuffix("\n```")).fetchall()
    ours, theirs = (Decimal(str(first[side])) for side in ("ours", "Harvest's"))
    assert (ours, theirs) in {(row[4], row[5]) for row in rows}
    # Every entry is rounded up to half an hour now, so that Harvest has more.
    assert ours < theirs


@pytest.mark.nightly
def test_marts_whose_checks_fail_are_not_materialised_and_say_which_rows(signed_in: Account, tmp_path: Path) -> None:
    assert materialize("key:harvest/marts/*").success
    with duckdb.connect(str(Target(tmp_path).file)) as database:
        database.execute(
            "insert into harvest_time_tracking_data.clients select * from harvest_time_tracking_data.clients limit 1"
        )
    result = materialize("key:harvest/marts/*")
    assert not result.success
    assert materialized(result) == set()
    told = checks(result)
    assert not told["dim_client: key_dim_client"].passed
    assert told["dim_client: key_dim_client"].metadata["rows"].value == 1
    assert told["dim_date: key_dim_date"].passed


@pytest.mark.nightly
def test_a_run_that_cannot_begin_fails_with_the_message_of_the_command(
    signed_in: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN", "1234567.pt.verysecret")
    result = materialize()
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    message = failure.step_failure_data.error_display_string
    assert "401" in message
    assert "verysecret" not in message
