"""The dashboard as a program: every page of every kind of account, and figures that are those of the marts."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import pytest
from markupsafe import escape

from harvest_time_tracking import HarvestError
from harvest_warehouse.dashboard import palette, queries
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import money, percent, total
from harvest_warehouse.dashboard.header import accounts, verdict, without_rate
from harvest_warehouse.dashboard.markup import code
from harvest_warehouse.dashboard.page import Column, Section
from harvest_warehouse.dashboard.pages import PAGES
from harvest_warehouse.dashboard.pages.people import figure_in_field, load
from harvest_warehouse.dashboard.ranking import named, ranked
from harvest_warehouse.dashboard.ranking import top as first_few
from harvest_warehouse.dashboard.reader import Reader
from harvest_warehouse.dashboard.render import problem
from harvest_warehouse.dashboard.requirements import known
from harvest_warehouse.dashboard.sections import burn
from harvest_warehouse.dashboard.serve.answers import Dashboard
from harvest_warehouse.dashboard.url import filters_asked_for, query_of, slug
from harvest_warehouse.database import NotReadable, open_database
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.system_tables import write_rows
from harvest_warehouse.marts.settings import mart_settings
from harvest_warehouse.verify.results import RECONCILIATION
from harvest_warehouse.warehouse import Target
from support.dashboards import (
    BAD,
    CROWD,
    GROUNDS,
    amount,
    ask,
    crowd,
    named_badly,
    nothing,
    page,
    text,
    tiles,
    time_only,
    top,
)
from support.shop import Shop

Make = Callable[[str], Shop]


@pytest.fixture(scope="module")
def made(small_shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Make:
    accounts = {"company": small_shop.copy, "nothing": nothing, "time_only": time_only, "crowd": crowd}
    return cache(lambda kind: accounts[kind](tmp_path_factory.mktemp(kind)))


@pytest.mark.by_day(6)
@pytest.mark.parametrize("kind", ["company", "nothing", "time_only", "crowd"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_of_every_kind_of_account_shows_each_section_with_its_chart_and_its_table(
    made: Make, kind: str, name: str
) -> None:
    shown = page(made(kind), name)
    assert shown.title == name
    html = text(Dashboard(made(kind).warehouse).page(slug(name), {}))
    assert f"<h1>{escape(name)}</h1>" in html
    assert re.findall(r'<a href="[^"]*" aria-current="page">(.*?)</a>', html) == [escape(name)]
    sections = html.split('<section class="section')[1:]
    for section, said in zip(shown.sections, sections, strict=True):
        assert f"<h2>{code(section.title)}</h2>" in said
        assert ("<svg xmlns" in said) == (section.chart is not None)
        assert len(re.findall(r"<td", said)) == min(len(section.rows), 500) * len(section.columns)


LAST_WEEK = "week_end = (select max(week_end) from marts.dim_date where is_complete_week)"


def test_overview_has_one_line_for_each_currency_and_says_what_the_marts_say(made: Make) -> None:
    shop = made("company")
    shown = page(shop, "Overview")
    currencies = top(shop).currencies
    lines = {row["currency"]: row for row in shown.sections[1].rows}
    assert tuple(lines) == currencies
    assert len(currencies) > 1
    for currency, line in lines.items():
        [[unbilled, old]] = ask(
            shop,
            f"""select coalesce(sum(uninvoiced_amount), 0),
            coalesce(sum(case when age_bucket <> '0-30' then uninvoiced_amount end), 0)
            from marts.mart_unbilled where age_bucket <> 'fee' and currency = '{currency}'""",
        )
        [[owed]] = ask(
            shop,
            "select coalesce(sum(due_amount), 0) from invoices "
            f"where state = 'open' and due_amount > 0 and currency = '{currency}'",
        )
        [[overdue, invoices]] = ask(
            shop,
            "select coalesce(sum(due_amount), 0), count(*) from invoices where state = 'open' and due_amount > 0 "
            f"and due_date < (select as_of_date from marts.dim_account) and currency = '{currency}'",
        )
        [[bad]] = ask(
            shop,
            "select count(*) from marts.mart_project_budget where is_active and status in ('over', 'forecast_over') "
            f"and currency = '{currency}'",
        )
        [[fees]] = ask(
            shop,
            "select coalesce(sum(uninvoiced_amount), 0) from marts.mart_unbilled "
            f"where age_bucket = 'fee' and uninvoiced_amount > 0 and currency = '{currency}'",
        )
        assert line["fees_left"] == fees
        kept = {name: line[name] for name in ("unbilled", "unbilled_old", "receivable", "overdue", "budgets_over")}
        assert kept == {
            "unbilled": unbilled, "unbilled_old": old, "receivable": owed, "overdue": overdue, "budgets_over": bad,
        }  # fmt: skip
        assert line["overdue_invoices"] == invoices
    # At least one of them has something to show.
    assert any(line["unbilled"] for line in lines.values())
    [[available, billable]] = ask(
        shop, f"select sum(available_hours), sum(billable_hours) from marts.mart_utilisation_weekly where {LAST_WEEK}"
    )
    [[chased]] = ask(
        shop,
        "select count(*) from marts.mart_timesheet_compliance_weekly "
        f"where {LAST_WEEK} and is_active and capacity_hours - tracked_hours >= 8",
    )
    [[bad]] = ask(
        shop,
        "select count(*) from marts.mart_project_budget where is_active and status in ('over', 'forecast_over')",
    )
    found = tiles(shown)
    assert found["Billable utilisation, last week"] == percent(billable / available)
    assert found["Timesheets to chase, last week"] == f"{chased}"
    assert found["Budgets over, or heading over"] == f"{bad}"


CONTRACTORS = """
select count(distinct user_id)
from marts.mart_utilisation_weekly
where is_contractor and available_hours > 0 and is_complete_week
  and week_index > (select max(week_index) from marts.dim_date where is_complete_week) - 12
