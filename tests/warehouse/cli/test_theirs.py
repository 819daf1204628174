"""Words of Harvest's, of a database's and of its users' names: through every command, they are one plain line without a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from string import Formatter
from typing import Any

import duckdb
import pytest
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.sql_client import raise_database_error

from harvest_simulator import Fault
from harvest_time_tracking import Secret
from harvest_warehouse.alerts import AlertsReport, Raised
from harvest_warehouse.alerts.catalogue import ALERTS, Alert
from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.cli.render.alerts import alert_lines, message
from support.consoles import COMMANDS, HOSTILE, STEERING, Attacked, Printed, attacked, run
from support.secrets_search import TOKEN, search

# Of the other side's words nobody is shown more.
_MANY = "and so on " * 30
_WITHOUT_DATABASE = ("streams", "model", "ai", "secrets", "deploy")
_ASKING = ("doctor", "sync", "load", "verify")
# `test_console` sees to it that every command is among them.
_LINES = [words for lines in COMMANDS.values() for words in lines or () if words[0] != "copy"]
_LINES.append(("copy", "--from", "duckdb", "--to", "ducklake"))
_HOSTILE = (
    f"no: {TOKEN} \x1b[2J\x1b]52;c;ZXZpbA==\x07\u202e\r\nError: all is lost\n[red]x[/red] postgresql://bi:p@ss:hunter2@db.example/x "
    f"{'and so on ' * 1_000}"
)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("theirs"), access_token=TOKEN) as account:
        account.sync()
        yield account


@pytest.fixture(autouse=True)
def entered(account: Attacked, own_dlt_folder: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    account.enter(monkeypatch)
    yield
    account.simulator.faults.clear()


def assert_plain(printed: Printed, account: Attacked) -> str:
    """Nothing in it that steers, that is somebody's secret, that forges a line, or that is endless; gives all of it."""
    said = (printed.out + printed.err).decode()
    assert not STEERING.search(said), STEERING.search(said)
    for part in (TOKEN[8:], "hunter2", "p@ss"):
        assert part not in said
    assert _MANY not in said
    assert not re.search(r"^Error: all is lost", said, re.MULTILINE)
    assert not search(account.folder)
    return said


@pytest.mark.by_day(4)
@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["", "debug"])
@pytest.mark.parametrize("words", [words for words in _LINES if words[0] in _ASKING], ids=" ".join)
def test_an_error_of_harvest(account: Attacked, words: tuple[str, ...], debug: tuple[str, ...]) -> None:
    # Who the token belongs to is told: else nothing further would be asked.
    account.simulator.faults.at(lambda request: not request.path.endswith("users/me"), Fault.TELLTALE, times=1 << 30)
    printed = run(*words, *debug)
    said = assert_plain(printed, account)
    assert printed.code == 1
    assert "denied for Bearer ***" in said


@pytest.mark.by_day(12)
@pytest.mark.parametrize("debug", [(), ("--debug",)], ids=["", "debug"])
@pytest.mark.parametrize("words", [words for words in _LINES if words[0] not in _WITHOUT_DATABASE], ids=" ".join)
def test_an_error_of_the_database(
    account: Attacked, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], debug: tuple[str, ...]
) -> None:
    original = DuckDbSqlClient.execute_query

    @contextmanager
    @raise_database_error
    def refused(self: DuckDbSqlClient, query: str, *arguments: Any, **named: Any) -> Iterator[Any]:
        if "information_schema" not in query.lower():
            raise duckdb.InvalidInputException(_HOSTILE)
        with original(self, query, *arguments, **named) as cursor:
            yield cursor

    monkeypatch.setattr(DuckDbSqlClient, "execute_query", refused)
    known = Secret(TOKEN)
    printed = run(*words, *debug)
    said = assert_plain(printed, account)
    assert printed.code in (1, 2), said
    assert "no: ***" in said
    assert known


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)
@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_a_name_in_an_alert(name: str, alert: Alert) -> None:
    columns = {column for _, column, _, _ in Formatter().parse(alert.line) if column}
    raised = Raised(alert, (dict.fromkeys(columns, name),), {})
    report = AlertsReport({"1": date(2026, 1, 31)}, AlertSettings(), (raised,), ())
    [line] = alert_lines(raised, report)
    assert line.isprintable()
    assert len(line) < 320 * max(1, len(columns))
    closing, title, sent = message(report).split("\n")
    assert len(sent) < 700 * max(1, len(columns))
    # Neither a link, with a scheme or without, nor a call, nor emphasis.
    assert not re.search(r"<|>|://|evil\.example|@here|\*|`|~", sent)
    assert closing.startswith("*1 alert, as of 31 Jan 2026")
    assert title.count("*") == 2
