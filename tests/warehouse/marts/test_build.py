"""`build`: what it does with empty tables, several accounts, settings, failures and other databases' dialects."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from harvest_time_tracking import SettingWrong
from harvest_warehouse.cli.render.build import build_lines
from harvest_warehouse.database import open_database
from harvest_warehouse.database.lock import exclusive_lock
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.destinations import DESTINATIONS, Use, connect
from harvest_warehouse.marts import BuildFailed, build
from harvest_warehouse.marts.build import NEXT
from harvest_warehouse.marts.models import SQL, described, models, raw_tables, resolved, rules
from harvest_warehouse.marts.settings import MartSettings
from harvest_warehouse.warehouse import Target
from mart_truth import KEYS, Books
from support.shop import Shop, assert_same_table

TABLES = [model.name for model in models() if model.is_kept]


@pytest.fixture
def shop(tiny_shop: Shop, tmp_path: Path) -> Shop:
    """The tiny company, loaded, in a database of the test's own."""
    return tiny_shop.copy(tmp_path)


def count(shop: Shop, table: str) -> int:
    return int(shop.rows(f"select count(*) from marts.{table}")[0][0])


def next_tables(shop: Shop) -> set[str]:
    query = "select table_name from information_schema.tables where table_schema = 'harvest_marts'"
    with open_pipeline(shop.warehouse).sql_client() as client, client.execute_query(query) as cursor:
        return {name for (name,) in cursor.fetchall() if name.endswith(NEXT) or name.startswith(("cfg_", "int_"))}


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("week_start", "settings"),
    [
        (
            6,
            MartSettings(
                week_start=6,
                working_days=(0, 1, 2, 3),
                productive_tasks=("Business Development",),
                # Days on which leave was tracked, and one to come.
                holidays=frozenset({date(2025, 12, 25), date(2026, 1, 1), date(2026, 3, 26)}),
            ),
        ),
        (5, MartSettings(week_start=5, exchange_rates={"EUR": {date(1900, 1, 1): Decimal("1.47")}})),
    ],
    ids=["a week of four days that begins on Sunday, with holidays", "an exchange rate"],
)
def test_the_marts_follow_the_settings_and_a_changed_account(
    tmp_path: Path, week_start: int, settings: MartSettings
) -> None:
    shop = Shop(tmp_path, seed=week_start)
    shop.load()
    shop.simulator.clock.sleep(86_400 * 3)
    shop.simulator.mutate(120, seed=week_start)
    shop.load()
    shop.as_of = shop.simulator.clock.now().date()
    shop.build(settings)
    rates = {currency: rate for currency, by_day in settings.exchange_rates.items() for rate in by_day.values()}
    # The rows that the load brought: what Harvest deletes, only `sync` finds.
    books = Books(
        shop.simulator.truth(),
        shop.as_of,
        week_start,
        settings.working_days,
        rates,
        settings.productive_tasks,
        settings.holidays,
    )
    assert not settings.holidays or any(
        entry["day"] in settings.holidays and entry["is_leave"] for entry in books.entries
    )
    for name in KEYS:
        want = getattr(books, name)()
        if want:
            assert_same_table(shop, name, want)


def test_an_exchange_rate_holds_from_its_month_until_the_next(shop: Shop) -> None:
    rates = {"EUR": {date(2026, 1, 1): Decimal("1.5"), date(2026, 3, 1): Decimal("1.6")}}
    shop.build(MartSettings(exchange_rates=rates))
    found = shop.rows(
        "select distinct month_start, round(revenue_home / revenue, 6) from marts.mart_project_profitability_monthly "
        "where currency = 'EUR' and revenue > 0 order by 1"
    )
    by_month = dict(found)
    assert {month: by_month[month] for month in (date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1))} == {
        date(2026, 1, 1): 1.5,
        date(2026, 2, 1): 1.5,
        date(2026, 3, 1): 1.6,
    }
    assert by_month[date(2025, 12, 1)] is None, "before the first rate nothing is converted"


