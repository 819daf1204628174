"""`--log-format json`: each line of standard error is an object, for every command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from harvest_warehouse.cli import app
from support.consoles import COMMANDS, GOOD, STEERING, Attacked, attacked, run


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("hostile")) as made:
        made.sync()
        yield made


@pytest.fixture(autouse=True)
def entered(account: Attacked, own_dlt_folder: None, monkeypatch: pytest.MonkeyPatch) -> None:
    account.enter(monkeypatch)


def lines(text: bytes) -> list[dict[str, Any]]:
    assert not STEERING.search(text.decode())
    return [json.loads(line) for line in text.decode().splitlines()]


@pytest.mark.by_day(5)
@pytest.mark.parametrize("name", [name for name, words in COMMANDS.items() if words])
def test_every_line_of_every_command_is_an_object_with_the_same_run(name: str) -> None:
    words = (COMMANDS[name] or ())[0]
    printed = run(*words, "--log-format", "json")
    assert printed.code in GOOD.get(name, (0,)), printed.err.decode()
    log = lines(printed.err)
    assert {(line["command"], line["run_id"]) for line in log} == {(name, log[0]["run_id"])}
    assert all({"time", "level", "step", "stream", "elapsed_seconds", "message"} <= line.keys() for line in log)
    assert (log[0]["event"], log[-1]["event"]) == ("run_began", "run_ended")
    assert log[-1]["exit_code"] == printed.code
    assert [line["elapsed_seconds"] for line in log] == sorted(line["elapsed_seconds"] for line in log)


@pytest.mark.nightly
def test_steps_and_streams_have_their_seconds() -> None:
    log = lines(run("sync", "--log-format", "json").err)
    steps = [line["step"] for line in log if line.get("event") == "step_began"]
    ended = [line["message"].removesuffix(": done") for line in log if line.get("event") == "step_ended"]
    assert steps
    assert steps == ended
    streams = {line["stream"]: line for line in log if line.get("event") == "stream_ended"}
    assert streams["clients"]["outcome"] == "complete"
    assert streams["clients"]["requests"] >= 1
    assert all(line["seconds"] >= 0 for line in log if line.get("event") in ("stream_ended", "step_ended", "run_ended"))


def test_an_error_is_a_line_with_the_exit_code_and_without_the_token(
    account: Attacked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLT_HARVEST_LOG_FORMAT", "json")
    account.simulator.revoke_token()
    printed = run("load", "clients", "--debug")
    account.simulator.restore_token()
    log = lines(printed.err)
    [error] = [line for line in log if line.get("event") == "error"]
    assert (error["level"], error["exit_code"], printed.code) == ("error", 1, 1)
    assert "does not accept the access token" in error["message"]
    assert any("Traceback" in line["message"] for line in log)
    assert account.simulator.access_token not in printed.err.decode()


def test_what_other_libraries_log_is_a_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    # A setting that dlt-harvest warns of by dlt's own logger.
    monkeypatch.setenv("SOURCES__HARVEST_TIME_TRACKING__CHILDREN_WITHIN_RUNS", "3")
    log = lines(run("load", "clients", "--log-format", "json").err)
    [warning] = [line for line in log if "children_within_runs" in line["message"]]
    assert (warning["logger"], warning["level"]) == ("dlt", "warning")


def test_a_word_that_is_no_format_is_refused() -> None:
    assert CliRunner().invoke(app, ["build", "--log-format", "xml"]).exit_code == 2


def test_for_people_nothing_changes() -> None:
    assert b"{" not in run("load", "clients").err
