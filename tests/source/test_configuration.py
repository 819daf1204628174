"""Where the source finds its settings, in every spelling that is promised, and what it says of those that cannot work."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from harvest_simulator import Simulator
from harvest_time_tracking import SettingWrong, harvest_time_tracking_source, tables
from harvest_warehouse.settings.account import reread_requests
from support.accounts import Account, assert_same_rows, truth_rows

OpenAccount = Callable[..., Account]
PIPELINE = "harvest_time_tracking_pipeline"
SECTIONS = [
    "sources.harvest_time_tracking_source",
    "sources.harvest_time_tracking",
    f"{PIPELINE}.sources.harvest_time_tracking_source",
    f"{PIPELINE}.sources.harvest_time_tracking",
]


class Configuration:
    """The files and variables in which a user keeps settings."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder / ".dlt"
        self._folder.mkdir()
        self._monkeypatch = monkeypatch

    def write(self, section: str, settings: str, file: str = "secrets.toml") -> None:
        with (self._folder / file).open("a") as out:
            out.write(f"[{section}]\n{settings}\n")
        self.read_again()

    def export(self, section: str, **settings: object) -> None:
        """In dlt's spelling: the section's names and the setting's, in capitals, with two lines between them."""
        for name, value in settings.items():
            variable = "__".join([*section.split("."), name] if section else [name])
            self._monkeypatch.setenv(variable.upper(), str(value))

    def read_again(self) -> None:
        # dlt reads its files once in a process. "." follows the working directory: a later test has its own.
        Container()[PluggableRunContext].reload(".")


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Configuration]:
    found = Configuration(tmp_path, monkeypatch)
    found.read_again()
    yield found
    for file in (tmp_path / ".dlt").iterdir():
        file.unlink()
    found.read_again()


@pytest.fixture
def pipeline(configuration: Configuration, tmp_path: Path) -> Iterator[dlt.Pipeline]:
    """The pipeline whose name may stand in front of a section."""
    pipeline = dlt.pipeline(PIPELINE, destination="duckdb", pipelines_dir=str(tmp_path / "pipelines"))
    yield pipeline
    pipeline.deactivate()


@pytest.fixture(scope="module")
def simulator() -> Iterator[tuple[Simulator, str]]:
    simulator = Simulator(size="tiny", account_id="1234567", access_token="a-token-of-its-own", enforce_limits=False)
    with simulator.serving() as url:
        yield simulator, url


def account_read(source: Any) -> str:
    """Which account the source reads: the simulator answers its own only, and only for its own token."""
    (rows,) = [rows for rows in source.with_resources("company") if rows is not None and len(rows)]
    return str(rows.to_pylist()[0]["account_id"])


@pytest.mark.parametrize("account_id", ["'1234567'", "1234567"], ids=["as text", "as a number"])
@pytest.mark.parametrize("section", SECTIONS)
def test_credentials_are_found_in_secrets_toml(
    configuration: Configuration,
    pipeline: dlt.Pipeline,
    simulator: tuple[Simulator, str],
    section: str,
    account_id: str,
) -> None:
    configuration.write(section, f"access_token = 'a-token-of-its-own'\naccount_id = {account_id}")
    assert account_read(harvest_time_tracking_source(base_url=simulator[1])) == "1234567"


@pytest.mark.parametrize("section", SECTIONS)
def test_credentials_are_found_in_the_environment(
    configuration: Configuration, pipeline: dlt.Pipeline, simulator: tuple[Simulator, str], section: str
) -> None:
    configuration.export(section, access_token="a-token-of-its-own", account_id=1234567, base_url=simulator[1])
    assert account_read(harvest_time_tracking_source()) == "1234567"