def test_two_accounts_in_the_same_tables_have_marts_of_their_own(shop: Shop) -> None:
    for table in raw_tables():
        links = [name for name in ("_dlt_id", "_dlt_parent_id") if name in columns(shop, table)]
        other = "".join(f", {name} || 'b' as {name}" for name in links)
        # The same ids, another account.
        shop.run(f'insert into "{table}" by name select * replace (\'999\' as account_id{other}) from "{table}"')
    report = shop.build()
    assert [account_id for account_id, _ in report.as_of] == ["123456", "999"]
    for table in TABLES:
        own = [name for name in described()[table].columns if name != "account_id"]
        rows = {
            account: shop.rows(
                f"select {', '.join(own)} from marts.{table} where account_id = '{account}' order by all"
            )
            for account in ("123456", "999")
        }
        if table != "dim_account":
            assert rows["123456"] == rows["999"], table


def columns(shop: Shop, table: str) -> tuple[str, ...]:
    with open_database(shop.warehouse) as database:
        return database.columns(table)


def test_a_new_account_has_every_table_and_hardly_a_row(tmp_path: Path) -> None:
    shop = Shop(tmp_path, empty=True)
    shop.load()
    shop.build()
    rows = {table: count(shop, table) for table in TABLES}
    assert rows["dim_person"] == 1
    assert {table for table, number in rows.items() if number and table.startswith("mart_")} <= {
        "mart_capacity_forecast_weekly",
        "mart_utilisation_weekly",
        "mart_timesheet_compliance_weekly",
    }


