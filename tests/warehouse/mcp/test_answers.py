"""Answers of the tools: figures, what proves them, and the way down to Harvest's rows."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from harvest_time_tracking import SettingWrong
from harvest_warehouse.database import open_database
from harvest_warehouse.mcp import reader
from harvest_warehouse.mcp.answer import plain
from harvest_warehouse.mcp.reader import Busy, WarehouseReader
from harvest_warehouse.mcp.standing import Standing, standing
from harvest_warehouse.mcp.tools import Tools
from harvest_warehouse.mcp.trust import Asked, trust_of
from harvest_warehouse.semantics import semantic_model
from harvest_warehouse.semantics.currencies import MixesCurrencies
from support.shop import Shop

MODEL = semantic_model()
MADE_OF = {name for name, one in MODEL.metrics.items() if one.parts[0].table != one.table or len(one.parts) > 1}
PROVEN = sorted(name for name, metric in MODEL.metrics.items() if metric.proof)


@pytest.fixture(scope="module")
def tools(proven_shop: Shop) -> Tools:
    return Tools(WarehouseReader(proven_shop.warehouse))


def known_of(shop: Shop) -> Standing:
    """What is known of a shop's account, asked an hour after its last load: the simulator's clock is its own."""
    with open_database(shop.warehouse, "reading") as database:
        found = standing(database, shop.simulator.account_id)
        return standing(database, shop.simulator.account_id, found.loaded_at + timedelta(hours=1))


def status(shop: Shop, metric: str = "hours", **asked: Any) -> str:
    return trust_of(MODEL.metrics[metric], known_of(shop), Asked(**asked)).status


@pytest.mark.parametrize("name", PROVEN)
def test_the_report_that_proves_a_metric_states_the_same_figure(name: str, tools: Tools, proven_shop: Shop) -> None:
    """By currency: what the report states, and what was done since the last compared day, add up to the metric."""
    explained = tools.explain(name)
    have: dict[str, Fraction] = {}
    names = [column.name for column in explained.figure.columns]
    for row in explained.figure.rows:
        # Hours and money of one currency are in one sum of the report.
        currency = row[names.index("currency")] if "currency" in names else ""
        have[currency] = have.get(currency, Fraction()) + Fraction(row[-1])
    want: dict[str, Fraction] = {}
    for one in explained.harvest:
        currency = one.currency if "currency" in names else ""
        want[currency] = want.get(currency, Fraction()) + Fraction(one.theirs)
    since = f"spent_date > date '{explained.trust.compared_until}'"
    for part in MODEL.metrics[name].parts if not name.startswith("budget") else ():
        where = f"{since} and {part.condition or 'true'}"
        done = proven_shop.rows(f"select currency, sum({part.column}) from marts.{part.table} where {where} group by 1")
        for of, amount in done:
            currency = of if "currency" in names else ""
            want[currency] = want.get(currency, Fraction()) + Fraction(amount)
    assert any(want.values())
    # The report rounds each of its figures to cents.
    assert {
        key for key in want.keys() | have.keys() if abs(have.get(key, 0) - want.get(key, 0)) > Fraction(1, 2)
    } == set()


@pytest.mark.by_day(10)
@pytest.mark.parametrize("name", sorted(MODEL.metrics, key=lambda name: name not in MADE_OF))
def test_the_rows_that_explain_a_figure_add_up_to_it(name: str, tools: Tools, proven_shop: Shop) -> None:
    metric = MODEL.metrics[name]
    explained = tools.explain(name, limit=3)
    made = sum((Fraction(part.total) for part in explained.made_of), Fraction())
    shown = [(part, sum((Fraction(row[-1]) for row in part.rows), Fraction())) for part in explained.made_of]
    assert all(seen + Fraction(part.rest) == Fraction(part.total) for part, seen in shown)
    assert all(part.row_count >= part.shown for part in explained.made_of)
    if metric.by is None:
        assert made == sum((Fraction(row[-1]) for row in explained.figure.rows), Fraction())
    else:
        condition = f" where {metric.condition}" if metric.condition else ""
        less = f" - sum({metric.less})" if metric.less else ""
        [(want,)] = proven_shop.rows(f"select sum({metric.column}){less} from marts.{metric.table}{condition}")
        assert made == Fraction(want)


def test_a_figure_of_one_client_goes_down_to_harvests_entries_and_its_own_figure(
    tools: Tools, proven_shop: Shop
) -> None:
    truth = proven_shop.simulator.truth()
    client = truth["clients"][0]
    mine = {row["id"]: row for row in truth["time_entries"] if row["client"]["id"] == client["id"]}
    explained = tools.explain("hours", where={"client_name": client["name"]}, limit=5)
    assert explained.figure.rows == [[explained.made_of[0].total]]
    assert Decimal(explained.made_of[0].total) == sum(row["rounded_hours"] for row in mine.values())
    names = [column.name for column in explained.made_of[0].columns]
    for row in explained.made_of[0].rows:
        record = mine[row[names.index("time_entry_id")]]
        assert Decimal(row[names.index("value")]) == record["rounded_hours"]
        assert row[names.index("spent_date")] == record["spent_date"]
    [harvest] = explained.harvest
    assert (harvest.report, harvest.differing_figures) == ("time/projects", 0)
    assert harvest.theirs == harvest.ours == explained.made_of[0].total


@pytest.mark.parametrize("name", ["revenue", "time_off_hours"])
def test_rows_of_days_are_counted_in_the_same_whole_weeks_and_months_as_the_figure(
    name: str, tools: Tools, proven_shop: Shop
) -> None:
    # In the middle of a week and of a month.
    since, until = proven_shop.as_of - timedelta(days=100), proven_shop.as_of - timedelta(days=30)
    explained = tools.explain(name, since=str(since), until=str(until))
    figure = sum((Fraction(row[-1]) for row in explained.figure.rows), Fraction())
    assert figure == sum((Fraction(part.total) for part in explained.made_of), Fraction()) != 0
    assert "begin in it" in " ".join(tools.metric([name], since=str(since)).notes)


def test_rows_are_not_narrowed_by_what_they_do_not_have(tools: Tools) -> None:
    with pytest.raises(SettingWrong, match="cannot be told apart by age_bucket"):
        tools.explain("unbilled_amount", where={"age_bucket": "90+"})


def test_amounts_are_split_by_currency_without_being_asked(tools: Tools) -> None:
    answer = tools.metric(["unbilled_amount"])
    assert [column.name for column in answer.columns] == ["currency", "unbilled_amount"]
    assert len(answer.rows) > 1
    assert any("never add them" in note for note in answer.notes)
    [[alone]] = [row[1:] for row in tools.metric(["unbilled_amount"], currency=answer.rows[0][0]).rows]
    assert alone == answer.rows[0][1]


def test_own_sql_that_adds_currencies_is_refused_with_the_statement_that_would_do(tools: Tools) -> None:
    with pytest.raises(MixesCurrencies) as refused:
        tools.sql("select sum(amount) as amount from invoices")
    assert refused.value.instead == "SELECT currency, SUM(amount) AS amount FROM invoices GROUP BY currency"
    answer = tools.sql(refused.value.instead)
    assert len(answer.rows) > 1
    assert answer.trust.status == "not_provable"


def test_in_an_account_with_one_currency_its_amounts_are_added(proven_shop: Shop, tmp_path: Path) -> None:
    shop = proven_shop.copy(tmp_path)
    shop.run("update marts.dim_client set currency = 'EUR'")
    # An invoice in another currency than its client's keeps currencies apart.
    with pytest.raises(MixesCurrencies):
        Tools(WarehouseReader(shop.warehouse)).sql("select sum(amount) from fct_invoice")
    shop.run(
        "update marts.fct_invoice set currency = 'EUR'", "update marts.mart_estimate_pipeline set currency = 'EUR'"
    )
    answer = Tools(WarehouseReader(shop.warehouse)).sql("select sum(amount) from fct_invoice")
    assert len(answer.rows) == 1
    assert answer.notes == ["Every amount is in one currency here."]


@pytest.mark.by_day(6)
@pytest.mark.parametrize("name", sorted(MODEL.questions))
def test_every_question_is_answered_with_its_trust(name: str, tools: Tools, proven_shop: Shop) -> None:
    answer = tools.question(name)
    assert answer.trust.words
    assert answer.trust.as_of_date == proven_shop.as_of.isoformat()
    json.dumps(answer.rows)


def test_a_question_is_trusted_for_its_own_period_and_split(proven_shop: Shop, tools: Tools) -> None:
    day = proven_shop.as_of - timedelta(days=40)
    words = tools.question("hours_by_client", {"since": str(day), "until": str(day + timedelta(days=3))}).trust.words
    assert "part of longer windows" in words
    assert "its split by age_bucket is not" in tools.question("unbilled_by_age").trust.words
    assert "No report of Harvest's states" in tools.question("fees_left_to_invoice").trust.words
    assert "time/tasks" in tools.question("hours_by_task").trust.words
    assert "report uninvoiced" in tools.question("unbilled_by_project", {"currency": "GBP"}).trust.words


def test_rows_are_cut_at_the_limit_and_it_is_said(tools: Tools, proven_shop: Shop) -> None:
    answer = tools.sql("select * from fct_time_entry", limit=7)
    assert (len(answer.rows), answer.is_cut) == (7, True)
    assert "never add these up" in answer.notes[-1]
    few = Tools(WarehouseReader(proven_shop.warehouse, most_rows=2)).metric(["hours"], ["person_name"], limit=50)
    assert (len(few.rows), few.is_cut) == (2, True)
    wide = tools.sql("select repeat('x', 290) as words from fct_time_entry", limit=200)
    assert wide.is_cut
    assert len(json.dumps(wide.rows)) < 45_000


def test_decimals_keep_their_digits_and_large_integers_too(tools: Tools) -> None:
    answer = tools.sql("select 0.10::decimal(38, 9) as a, 9007199254740993 as b, 1::decimal(38, 9) as c, true as d")
    assert answer.rows == [["0.1", "9007199254740993", "1", True]]


def test_words_lead_to_metrics_and_questions(tools: Tools) -> None:
    def first(text: str) -> str:
        return tools.find(text).found[0].name

    assert first("WIP") == "unbilled_amount"
    assert first("who has not paid?") == "overdue_invoices"
    assert first("profit margin") in ("margin_share", "margin")
    assert first("chargeability") == "billable_utilisation"
    assert tools.find("xyzzy").found == []


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda tools: tools.metric(["nothing"]), "There is no metric"),
        (lambda tools: tools.metric(["hours"], since="yesterday"), "is a day such as"),
        (lambda tools: tools.question("nothing"), "There is no question"),
        (lambda tools: tools.question("budgets", {"since": "2026-01-01"}), "no parameter"),
        (lambda tools: tools.question("who_has_room", {"weeks": "4; drop table x"}), "is a number"),
        (lambda tools: tools.question("hours_by_client", {"since": "' or 1=1"}), "is a day such as"),
        (lambda tools: tools.describe("nothing"), "There is no table"),
        (lambda tools: tools.trust("nothing"), "There is no metric"),
        (lambda tools: tools.metric(["hours"], account="1"), "Name one of the accounts 123456"),
    ],
)
def test_what_does_not_exist_is_said_with_what_does(ask: Callable[[Tools], object], said: str, tools: Tools) -> None:
    with pytest.raises(SettingWrong, match=said):
        ask(tools)


def test_before_anything_is_loaded_the_overview_says_so(tmp_path: Path) -> None:
    overview = Tools(WarehouseReader(Shop(tmp_path).warehouse)).overview()
    assert "is not there yet" in overview.notes[0]
    assert overview.trust is None
    assert overview.metrics == list(MODEL.metrics)


def test_a_connected_server_does_not_hold_up_a_writer(proven_shop: Shop, tmp_path: Path) -> None:
    shop = proven_shop.copy(tmp_path)
    tools = Tools(WarehouseReader(shop.warehouse))
    tools.overview()
    with open_database(shop.warehouse) as database:
        database.run(["create table marts.proof as select 1 as one"])
    assert tools.sql("select count(*) from fct_invoice").rows


def test_while_another_program_writes_it_says_so_in_a_few_seconds(
    proven_shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_SECONDS_OF_WAITING", 1.0)
    shop = proven_shop.copy(tmp_path)
    script = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(shop.warehouse.file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "held\n"
        tools = Tools(WarehouseReader(shop.warehouse))
        began = time.monotonic()
        with pytest.raises(Busy, match="is being written, or open in another program"):
            tools.metric(["hours"])
        assert time.monotonic() - began < 10
        writer.stdin.close()
    assert tools.metric(["hours"]).rows


def test_tables_are_listed_by_sql_and_others_columns_described(tools: Tools) -> None:
    assert ["harvest_marts", "mart_unbilled"] in tools.sql("show tables", limit=200).rows
    assert tools.sql("describe fct_invoice").rows


def test_invisible_characters_are_taken_out_of_texts_and_long_ones_cut() -> None:
    assert plain("a\u202eb\u200bc\U000e0041d\x1b[31me\nf") == "abcd [31me f"
    assert len(plain("x" * 1_000)) == 300


class TestTrustChangesWithTheDatabase:
    """Each damage to the database, and the status that it leads to."""

    @pytest.fixture
    def shop(self, proven_shop: Shop, tmp_path: Path) -> Shop:
        """A shop of which every day was compared: not so the last one, as long as a timer runs."""
        made = proven_shop.copy(tmp_path)
        for table in ("harvest_reconciliation", "harvest_reconciliation_windows"):
            made.run(f"update {table} set to_date = to_date + 1 where to_date = date '{made.as_of}' - 1")
        return made

    def test_a_day_that_was_not_compared(self, proven_shop: Shop) -> None:
        trust = trust_of(MODEL.metrics["hours"], known_of(proven_shop), Asked())
        assert (trust.status, trust.compared_until) == ("partly_proven", str(proven_shop.as_of - timedelta(days=1)))
        assert f"{proven_shop.as_of} was not compared" in trust.words

    def test_whole(self, shop: Shop) -> None:
        known = known_of(shop)
        assert known.gaps == {}
        assert status(shop) == "proven"
        assert status(shop, "revenue") == "not_provable"

    def test_a_figure_that_differs(self, shop: Shop) -> None:
        shop.run(
            "update harvest_reconciliation set verdict = 'mismatch', theirs = theirs + 1 where measure = 'total_hours' "
            "and subject_id = (select min(subject_id) from harvest_reconciliation where report = 'time/projects')"
        )
        assert status(shop) == "differs"
        assert status(shop, "billable_hours") == "proven"
        report = Tools(WarehouseReader(shop.warehouse)).trust()
        assert {row[-1] for row in report.differing} == {"mismatch"}
        assert report.metrics["hours"] == "differs"

    def test_a_figure_that_could_not_be_compared(self, shop: Shop) -> None:
        shop.run("update harvest_reconciliation set verdict = 'not_provable' where measure = 'total_hours'")
        assert status(shop) == "partly_proven"

    def test_no_comparison(self, shop: Shop) -> None:
        shop.run("drop table harvest_reconciliation", "drop table harvest_reconciliation_windows")
        assert status(shop) == "not_compared"

    def test_an_unfinished_comparison(self, shop: Shop) -> None:
        shop.run("update harvest_reconciliation_windows set is_finished = false")
        assert status(shop) == "not_compared"

    def test_a_window_that_is_missing(self, shop: Shop) -> None:
        shop.run(
            "delete from harvest_reconciliation_windows where report = 'time/projects' and to_date = "
            "(select max(to_date) from harvest_reconciliation_windows where report = 'time/projects')"
        )
        assert status(shop) == "partly_proven"

    def test_a_part_of_a_window(self, shop: Shop) -> None:
        middle = shop.as_of - timedelta(days=40)
        assert status(shop, since=middle, until=middle + timedelta(days=3)) == "partly_proven"

    def test_a_split_that_no_report_states(self, shop: Shop) -> None:
        assert status(shop, dimensions=["client_name"]) == "proven"
        assert status(shop, dimensions=["person_name"]) == "proven"
        assert status(shop, dimensions=["client_name", "person_name"]) == "partly_proven"
        assert status(shop, dimensions=["month_start"]) == "partly_proven"

    def test_rows_that_changed_since(self, shop: Shop) -> None:
        shop.run("update marts.fct_time_entry set updated_at = timestamptz '2099-01-01 00:00:00+00'")
        assert status(shop) == "stale"

    def test_rows_that_were_deleted_since(self, shop: Shop) -> None:
        shop.run(
            f"insert into harvest_deletions by name select '{shop.simulator.account_id}' as account_id, 'time_entries' as "
            "table_name, '1' as row_key, timestamptz '2099-01-01 00:00:00+00' as found_at, 'x' as _dlt_load_id, 'x' as _dlt_id"
        )
        assert status(shop) == "stale"

    def test_an_old_load(self, shop: Shop) -> None:
        known = known_of(shop)
        late = Standing(**{**vars(known), "now": known.loaded_at + timedelta(days=5)})
        trust = trust_of(MODEL.metrics["hours"], late, Asked())
        assert trust.status == "stale"
        assert "5 days old" in trust.words

    def test_a_load_after_the_build(self, shop: Shop) -> None:
        shop.run("update harvest_runs set ended_at = timestamptz '2099-01-01 00:00:00+00' where stream = 'clients'")
        trust = trust_of(MODEL.metrics["hours"], known_of(shop), Asked())
        assert trust.status == "stale"
        assert "dlt-harvest build" in trust.words
        assert "dlt-harvest build" in trust_of(MODEL.metrics["revenue"], known_of(shop), Asked()).words

    def test_a_list_that_was_never_read(self, shop: Shop) -> None:
        shop.run("delete from harvest_runs where stream = 'projects'")
        assert status(shop, "unbilled_amount") == "not_provable"
        assert status(shop) == "proven"

    def test_a_list_that_failed_last(self, shop: Shop) -> None:
        shop.run("update harvest_runs set outcome = 'failed' where stream = 'time_entries'")
        assert status(shop) == "not_provable"

    def test_a_list_that_is_switched_off(self, shop: Shop) -> None:
        shop.run(
            "update harvest_runs set outcome = 'skipped', reason = 'switched off in Harvest' where stream = 'expenses'"
        )
        trust = trust_of(MODEL.metrics["expense_amount"], known_of(shop), Asked())
        assert (trust.status, trust.gaps) == ("not_provable", {"expenses": "is switched off in Harvest"})

    def test_what_is_hidden_from_the_token(self, shop: Shop) -> None:
        shop.run(
            f"insert into harvest_access by name select '{shop.simulator.account_id}' as account_id, "
            "timestamptz '2099-01-01 00:00:00+00' as looked_at, '[\"time_entries.cost_rate\"]' as hidden, "
            "'[\"invoices\"]' as refused, '[]' as lost, 'x' as _dlt_load_id, 'x' as _dlt_id"
        )
        assert trust_of(MODEL.metrics["labour_cost"], known_of(shop), Asked()).gaps == {
            "time_entries": "has money columns that are hidden from the token"
        }
        assert "invoices may not be read" in trust_of(MODEL.metrics["receivables"], known_of(shop), Asked()).words

    def test_findings(self, shop: Shop) -> None:
        shop.run("update marts.mart_data_quality set row_count = 7 where finding = 'running_timer'")
        assert known_of(shop).findings["running_timer"] == 7

    def test_comparisons_of_another_account(self, shop: Shop) -> None:
        shop.run(
            "update harvest_reconciliation set account_id = '1'",
            "update harvest_reconciliation_windows set account_id = '1'",
        )
        assert status(shop) == "not_compared"