"""


def test_the_filters_narrow_what_they_say(made: Make) -> None:
    shop = made("company")
    head = top(shop)
    currency = head.currencies[0]
    clients = head.clients[currency]
    whole = amount(tiles(page(shop, "Billing & cash"))["Not yet billed"])
    alone = [amount(tiles(page(shop, "Billing & cash", client_ids=(key,)))["Not yet billed"]) for key in clients]
    assert len([part for part in alone if part]) > 1
    assert abs(sum(alone) - whole) <= len(alone)
    everyone = int(tiles(page(shop, "People"))["People with capacity"])
    [[contractors]] = ask(shop, CONTRACTORS)
    assert contractors
    assert everyone - int(tiles(page(shop, "People", has_contractors=False))["People with capacity"]) == contractors
    weeks = [len(page(shop, "Overview", weeks=number).sections[3].rows) for number in (4, 8)]
    assert weeks == [4, 8]
    below = [page(shop, "People", target=Decimal(share)).sections[0].title for share in ("0.01", "1")]
    assert below[0] != below[1]


def test_money_of_another_currency_than_costs_has_no_margin_and_says_why(made: Make) -> None:
    shop = made("company")
    head = top(shop)
    foreign = next(code for code in head.currencies if code != head.home_currency)
    at_home, abroad = (page(shop, "Margin", currency=code) for code in (head.home_currency, foreign))
    assert "Margin of client work" in tiles(at_home)
    assert "Margin of client work" not in tiles(abroad)
    assert f"costs are in {head.home_currency}" in abroad.sections[1].note
    assert not [column for section in abroad.sections for column in section.columns if "Cost" in column.title]
    # Three complete months, of projects that clients pay for; what is internal stands beside it.
    window = "is_complete_month and month_start >= date_trunc('month', (select as_of_date from marts.dim_account)) - interval 3 month"
    [[margin]] = ask(
        shop,
        "select sum(margin) from marts.mart_project_profitability_monthly "
        f"where is_home_currency and project_type <> 'non_billable' and {window}",
    )
    [[internal]] = ask(
        shop,
        "select sum(labour_cost + case when is_home_currency then expense_cost else 0 end) "
        "from marts.mart_project_profitability_monthly "
        f"where project_type = 'non_billable' and {window}",
    )
    assert tiles(at_home)["Margin of client work"] == money(margin, head.home_currency or "")
    assert tiles(at_home)["Internal work and leave"] == money(internal, head.home_currency or "")
    assert {row["project_type"] for row in at_home.sections[3].rows} <= {"time_and_materials", "fixed_fee", "unknown"}


def test_the_company_has_one_margin_where_every_currency_has_a_rate_and_a_way_to_one_where_not(
    made: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = made("company").copy(tmp_path)
    head = top(shop)
    [section, *_] = page(shop, "Margin").sections
    assert section.title.startswith("The margin of the whole company is not known: there is no rate for ")
    assert "Set `exchange_rates` in `[harvest_marts]`" in section.title
    assert "`exchange_rates`" in page(shop, "Overview").sections[1].note
    foreign = [code for code in head.currencies if code != head.home_currency]
    monkeypatch.setenv("HARVEST_MARTS__EXCHANGE_RATES", json.dumps(dict.fromkeys(foreign, 2)))
    shop.build(mart_settings())
    head = top(shop)
    assert {code: rate.value for code, rate in head.rates.items()} == dict.fromkeys(foreign, Decimal(2))
    shown = page(shop, "Overview")
    *lines, whole = shown.sections[1].rows
    assert whole["currency"] == f"all, in {head.home_currency}"
    expected = sum(line["overdue"] * (1 if line["currency"] == head.home_currency else 2) for line in lines)
    assert whole["overdue"] == expected
    assert tiles(shown)["Overdue"] == money(expected, head.home_currency or "")
    assert all(f"1 {code} = 2 (" in shown.sections[1].note for code in foreign)
    [section, *_] = page(shop, "Margin").sections
    [[earned, brought]] = ask(
        shop,
        """select sum(margin_home), sum(revenue_home) from marts.mart_project_profitability_monthly
        where project_type <> 'non_billable' and is_complete_month
          and month_start >= date_trunc('month', (select as_of_date from marts.dim_account)) - interval 3 month""",
    )
    assert f"{money(earned, head.home_currency or '')} of {money(brought, head.home_currency or '')}" in section.title
    # Calls are in one order now.
    amounts = [row["amount"] * (1 if row["currency"] == head.home_currency else 2) for row in shown.sections[0].rows]
    assert amounts == sorted(amounts, reverse=True)


def test_people_are_held_against_targets_of_their_own_unless_one_is_chosen_for_all(made: Make, tmp_path: Path) -> None:
    shop = made("company").copy(tmp_path)
    before = page(shop, "People").sections[0]
    [(who,)] = shop.rows(
        "select max(user_id) from marts.mart_utilisation_weekly where is_complete_week and billable_hours > 0"
    )
    shop.run(f"update marts.dim_person set target_utilisation = 0.01 where user_id = {who}")
    head = top(shop)
    assert head.has_own_targets
    usual = filters_asked_for({}, head)
    assert (usual.has_own_targets, query_of(usual, head, [head.account_id])) == (True, [])
    asked = filters_asked_for({"target": ["75"]}, head)
    assert (asked.has_own_targets, query_of(asked, head, [head.account_id])) == (False, [("target", "75")])
    own = page(shop, "People", has_own_targets=True).sections[0]
    targets = {row["user_id"]: row["target"] for row in own.rows}
    assert targets == {**dict.fromkeys(targets, head.target), who: Decimal("0.01")}
    assert own.title.endswith("below their target")
    assert page(shop, "People").sections[0].title == before.title
    weeks = page(shop, "Overview", has_own_targets=True)
    note = next(tile.note for tile in weeks.tiles if tile.label.startswith("Billable utilisation"))
    [(mean,)] = shop.rows(
        f"""select sum(available_hours * case when user_id = {who} then 0.01 else {head.target} end) / sum(available_hours)
        from marts.mart_utilisation_weekly
        where week_start = (select max(week_start) from marts.dim_date where is_complete_week)"""
    )
    assert note.endswith(f"target {percent(Decimal(str(mean)))}")


def test_five_hundred_people_are_a_short_chart_and_a_whole_table(made: Make) -> None:
    by_person, by_week, *_ = page(made("crowd"), "People").sections
    assert len(by_person.rows) > CROWD
    drawn = json.loads(json.dumps(by_person.chart))  # type: ignore[union-attr]
    labels = (
        [row["label"] for data in drawn["datasets"].values() for row in data if "label" in row]
        if ("datasets" in drawn)
        else [
            row["label"]
            for layer in drawn["layer"]
            for row in layer.get("data", {}).get("values", ())
            if "label" in row
        ]
    )
    assert len(labels) == 31
    assert labels[15].endswith("people between")
    assert len({row["user_id"] for row in by_week.rows}) == 30
    unbilled = page(made("crowd"), "Billing & cash").sections[2]
    clients = {row["label"] for row in unbilled.rows}
    assert len(clients) > 50
    # All others together have most of it: a bar for them would leave nothing to be seen of those who are named.
    assert f"{len(clients) - 10} other" not in json.dumps(unbilled.chart)  # type: ignore[union-attr]
    drawn = set(ranked(list(unbilled.rows), lambda some: total(some, "uninvoiced_amount"))[:10])
    left = total([row for row in unbilled.rows if row["label"] not in drawn], "uninvoiced_amount")
    assert unbilled.rest == (
        f"The chart shows the 10 clients with most; {len(clients) - 10} others have USD {left:,.0f} together."
    )


def test_the_title_of_the_weeks_counts_people_who_are_not_drawn(made: Make, tmp_path: Path) -> None:
    shop = made("crowd").copy(tmp_path)
    [[week, name]] = ask(
        shop,
        "select max(week_index), 'Pat Number 250' from marts.dim_date where is_complete_week",
    )
    [[before]] = ask(
        shop,
        f"""select count(distinct user_id) from marts.mart_utilisation_weekly where is_complete_week
        and week_index > {week} - 12 and available_hours > 0 and billable_hours > available_hours""",
    )
    shop.run(
        f"""update marts.mart_utilisation_weekly set billable_hours = available_hours + 1
        where person_name = '{name}' and week_index = {week}"""
    )
    by_week = page(shop, "People").sections[1]
    assert name not in {row["label"] for row in by_week.rows}
    assert by_week.title == f"{before + 1} people had at least one week above 100%"


def test_the_verdict_is_that_of_the_last_comparison_and_never_a_fixed_text(made: Make, tmp_path: Path) -> None:
    shop = made("company")
    assert verdict(top(shop)) == "not run"
    compared = shop.copy(tmp_path)
    row = {
        "account_id": "123456", "report": "time/projects", "from_date": shop.as_of, "to_date": shop.as_of,
        "currency": "EUR", "measure": "total_hours", "subject": "A", "is_there": True, "convention": "", "reason": "",
        "compared_at": shop.simulator.clock.now(), "run_id": "1",
    }  # fmt: skip
    write_rows(
        Run(compared.warehouse),
        RECONCILIATION.holding(
            [
                {**row, "subject_id": 1, "ours": Decimal(1), "theirs": Decimal(1), "verdict": "exact"},
                {**row, "subject_id": 2, "ours": Decimal(2), "theirs": Decimal(2), "verdict": "exact"},
                {**row, "subject_id": 3, "ours": Decimal(3), "theirs": Decimal(5), "verdict": "mismatch"},
            ]
        ),
    )
    said = verdict(top(compared))
    assert said.startswith("2 of 3 figures equal, 1 different (")
    trust = page(compared, "Trust")
    assert tiles(trust)["Figures equal to Harvest's"] == "2 of 3"
    assert trust.sections[1].table()[0]["Difference"] == -2.0


def test_entries_without_a_rate_are_counted_above_every_page(made: Make) -> None:
    shop = made("company")
    [[rateless]] = ask(shop, "select count(*) from marts.fct_time_entry where is_missing_billable_rate")
    [[costless]] = ask(shop, "select count(*) from marts.fct_time_entry where is_missing_cost_rate")
    assert (top(shop).without_billable_rate, top(shop).without_cost_rate) == (rateless, costless)
    assert rateless
    assert costless


def test_between_two_pages_the_database_is_free_to_be_written(made: Make) -> None:
    shop = made("nothing")
    read = Reader(shop.warehouse)
    assert accounts(read)
    with open_database(shop.warehouse) as database:
        database.run(["create table marts.scratch as select 1 as one", "drop table marts.scratch"])


def test_a_database_that_is_being_written_is_waited_for_and_then_named(made: Make) -> None:
    file = made("nothing").warehouse.file
    waited: list[float] = []
    read = Reader(made("nothing").warehouse, sleep=waited.append)
    keeping = f"import duckdb; open_one = duckdb.connect({str(file)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", keeping], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "open\n"
        with pytest.raises(NotReadable, match="being written"):
            accounts(read)
        other.communicate("\n")
    assert len(waited) == 4
    assert accounts(read)


@pytest.fixture(scope="module")
def badly(made: Make, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return named_badly(made("company"), tmp_path_factory.mktemp("badly"))


@pytest.mark.parametrize("name", PAGES)
def test_a_name_is_text_on_every_page_and_never_markup(badly: Shop, name: str) -> None:
    html = text(Dashboard(badly.warehouse).page(slug(name), {}))
    assert "<script>window" not in html
    assert f'<p class="account">{escape(BAD)}</p>' in html
    for section in page(badly, name).sections:
        assert f"<h2>{code(section.title)}</h2>" in html


def test_what_stands_between_backticks_is_code_and_text_all_the_same() -> None:
    assert (
        code("Run `sync` & <wait>, or `<b>`") == "Run <code>sync</code> &amp; &lt;wait&gt;, or <code>&lt;b&gt;</code>"
    )
    assert "No <code>sync</code> in &lt;b&gt;here&lt;/b&gt;." in problem("No `sync` in <b>here</b>.", comes_again=True)


def test_an_address_asks_for_what_there_is_and_nothing_else(made: Make) -> None:
    head = top(made("company"))
    # The last one is that of an invoice alone.
    last = [currency for currency in head.currencies if head.clients[currency]][-1]
    client = next(iter(head.clients[last]))
    asked = {
        "currency": [last],
        "weeks": ["26"],
        "contractors": ["off"],
        "target": ["80"],
        "client": [str(client), "7"],
    }
    chosen = Filters("123456", last, (client,), 26, False, Decimal("0.8"))
    assert filters_asked_for(asked, head) == chosen
    # What is written into links is read as the same filters.
    again = urlencode(query_of(chosen, head, ["123456"]))
    assert filters_asked_for(parse_qs(again), head) == chosen
    assert query_of(filters_asked_for({}, head), head, ["123456"]) == []
    nonsense = {name: ["1; drop"] for name in asked}
    assert filters_asked_for(nonsense, head) == Filters("123456", head.currencies[0], target=head.target)


# The others are about the copy itself.
OF_HARVEST = set(PAGES) - {"Trust", "Runs"}


def test_what_was_never_read_has_no_figure_and_says_so(made: Make) -> None:
    shop = made("time_only")
    for name in OF_HARVEST:
        shown = page(shop, name)
        assert {tile.figure for tile in shown.tiles} == {"–"}
        assert all("never read from Harvest" in tile.note for tile in shown.tiles)
        assert all("never read from Harvest" in section.title and not section.rows for section in shown.sections)
    assert top(shop).never_read == ("clients", "projects", "users", "expenses", "invoices", "estimates")


def test_without_projects_nobody_knows_what_needs_a_rate(made: Make) -> None:
    assert without_rate(top(made("time_only"))) == "not known: projects were never read from Harvest"
    assert re.fullmatch(r"[\d,]+ billable entr(y|ies), [\d,]+ without a cost rate", without_rate(top(made("company"))))


def test_where_harvest_has_nothing_no_figure_pretends_to_be_one(made: Make) -> None:
    shop = made("nothing")
    assert top(shop).never_read == ()
    for name in OF_HARVEST:
        shown = page(shop, name)
        assert {tile.figure for tile in shown.tiles} == {"–"}
        assert all(tile.note.startswith("no data: there are no ") for tile in shown.tiles)
        assert all("nothing to show" in section.title for section in shown.sections)


def test_a_list_that_is_missing_takes_away_only_what_rests_on_it(made: Make) -> None:
    whole = page(made("company"), "Overview")
    shown = known(whole, {"invoices": "switched off", "expenses": "never read"})
    assert [tile.label for tile, was in zip(shown.tiles, whole.tiles, strict=True) if tile != was] == ["Overdue"]
    assert shown.tiles[0].note == "no data: invoices are switched off in Harvest"
    cash = known(page(made("company"), "Billing & cash"), {"invoices": "switched off"})
    assert cash.sections[1].title == "Receivables by age: nothing to show, invoices are switched off in Harvest"


def test_without_marts_it_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(HarvestError, match="dlt-harvest"):
        accounts(Reader(Target(tmp_path)))
    with pytest.raises(HarvestError, match="dlt-harvest sync"):
        Dashboard(Target(tmp_path)).page(slug("Overview"), {})


def test_a_downloaded_table_holds_every_row_and_no_formula() -> None:
    rows = [
        {"name": "=cmd()", "money": Decimal("1234.567"), "share": Decimal("0.5")},
        {"name": "Ä", "money": None, "share": None},
    ]
    columns = (Column("name", "Name"), Column("money", "Money (EUR)", "money"), Column("share", "Share (%)", "share"))
    read = list(csv.reader(io.StringIO(Section("t", rows, columns).csv().decode("utf-8-sig"))))
    assert read == [["Name", "Money (EUR)", "Share (%)"], ["'=cmd()", "1234.57", "50.0"], ["Ä", "", ""]]


def test_others_hold_what_the_named_ones_leave() -> None:
    rows = [{"id": number, "name": "same", "kind": "a", "size": Decimal(number)} for number in range(1, 21)]
    labelled = named(rows, "name", "id")
    labels = ranked(labelled, lambda some: total(some, "size"))
    few = first_few(labelled, labels, 5, ("size",), "kind", "client")
    assert [row["label"] for row in few] == [
        *(f"same ({number})" for number in (20, 19, 18, 17, 16)),
        "15 other clients",
    ]
    assert few[-1]["size"] == sum(range(1, 16))
    # Nobody is hidden behind "1 other".
    assert len(first_few(labelled, labels, 19, ("size",), "kind", "client")) == 20


@pytest.mark.parametrize(
    ("share", "means"),
    [(None, "away"), ("1.01", "above 100%"), ("0.75", "on target"), ("0.74", "below target"), ("0.54", "room")],
)
def test_a_week_means_what_its_share_of_the_target_is(share: str | None, means: str) -> None:
    assert load(None if share is None else Decimal(share), Decimal("0.75")) == means


COLOURS = {name: value for name, value in vars(palette).items() if name.isupper() and isinstance(value, str)}


@pytest.mark.parametrize("name", sorted(set(COLOURS) - {"WHITE", "BLACK"}))
def test_every_colour_stands_out_on_both_grounds_and_carries_white_text(name: str) -> None:
    # https://www.w3.org/TR/WCAG22/#non-text-contrast and #contrast-minimum
    assert_stands_out(COLOURS[name])


@pytest.mark.parametrize("colour", palette.OVERDUE.values())
def test_every_age_stands_out_and_the_older_is_the_redder(colour: str) -> None:
    assert_stands_out(colour)
    scale = list(palette.OVERDUE.values())
    assert list(palette.AGES.values()) == scale[1:], "the same colour is the same age on both charts"
    assert [int(one[1:3], 16) for one in scale] == sorted(int(one[1:3], 16) for one in scale)


def assert_stands_out(colour: str) -> None:
    for ground in GROUNDS.values():
        assert contrast(colour, ground) >= 3
    assert contrast(colour, palette.WHITE) >= 4.5


def test_every_meaning_has_a_colour_of_its_own() -> None:
    for colours in (palette.STATUS, palette.AGES, palette.OVERDUE, palette.LOAD, palette.VERDICTS):
        assert len(set(colours.values())) == len(colours)


def contrast(one: str, other: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(
    ("share", "said"),
    [(None, "–"), ("0.996", "100"), ("1", "100"), ("1.003", ">100"), ("1.006", "101")],
)
def test_a_week_above_all_available_hours_does_not_look_like_one_that_is_full(share: str | None, said: str) -> None:
    assert figure_in_field(None if share is None else Decimal(share)) == said


def test_a_bar_that_is_cut_says_how_long_it_would_be_and_no_other_does(made: Make) -> None:
    shop = made("company")
    head = top(shop)
    chosen = Filters(head.account_id, head.currencies[0])
    [row, *_] = queries.budgets(Reader(shop.warehouse), chosen)

    def section(*shares: float) -> Section:
        return burn(
            [{**row, "project_id": n, "spent_share": share, "status": "over"} for n, share in enumerate(shares)],
            chosen,
            10,
        )

    long, short = section(2.1, 0.68), section(1.5, 0.68)
    assert "Longer bars end at 150%" in long.note
    assert "150" not in short.note
    assert ('"210%' in json.dumps(long.chart), '"150%' in json.dumps(short.chart)) == (True, False)  # type: ignore[union-attr]


def test_one_person_with_hardly_an_available_hour_leaves_the_other_bars_their_length(
    made: Make, tmp_path: Path
) -> None:
    shop = made("company").copy(tmp_path)
    [before, *_] = page(shop, "People").sections
    who = "(select min(user_id) from marts.mart_utilisation_weekly where is_complete_week and billable_hours > 0)"
    shop.run(
        f"""update marts.mart_utilisation_weekly set available_hours = 0.5, billable_hours = 20
        where user_id = {who}"""
    )
    [after, *_] = page(shop, "People").sections
    assert ("Longer bars end at 200%" in before.note, "Longer bars end at 200%" in after.note) == (False, True)
    drawn = json.dumps(after.chart)  # type: ignore[union-attr]
    assert '"4,000%"' in drawn
    assert max(json.loads(drawn)["layer"][0]["encoding"]["x"]["scale"]["domain"]) == pytest.approx(2.12)