def test_time_entries_alone_are_enough(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.load("time_entries")
    shop.build(MartSettings(home_currency="CAD"))
    truth = shop.simulator.truth()["time_entries"]
    assert shop.rows("select sum(tracked_hours) from marts.mart_utilisation_weekly") == [
        (sum((row["hours"] for row in truth), Decimal(0)),)
    ]
    assert {name for (name,) in shop.rows("select client_name from marts.dim_client")} == {
        row["client"]["name"] for row in truth
    }
    assert shop.rows("select distinct project_type from marts.fct_time_entry") == [("unknown",)]
    assert shop.found()["unlisted"] == sum(
        len({row[what]["id"] for row in truth}) for what in ("client", "project", "user", "task")
    )


def test_a_database_without_a_single_list_builds_empty_tables(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.load("roles")
    shop.build()
    assert {count(shop, table) for table in TABLES} == {0}


def test_without_a_database_it_says_what_to_do_first(tmp_path: Path) -> None:
    with pytest.raises(SettingWrong, match="dlt-harvest sync"):
        build(Target(tmp_path), MartSettings())


def test_while_another_run_writes_nothing_is_built(shop: Shop) -> None:
    program = (
        "import sys; from pathlib import Path; from harvest_warehouse.marts.build import build\n"
        "from harvest_warehouse.warehouse import Target; from harvest_warehouse.database.lock import DatabaseBusy\n"
        "try: build(Target(Path(sys.argv[1])))\n"
        "except DatabaseBusy: print('busy')"
    )
    with exclusive_lock(shop.warehouse):
        done = subprocess.run(
            [sys.executable, "-c", program, str(shop.warehouse.folder)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.stdout.strip() == "busy", done.stderr


def test_a_build_that_fails_leaves_the_old_marts_and_shows_what_is_wrong(shop: Shop) -> None:
    shop.build()
    before = {table: count(shop, table) for table in TABLES}
    # No load would do this: the same entry twice.
    twice = "select * from time_entries where id = (select min(id) from time_entries)"
    shop.run(f"insert into time_entries {twice}", "delete from users")
    with pytest.raises(BuildFailed, match=r"key_fct_time_entry: 1 row") as failed:
        shop.build()
    assert {table: count(shop, table) for table in TABLES} == before
    assert failed.value.report is not None
    [error] = [found for found in failed.value.report.errors if found.name == "key_fct_time_entry"]
    with open_pipeline(shop.warehouse).sql_client() as client, client.execute_query(error.query) as cursor:
        assert [row[-1] for row in cursor.fetchall()] == [2]
    shop.run("delete from time_entries where id = (select min(id) from time_entries)")
    shop.build()
    assert count(shop, "fct_time_entry") == before["fct_time_entry"] - 1
    assert not next_tables(shop), "nothing of the building is left"


# 160 MB of texts in one list, which cannot go to disk.
_LIST = "select length(list(repeat('x', 200) || id)) as texts from {}"


@pytest.mark.parametrize("use", ["building", "writing"])
@pytest.mark.nightly
def test_a_statement_that_takes_more_memory_than_it_begins_with_is_done_with_more(tmp_path: Path, use: Use) -> None:
    warehouse = Target(tmp_path, pipelines_dir=tmp_path / "pipelines")

    def limit_and_threads() -> tuple[str, int]:
        [found] = database.rows("select current_setting('memory_limit'), current_setting('threads')")
        return found

    for ask in ("create", "rows", "counts", "run"):
        with open_database(warehouse, use) as database:
            database.make_marts()
            database.run(["drop table if exists marts.texts", "drop table if exists marts.made"])
            database.create("marts.texts", "select range as id from range(800000)")
            assert limit_and_threads() == ("95.3 MiB", 1)
            there = database.translated("select 1 from marts.texts").partition(" FROM ")[2]
            if ask == "create":
                database.create("marts.made", _LIST.format(there))
                assert database.rows("select texts from marts.made") == [(800_000,)]
            elif ask == "rows":
                assert database.rows(_LIST.format("marts.texts")) == [(800_000,)]
            elif ask == "counts":
                assert database.counts(_LIST.format(there), "texts") == {"800000": 1}
            else:
                # All of it or nothing: what was done before is done once.
                database.run(
                    [
                        "create table marts.made (texts bigint)",
                        "insert into marts.made select 1",
                        f"insert into marts.made {_LIST.format('marts.texts')}",
                    ]
                )
                assert database.rows("select texts from marts.made order by 1") == [(1,), (800_000,)]
            # And no more than it took.
            assert limit_and_threads()[0] in ("190.7 MiB", "381.4 MiB", "953.6 MiB")
    # The next one begins with little again.
    with open_database(warehouse, use) as database:
        assert limit_and_threads() == ("95.3 MiB", 1)


@pytest.mark.nightly
def test_a_statement_for_which_no_memory_is_enough_leaves_the_old_marts_and_says_so(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.build()
    before = {table: count(shop, table) for table in TABLES}
    kind = shop.warehouse.kind
    little = {"global_config": {"memory_limit": "8MB", "threads": 1, "temp_directory": ""}}
    cramped = replace(kind, uses={**kind.uses, "building": little}, more_memory=("SET memory_limit = '9MB'",))
    monkeypatch.setattr(connect, "DESTINATIONS", {**DESTINATIONS, "duckdb": cramped})
    shop.warehouse = replace(shop.warehouse)
    with pytest.raises(BuildFailed, match=r"(?s)Out of Memory.* The previous marts stay\.$"):
        shop.build()
    monkeypatch.undo()
    shop.warehouse = replace(shop.warehouse)
    assert {table: count(shop, table) for table in TABLES} == before
    shop.build()
    assert {table: count(shop, table) for table in TABLES} == before
    assert not next_tables(shop)


@pytest.mark.nightly
def test_an_interrupted_build_leaves_the_old_marts_and_the_next_one_works(shop: Shop) -> None:
    shop.build()
    before = count(shop, "fct_time_entry")
    shop.run("delete from time_entries where user__id = (select min(user__id) from time_entries)")

    def stop(step: str) -> None:
        if step == "replacing the marts":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(shop.warehouse, MartSettings(), as_of=shop.as_of, on_step=stop)
    assert count(shop, "fct_time_entry") == before
    shop.build()
    assert count(shop, "fct_time_entry") < before
    assert not next_tables(shop)


@pytest.mark.nightly
def test_a_load_goes_on_beside_the_marts(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.load()
    shop.build()
    shop.simulator.clock.sleep(3_600)
    shop.simulator.mutate(30, seed=5)
    shop.load()
    shop.build()
    assert_same_table(shop, "fct_time_entry", Books(shop.simulator.truth(), shop.as_of).fct_time_entry())


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    ("zone", "loaded_at", "as_of"),
    [
        ("Hawaii", datetime(2026, 3, 16, 5, tzinfo=UTC), date(2026, 3, 15)),
        ("Auckland", datetime(2026, 3, 16, 13, tzinfo=UTC), date(2026, 3, 17)),
        ("Middle Earth", datetime(2026, 3, 16, 23, 59, tzinfo=UTC), date(2026, 3, 16)),
    ],
)
def test_it_counts_up_to_the_day_of_the_last_load_in_the_accounts_time_zone(
    shop: Shop, zone: str, loaded_at: datetime, as_of: date
) -> None:
    with open_database(shop.warehouse) as database:
        database.run(["update users_me set timezone = :zone"], {"zone": zone})
        database.run([f"update harvest_runs set ended_at = timestamptz '{loaded_at.isoformat()}'"])
    report = build(shop.warehouse, MartSettings())
    assert dict(report.as_of) == {"123456": as_of}
    assert shop.rows("select date_day from marts.dim_date where is_as_of_date") == [(as_of,)]


def test_a_leave_that_no_task_is_called_is_told(shop: Shop) -> None:
    [(name, task_id)] = shop.rows("select name, id from tasks order by id limit 1")
    tasks = (name.upper(), "Vacaton", task_id, 7)
    report = build(shop.warehouse, MartSettings(time_off_tasks=tasks))
    assert report.unmatched == ("Vacaton", 7)
    assert [line for line in build_lines(report) if "Vacaton, 7" in line]
    assert build(shop.warehouse, MartSettings()).unmatched == (), "nobody asked for the names that are there by default"


def test_a_target_is_the_persons_own_else_that_of_the_first_role_else_that_of_all(
    tiny_shop: Shop, tmp_path: Path
) -> None:
    shop = tiny_shop.copy(tmp_path)
    shop.build()
    people = shop.rows(
        "select user_id, person_name, role_name from marts.dim_person where role_name is not null order by 1"
    )
    first, second = people[:2]
    targets = {
        "default": Decimal("0.7"),
        str(first[0]): Decimal("0.1"),
        second[1].lower(): Decimal("0.2"),
        "noboby": Decimal(1),
    }
    roles = {role.lower(): Decimal("0.3") for _, _, role in people[:3]}
    report = build(shop.warehouse, MartSettings(target_utilisation=targets | roles))
    assert report.unmatched_targets == ("noboby",)
    found = dict(shop.rows("select user_id, target_utilisation from marts.dim_person"))
    assert found == {
        **{key: Decimal("0.7") for key in found},
        **{key: Decimal("0.3") for key, _, role in people if role.lower() in roles},
        second[0]: Decimal("0.2"),
        first[0]: Decimal("0.1"),
    }
    assert shop.rows("select target_utilisation from marts.dim_account") == [(Decimal("0.7"),)]


def test_a_day_far_outside_is_kept_without_the_centuries_between(shop: Shop) -> None:
    shop.run("update time_entries set spent_date = date '0202-03-16' where id = (select min(id) from time_entries)")
    shop.run("update time_entries set spent_date = date '2206-03-16' where id = (select max(id) from time_entries)")
    shop.build()
    assert count(shop, "dim_date") < 2_000
    assert shop.rows("select sum(hours) from marts.mart_utilisation_weekly") == shop.rows(
        "select sum(rounded_hours) from time_entries"
    )


def test_the_words_are_those_of_the_columns_and_are_in_the_database(shop: Shop) -> None:
    report = shop.build()
    assert report.has_comments
    query = (
        "select table_name, column_name, comment from duckdb_columns() where schema_name = 'harvest_marts' "
        "order by table_name, column_index"
    )
    with open_pipeline(shop.warehouse).sql_client() as client, client.execute_query(query) as cursor:
        have: dict[str, dict[str, str]] = {}
        for table, column, words in cursor.fetchall():
            have.setdefault(table, {})[column] = words
    assert have == {name: dict(table.columns) for name, table in described().items()}
    assert all(list(have[name]) == list(table.columns) for name, table in described().items())


def test_money_and_hours_are_exact_decimals_everywhere(shop: Shop) -> None:
    shop.build()
    query = "select distinct data_type from information_schema.columns where table_schema = 'harvest_marts'"
    ratios = {
        *("billable_utilisation", "total_utilisation", "spent_share", "weeks_of_budget_left", "effective_rate"),
        *("rate_realisation", "days_sales_outstanding", "revenue_share", "revenue_share_in_12_months"),
        *("realisation", "billing_lag_days", "non_billable_share", "productive_utilisation", "win_rate", "share_done"),
        *("fewest_weeks_left", "most_weeks_left"),
    }
    with open_pipeline(shop.warehouse).sql_client() as client:
        with client.execute_query(query) as cursor:
            assert {kind for (kind,) in cursor.fetchall() if kind.startswith("DECIMAL")} == {"DECIMAL(38,9)"}
        query = query.replace("data_type", "column_name") + " and data_type = 'DOUBLE'"
        with client.execute_query(query) as cursor:
            assert {name for (name,) in cursor.fetchall()} == ratios


# The SQL files, without a database


@pytest.mark.parametrize("dialect", ["postgres", "bigquery", "snowflake", "redshift", "databricks"])
@pytest.mark.by_day(1)
def test_every_statement_can_be_said_in_other_dialects(dialect: str) -> None:
    everything: Mapping[str, Any] = {model.name: model.query for model in models()} | {
        rule.name: rule.query for rule in rules()
    }
    for raw in ({}, dict.fromkeys(raw_tables(), ("account_id", "id"))):
        for name, query in everything.items():
            said = resolved(query, raw).sql(dialect, unsupported_level=sqlglot.ErrorLevel.RAISE)
            again = sqlglot.parse_one(said, read=dialect)
            assert again.sql(dialect) == said, name


def test_a_table_of_harvests_is_never_taken_for_a_part_of_a_statement_with_the_same_name() -> None:
    [work] = [model.query for model in models() if model.name == "int_work"]
    assert {"time_entries", "expenses"} <= {part.alias for part in work.find_all(exp.CTE)}
    tree = resolved(work, {"time_entries": ("account_id",), "expenses": ("account_id",)})
    assert {table.name for table in tree.find_all(exp.Table) if table.db == "raw"} == {"time_entries", "expenses"}


@pytest.mark.parametrize("file", sorted(SQL.rglob("*.sql")), ids=lambda file: file.stem)
def test_a_file_has_its_grain_first_and_uses_only_what_every_database_has(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.startswith("-- one row per "), "the grain is in line one"
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    assert re.sub(r"'[^']*'", "", code).islower()
    tree = sqlglot.parse_one(text, read="duckdb")
    if file.parent.name == "marts":
        assert isinstance(tree, exp.Select)
        assert text.rstrip().endswith("select * from final")
    banned = (
        exp.Qualify,
        exp.Lateral,
        exp.Filter,
        exp.DateTrunc,
        exp.TimestampTrunc,
        exp.DateDiff,
        exp.DateAdd,
        exp.Extract,
    )
    assert not list(tree.find_all(*banned, exp.CurrentDate, exp.CurrentTimestamp, exp.Interval))
    assert not list(tree.find_all(exp.Anonymous)), "no function that only one database knows"


def test_every_check_has_words_and_every_file_is_used() -> None:
    named = {rule.name for rule in rules() if not rule.name.startswith("key_")}
    assert named == {path.stem for path in (SQL / "checks").glob("*.sql")}
    assert {table.name for table in described().values()} == {*TABLES, "mart_data_quality"}
    assert all(rule.words.endswith(".") for rule in rules())


# The command


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harvest_warehouse.cli", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_lists_the_tables_and_what_the_checks_tell_and_exits_with_1_where_one_fails(
    shop: Shop, tmp_path: Path
) -> None:
    done = command(tmp_path, "build", "--as-of", "2026-03-16")
    assert done.returncode == 0, done.stderr
    assert "mart_project_budget " in done.stdout
    assert "finding running_timer: 2 rows. A timer is running" in done.stdout
    shop.run("insert into time_entries select * from time_entries limit 1")
    failed = command(tmp_path, "build")
    assert failed.returncode == 1
    assert "key_fct_time_entry" in failed.stderr
    assert "select" in failed.stderr.lower()


@pytest.mark.nightly
def test_the_command_says_the_same_to_machines_and_needs_a_load(shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    folder.mkdir()
    assert command(folder, "build").returncode == 2, "nothing was loaded yet"
    told = json.loads(command(tmp_path, "build", "--as-of", "2026-03-16", "--json").stdout)
    assert told["as_of"] == {"123456": "2026-03-16"}
    assert {table["name"] for table in told["tables"]} == set(TABLES)
