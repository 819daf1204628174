"""The settings of the marts, the calendar they are counted by, and Harvest's names of time zones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from harvest_time_tracking import SettingWrong
from harvest_warehouse.marts.calendar import DAY_COLUMNS, days
from harvest_warehouse.marts.settings import MartSettings, mart_settings
from harvest_warehouse.marts.time_zones import zone
from support.paths import SHARED


@pytest.fixture(autouse=True)
def fresh_configuration() -> Iterator[None]:
    """dlt reads its files once in a process, and keeps them."""
    read_again()
    yield
    for name in ("config.toml", "secrets.toml"):
        (Path.cwd() / ".dlt" / name).unlink(missing_ok=True)
    read_again()


def read_again() -> None:
    # dlt reads its files once in a process. "." follows the working directory: a later test has its own.
    Container()[PluggableRunContext].reload(".")


def write(text: str) -> None:
    folder = Path.cwd() / ".dlt"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text(f"[harvest_marts]\n{textwrap.dedent(text)}", encoding="utf-8")
    read_again()


def test_without_a_file_everything_has_a_sound_default() -> None:
    assert mart_settings() == MartSettings()


def test_every_setting_is_read_from_the_file() -> None:
    write(
        """
        home_currency = "eur"
        working_days = ["Sunday", "monday", "Tuesday", "Wednesday"]
        target_utilisation = 0.8
        time_off_tasks = ["Holiday", 8083368]
        week_start = "Sunday"
        time_zone = "Berlin"
        holidays = [2026-12-24, "2026-12-25"]
        exchange_rates = {USD = {"2026-01" = 0.92, "2026-02" = 0.93}, GBP = 1.17}
        """
    )
    assert mart_settings() == MartSettings(
        home_currency="EUR",
        working_days=(0, 1, 2, 6),
        target_utilisation=Decimal("0.8"),
        time_off_tasks=("Holiday", 8083368),
        week_start=6,
        time_zone="Berlin",
        holidays=frozenset({date(2026, 12, 24), date(2026, 12, 25)}),
        exchange_rates={
            "USD": {date(2026, 1, 1): Decimal("0.92"), date(2026, 2, 1): Decimal("0.93")},
            "GBP": {date(1900, 1, 1): Decimal("1.17")},
        },
    )


def test_targets_may_be_of_roles_and_people() -> None:
    write('target_utilisation = {default = 0.7, "Designer " = 0.6, "Ada Lovelace" = 0.5, 42 = 1}')
    found = mart_settings()
    assert found.usual_target == Decimal("0.7")
    assert found.own_targets == {"designer": Decimal("0.6"), "ada lovelace": Decimal("0.5"), "42": Decimal(1)}
    write("target_utilisation = {Designer = 0.6}")
    assert mart_settings().usual_target == Decimal("0.75")


def test_the_environment_wins_and_takes_lists_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    write('home_currency = "EUR"')
    monkeypatch.setenv("HARVEST_MARTS__HOME_CURRENCY", "CHF")
    monkeypatch.setenv("HARVEST_MARTS__WORKING_DAYS", "Monday, Tuesday")
    monkeypatch.setenv("HARVEST_MARTS__TIME_OFF_TASKS", "Vacation, 7")
    found = mart_settings()
    assert (found.home_currency, found.working_days, found.time_off_tasks) == ("CHF", (0, 1), ("Vacation", 7))


@pytest.mark.parametrize(
    "text",
    [
        '{USD = {"2026-01" = 0.92, "2026-02" = 0.93}, GBP = 1.17}',
        '{"USD": {"2026-01": 0.92, "2026-02": 0.93},\n "GBP": 1.17}',
    ],
    ids=["TOML", "JSON"],
)
def test_exchange_rates_can_be_given_in_the_environment(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARVEST_MARTS__EXCHANGE_RATES", text)
    assert mart_settings().exchange_rates == {
        "USD": {date(2026, 1, 1): Decimal("0.92"), date(2026, 2, 1): Decimal("0.93")},
        "GBP": {date(1900, 1, 1): Decimal("1.17")},
    }


def test_the_environment_takes_lists_as_the_file_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARVEST_MARTS__TIME_OFF_TASKS", '["Leave, paid", 7]')
    monkeypatch.setenv("HARVEST_MARTS__HOLIDAYS", "[2026-12-24, 2026-12-25]")
    found = mart_settings()
    assert found.time_off_tasks == ("Leave, paid", 7)
    assert found.holidays == {date(2026, 12, 24), date(2026, 12, 25)}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HARVEST_MARTS__HOME_CURENCY", "EUR", "HARVEST_MARTS__HOME_CURENCY. Did you mean HARVEST_MARTS__HOME_CURRENCY?"),
        ("harvest_marts__home_currency", "EUR", "harvest_marts__home_currency. Did you mean HARVEST_MARTS__HOME_CURRENCY?"),
        ("HARVEST_MARTS__EXCHANGE_RATES__USD", "0.92", "Did you mean HARVEST_MARTS__EXCHANGE_RATES?"),
        ("HARVEST_MARTS__EXCHANGE_RATES", "USD 0.92", "exchange_rates must be a table such as {USD = "),
        ("HARVEST_MARTS__EXCHANGE_RATES", '{"USD": 0.92', "HARVEST_MARTS__EXCHANGE_RATES is neither TOML, such as {USD ="),
        ("HARVEST_MARTS__EXCHANGE_RATES", '["USD", 0.92]', "exchange_rates must be a table such as {USD = "),
        ("HARVEST_MARTS__EXCHANGE_RATES", '{"Dollar": 0.92}', "exchange_rates must be a currency's code"),
        ("HARVEST_MARTS__EXCHANGE_RATES", '{"USD": NaN}', "exchange_rates must be a number"),
    ],
)  # fmt: skip
def test_a_variable_that_cannot_work_is_refused_by_its_name(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingWrong, match=re.escape(said)):
        mart_settings()


def test_a_misspelt_setting_is_found_in_whichever_file_it_is() -> None:
    write('home_currency = "EUR"')
    (Path.cwd() / ".dlt" / "secrets.toml").write_text("[harvest_marts]\nhollidays = []\n", encoding="utf-8")
    read_again()
    with pytest.raises(SettingWrong, match=r"no setting 'hollidays'\. Did you mean holidays\?"):
        mart_settings()


@pytest.mark.parametrize("verb", ["build", "sync"])
def test_the_command_ends_with_2_before_it_does_anything(verb: str) -> None:
    credentials = {f"SOURCES__HARVEST_TIME_TRACKING__{name}": "1" for name in ("ACCESS_TOKEN", "ACCOUNT_ID")}
    done = subprocess.run(
        [sys.executable, "-m", "harvest_warehouse.cli", verb],
        env={**os.environ, **credentials, "HARVEST_MARTS__WORKINGDAYS": "Monday"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        2,
        "Error: There is no setting HARVEST_MARTS__WORKINGDAYS. Did you mean HARVEST_MARTS__WORKING_DAYS?\n",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('home_currency = "Euro"', "home_currency must be a currency's code such as \"EUR\", got 'Euro'"),
        ('working_days = ["Montag"]', 'working_days must be a day\'s English name such as "Monday"'),
        ("working_days = []", "working_days must name at least one day"),
        ("target_utilisation = {Designer = 60}", "target_utilisation.Designer must be a share between 0 and 1"),
        ('target_utilisation = {Designer = 0.6, " designer" = 0.7}', "must name each role and person once"),
        ("target_utilisation = 75", "target_utilisation must be a share between 0 and 1, such as 0.75"),
        ('target_utilisation = "much"', "target_utilisation must be a number"),
        ('week_start = "1"', "week_start must be a day's English name"),
        ('time_zone = "Middle Earth"', 'time_zone must be a time zone such as "Europe/Berlin"'),
        ('holidays = ["Christmas"]', "holidays must hold days such as 2026-12-24"),
        ("exchange_rates = 1.2", 'exchange_rates must be a table such as {USD = {"2026-01" = 0.92}}'),
        ('home_currency = "ÄÖÜ"', "home_currency must be a currency's code such as \"EUR\", got 'ÄÖÜ'"),
        ("holidays = [2026-11-20T10:00:00]", "holidays must hold days such as 2026-12-24"),
        ('exchange_rates = {USD = {"2026-13" = 1}}', 'exchange_rates must hold months such as "2026-01"'),
        ('exchange_rates = {USD = {"2026-01-15" = 1}}', 'exchange_rates must hold months such as "2026-01"'),
        ("exchange_rates = {USD = 0}", "exchange_rates must hold rates above 0"),
        ("exchange_rates = {USD = 1e40}", "exchange_rates must hold rates above 0"),
        ("exchange_rates = {USD = 1e-15}", "exchange_rates must hold rates above 0"),
        ("exchange_rates = {USD = 1, usd = 2}", "exchange_rates must name each currency once, got USD twice"),
        ('home_curency = "EUR"', "no setting 'home_curency'. Did you mean home_currency?"),
    ],
)
def test_a_value_that_cannot_work_is_refused_with_what_it_must_look_like(text: str, said: str) -> None:
    write(text)
    with pytest.raises(SettingWrong, match=re.escape(said)):
        mart_settings()


def test_a_task_named_by_a_digit_that_is_no_number_is_a_name() -> None:
    write('time_off_tasks = ["²"]')
    assert mart_settings().time_off_tasks == ("²",)


def calendar(named: list[date], as_of: date = date(2026, 3, 16), week_start: int = 0) -> list[dict[str, object]]:
    found = days("1", named, as_of, week_start=week_start, working_days=range(5), holidays={date(2026, 3, 13)})
    return [dict(zip(DAY_COLUMNS, row, strict=True)) for row in found]


def test_the_calendar_has_every_day_of_the_months_from_the_first_to_the_last_day_named() -> None:
    have = [row["date_day"] for row in calendar([date(2025, 12, 31), date(2026, 6, 2)])]
    assert have == [date(2025, 12, 1) + timedelta(days=number) for number in range(212)]


def test_the_calendar_reaches_over_the_eight_weeks_to_come() -> None:
    # Of the week of 16 March, the eighth one ends on 17 May.
    assert max(row["date_day"] for row in calendar([])) == date(2026, 5, 31)  # type: ignore[type-var]


def test_a_day_knows_its_week_month_and_whether_people_work() -> None:
    by_day = {row["date_day"]: row for row in calendar([])}
    friday, saturday, monday = (by_day[date(2026, 3, day)] for day in (13, 14, 16))
    assert (friday["is_working_day"], saturday["is_working_day"], monday["is_working_day"]) == (False, False, True)
    assert (monday["week_start"], monday["week_end"]) == (date(2026, 3, 16), date(2026, 3, 22))
    assert (friday["is_complete_week"], monday["is_complete_week"]) == (True, False)
    assert monday["week_index"] == friday["week_index"] + 1  # type: ignore[operator]
    assert (monday["month_end"], monday["days_in_month"], monday["is_complete_month"]) == (date(2026, 3, 31), 31, False)
    assert (monday["quarter_start"], monday["year_start"]) == (date(2026, 1, 1), date(2026, 1, 1))
    assert [day for day, row in by_day.items() if row["is_as_of_date"]] == [date(2026, 3, 16)]


def test_a_week_may_begin_on_any_day() -> None:
    for week_start in range(7):
        rows = calendar([], week_start=week_start)
        assert all(row["week_start"].weekday() == week_start for row in rows)  # type: ignore[attr-defined]
        assert all(row["week_start"] <= row["date_day"] <= row["week_end"] for row in rows)  # type: ignore[operator]


def test_days_far_outside_bring_their_own_month_only() -> None:
    rows = calendar([date(1, 1, 1), date(202, 2, 3), date(9999, 12, 31), date(2026, 3, 1)], week_start=6)
    assert len(rows) == 31 + 28 + 31 + (31 + 30 + 31)


def test_the_zones_of_harvest_are_known_by_name_and_others_are_not() -> None:
    assert zone("Eastern Time (US & Canada)") == ZoneInfo("America/New_York")
    assert zone("Berlin") == zone("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    assert zone("Middle Earth") is zone("") is zone(None) is None


@pytest.mark.skipif(not SHARED.exists(), reason="needs the recorded names in ../shared")
def test_every_recorded_name_has_the_hours_of_its_zone() -> None:
    lines = (SHARED / "harvest-api/real/timezones_harvest_to_iana_2025.tsv").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 60
    for name, recorded in (line.split("\t") for line in lines[1:]):
        found = zone(name)
        assert found is not None, name
        for month in range(1, 13):
            noon = datetime(2025, month, 1, 12, tzinfo=UTC)
            assert noon.astimezone(found).utcoffset() == noon.astimezone(ZoneInfo(recorded)).utcoffset(), name