@pytest.mark.parametrize("account_id", ["1234567", 1234567])
def test_credentials_are_taken_as_arguments_before_all_else(
    configuration: Configuration, simulator: tuple[Simulator, str], account_id: Any
) -> None:
    configuration.write("sources.harvest_time_tracking", "access_token = 'wrong'\naccount_id = '1'")
    configuration.export("sources.harvest_time_tracking", access_token="wrong too", account_id=2)
    source = harvest_time_tracking_source("a-token-of-its-own", account_id, simulator[1])
    assert account_read(source) == "1234567"


def test_the_environment_comes_before_the_file(configuration: Configuration, simulator: tuple[Simulator, str]) -> None:
    configuration.write("sources.harvest_time_tracking", "access_token = 'wrong'\naccount_id = '1'")
    configuration.export("sources.harvest_time_tracking", access_token="a-token-of-its-own", account_id=1234567)
    assert account_read(harvest_time_tracking_source(base_url=simulator[1])) == "1234567"


@pytest.mark.parametrize("section", SECTIONS[:2])
def test_other_settings_are_found_in_config_toml(
    configuration: Configuration, simulator: tuple[Simulator, str], section: str
) -> None:
    configuration.write(section, "access_token = 'a-token-of-its-own'\naccount_id = 1234567")
    configuration.write(
        section, f"base_url = '{simulator[1]}/'\nstart_date = '2026-02-01'\nrequests_per_15_s = 0", file="config.toml"
    )
    assert account_read(harvest_time_tracking_source()) == "1234567"
    assert first_day_asked_for(simulator, harvest_time_tracking_source()) == "2026-02-01"


@pytest.mark.parametrize("spelling", ["2026-02-01", "'2026-02-01'", "2026-02-01T00:00:00Z", "'2026-02-01T09:30:00'"])
def test_start_date_may_be_a_date_a_moment_or_text_in_toml(
    configuration: Configuration, simulator: tuple[Simulator, str], spelling: str
) -> None:
    configuration.write(
        "sources.harvest_time_tracking",
        f"access_token = 'a-token-of-its-own'\naccount_id = 1234567\nstart_date = {spelling}",
    )
    assert first_day_asked_for(simulator, harvest_time_tracking_source(base_url=simulator[1])) == "2026-02-01"


@pytest.mark.parametrize("given", ["2026-02-01", date(2026, 2, 1), datetime(2026, 2, 1, 9, tzinfo=UTC)], ids=str)
def test_start_date_may_be_a_date_a_moment_or_text_as_an_argument(
    configuration: Configuration, simulator: tuple[Simulator, str], given: Any
) -> None:
    source = harvest_time_tracking_source("a-token-of-its-own", "1234567", simulator[1], start_date=given)
    assert first_day_asked_for(simulator, source) == "2026-02-01"


def first_day_asked_for(simulator: tuple[Simulator, str], source: Any) -> str:
    simulator[0].requests.clear()
    rows = [rows for rows in source.with_resources("time_entries") if rows is not None and len(rows)]
    assert rows
    (day,) = {request.query["from"] for request in simulator[0].requests if request.path == "/v2/time_entries"}
    return str(day)


def test_a_bare_variable_that_wins_is_warned_of(
    configuration: Configuration, simulator: tuple[Simulator, str], caplog: pytest.LogCaptureFixture
) -> None:
    # dlt takes a bare ACCESS_TOKEN of whatever program before a whole section in a file.
    configuration.write("sources.harvest_time_tracking", "access_token = 'from-the-file'\naccount_id = 1234567")
    configuration.export("", access_token="a-token-of-its-own")
    with listening(caplog):
        assert account_read(harvest_time_tracking_source(base_url=simulator[1])) == "1234567"
    assert "environment variable ACCESS_TOKEN" in caplog.text
    assert "SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN" in caplog.text
    assert "a-token-of-its-own" not in caplog.text


def test_a_bare_variable_that_loses_is_not_warned_of(
    configuration: Configuration, simulator: tuple[Simulator, str], caplog: pytest.LogCaptureFixture
) -> None:
    configuration.export("", access_token="of-another-program")
    configuration.export("sources.harvest_time_tracking", access_token="a-token-of-its-own", account_id=1234567)
    with listening(caplog):
        assert account_read(harvest_time_tracking_source(base_url=simulator[1])) == "1234567"
    assert "ACCESS_TOKEN" not in caplog.text


class listening:  # noqa: N801 (reads as a word: with listening(...))
    """dlt's logger keeps its words to itself."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        self._handler = caplog.handler

    def __enter__(self) -> None:
        logging.getLogger("dlt").addHandler(self._handler)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("dlt").removeHandler(self._handler)


@pytest.mark.parametrize("missing", ["access_token", "account_id"])
def test_a_setting_that_is_nowhere_is_named_with_the_places_where_it_was_looked_for(
    configuration: Configuration, missing: str
) -> None:
    there = {"access_token": "access_token = 'secret'", "account_id": "account_id = 1234567"}
    del there[missing]
    configuration.write("sources.harvest_time_tracking", "\n".join(there.values()))
    with pytest.raises(ConfigFieldMissingException) as raised:
        harvest_time_tracking_source()
    assert raised.value.fields == [missing]
    message = str(raised.value)
    assert f"SOURCES__HARVEST_TIME_TRACKING__{missing.upper()}" in message
    assert f"sources.harvest_time_tracking_source.{missing}" in message
    assert "secret'" not in message


TOKENS = "https://id.getharvest.com/developers"
WRONG = [
    ("access_token", {"access_token": ""}, TOKENS),
    ("access_token", {"access_token": "  \n"}, ".dlt/secrets.toml"),
    ("access_token", {"access_token": "to\nken"}, TOKENS),
    ("access_token", {"access_token": "to ken"}, TOKENS),
    ("access_token", {"access_token": "tökén"}, TOKENS),
    ("account_id", {"account_id": "acme"}, "account's number"),
    ("account_id", {"account_id": "12 34"}, TOKENS),
    ("account_id", {"account_id": ""}, TOKENS),
    ("base_url", {"base_url": "http://api.harvestapp.com/v2"}, "https"),
    ("base_url", {"base_url": "http://127.0.0.1.example.com/v2"}, "https"),
    ("base_url", {"base_url": "api.harvestapp.com/v2"}, "https://api.harvestapp.com/v2"),
    ("base_url", {"base_url": "https://api.harvestapp.com/v2?x=1"}, "https://api.harvestapp.com/v2"),
    ("user_agent", {"user_agent": " "}, "an application and a contact"),
    ("user_agent", {"user_agent": "Acme\r\nX-Other: 1"}, "an application and a contact"),
    ("start_date", {"start_date": "31.01.2024"}, "2024-01-31"),
    ("start_date", {"start_date": "2024-02-30"}, "2024-01-31"),
    ("start_date", {"start_date": "2024-01-311"}, "2024-01-31"),
    ("reports_from", {"reports_from": "last month"}, "2024-01-31"),
    ("reports_to", {"reports_to": "tomorrow"}, "2024-01-31"),
    ("reports_to", {"reports_from": "2024-03-01", "reports_to": "2024-02-29"}, "reports_from"),
    ("requests_per_15_s", {"requests_per_15_s": -1}, "0 (no pacing)"),
    ("report_requests_per_15_min", {"report_requests_per_15_min": -1}, "0 (no pacing)"),
    ("overlap_hours", {"overlap_hours": -0.5}, "0 or more"),
    ("children_requests", {"children_requests": -1}, "0 (ask for children of changed parents only) or at least 20"),
    ("children_requests", {"children_requests": 19}, "at least 20"),
]


@pytest.mark.parametrize(
    ("setting", "given", "fix"), WRONG, ids=[f"{setting} {list(given.values())!r}" for setting, given, _ in WRONG]
)
def test_a_setting_that_cannot_work_is_named_with_what_to_do(
    configuration: Configuration, setting: str, given: dict[str, Any], fix: str
) -> None:
    with pytest.raises(SettingWrong) as raised:
        harvest_time_tracking_source(**{"access_token": "a-token", "account_id": "1", **given})
    assert setting in str(raised.value)
    assert fix in str(raised.value)


@pytest.mark.parametrize("token", ["to\nken-kept-secret", "ken-kept-secret with a space"])
def test_a_wrong_token_is_not_shown(configuration: Configuration, token: str) -> None:
    with pytest.raises(SettingWrong) as raised:
        harvest_time_tracking_source(token, "1")
    assert "ken-kept-secret" not in str(raised.value)


def test_space_around_a_pasted_token_and_id_is_taken_off(
    configuration: Configuration, simulator: tuple[Simulator, str]
) -> None:
    configuration.write(
        "sources.harvest_time_tracking", 'access_token = " a-token-of-its-own\\n"\naccount_id = " 1234567 "'
    )
    assert account_read(harvest_time_tracking_source(base_url=simulator[1])) == "1234567"


STREAMS_OF_BOTH = ("clients", "users", "roles", "time_entries", "invoices", "invoice_payments", "user_billable_rates")


def test_a_clone_has_a_section_of_its_own_and_two_accounts_live_in_one_dataset_unmixed(
    configuration: Configuration, open_account: OpenAccount, tmp_path: Path
) -> None:
    """The two simulated companies count their ids from the same number, as no two real accounts do: all the better."""
    accounts = [
        open_account("north", seed=1, account_id="111", access_token="token-of-north", enforce_limits=False),
        open_account("south", seed=2, account_id="222", access_token="token-of-south", enforce_limits=False),
    ]
    pipeline = dlt.pipeline(
        "both",
        destination=dlt.destinations.duckdb(str(tmp_path / "both.duckdb")),
        dataset_name="harvest",
        pipelines_dir=str(tmp_path / "pipelines"),
    )
    for account in accounts:
        simulator = account.simulator
        configuration.write(
            f"sources.{account.name}",
            f"access_token = '{simulator.access_token}'\naccount_id = {simulator.account_id}\nbase_url = '{account.url}'",
        )
    for _ in range(2):
        for account in accounts:
            source = harvest_time_tracking_source.clone(name=account.name, section=account.name)()
            pipeline.run(source.with_resources(*STREAMS_OF_BOTH), loader_file_format="parquet").raise_on_failed_jobs()
            assert {request.status for request in account.simulator.requests} == {200}
    both = Account(accounts[0].simulator, accounts[0].url, tmp_path, "reading")
    both.pipeline = pipeline
    for stream in STREAMS_OF_BOTH:
        want: dict[str, list[dict[str, Any]]] = {}
        for account in accounts:
            simulator = account.simulator
            for name, rows in truth_rows(stream, simulator.truth()[stream], simulator.account_id).items():
                want.setdefault(name, []).extend(rows)
        for name in tables():
            if name == stream or name.startswith(f"{stream}__"):
                assert_same_rows(both.rows(name), want.get(name, []), f"{name} of both accounts")


@pytest.mark.parametrize("section", SECTIONS)
def test_the_requests_for_reading_history_again_are_found_where_the_account_is(
    configuration: Configuration, section: str
) -> None:
    assert reread_requests() == 10
    configuration.write(section, "reread_requests = 25", "config.toml")
    assert reread_requests() == 25
    configuration.export(section, reread_requests=0)
    assert reread_requests() == 0


@pytest.mark.parametrize("value", ["-1", "some"])
def test_requests_for_reading_history_again_that_cannot_be_are_told_by_name(
    configuration: Configuration, value: str
) -> None:
    configuration.export("sources.harvest_time_tracking", reread_requests=value)
    with pytest.raises(SettingWrong, match="reread_requests"):
        reread_requests()
