"""What a run tells, to whom, and how often; and that nothing of it changes how the run ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harvest_simulator import Fault
from harvest_warehouse.marts import BuildFailed
from harvest_warehouse.notify.journal import journal_file, read_journal
from harvest_warehouse.sync import sync
from harvest_warehouse.warehouse import Target
from support.accounts import Account, some_ids
from support.consoles import Printed, run
from support.receivers import Post, Received, hook, mail_server

SECTION = "SOURCES__HARVEST_TIME_TRACKING__"
SYNC = ("sync", "--no-build")


@dataclass
class Told:
    """A synced account, the command that syncs it, and what everybody is told."""

    account: Account
    warehouse: Target
    hook: Received
    mail: Post

    def run(self, *words: str) -> Printed:
        return run(*(words or SYNC))

    def paths(self, ending: str) -> list[str]:
        return [path for path in self.hook.paths if path.startswith(f"/{ending}")]

    def documents(self) -> list[dict[str, Any]]:
        """What the JSON webhook got."""
        pairs = zip(self.hook.paths, self.hook.bodies, strict=True)
        return [json.loads(body) for path, body in pairs if path.startswith("/json")]

    def events(self) -> list[list[str]]:
        return [[event["name"] for event in document["events"]] for document in self.documents()]

    def everything(self) -> str:
        """All that left this machine."""
        mails = "".join(message.as_string() for message in self.mail.messages)
        return "".join(body.decode() for body in self.hook.bodies) + mails


def signed_in(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    account.simulator.enforce_limits = False
    for name, value in {
        "ACCESS_TOKEN": account.simulator.access_token,
        "ACCOUNT_ID": account.simulator.account_id,
        "BASE_URL": account.url,
        "REQUESTS_PER_15_S": "0",
        "REPORT_REQUESTS_PER_15_MIN": "0",
    }.items():
        monkeypatch.setenv(f"{SECTION}{name}", value)


@pytest.fixture
def told(synced: tuple[Account, Target], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Told]:
    account, warehouse = synced
    signed_in(account, monkeypatch)
    with hook() as received, mail_server() as post:
        for name, value in {
            "SLACK_HOOK": f"{received.root}/slack/verysecret",
            "WEBHOOK_URL": f"{received.root}/json/verysecret",
            "PING_URL": f"{received.root}/ping/verysecret",
            "TEXTFILE": str(tmp_path / "harvest.prom"),
            "EMAIL_TO": "ops@example.com",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(post.port),
            "SMTP_SECURITY": "none",
            "NAME": "night",
            "TIMEOUT_SECONDS": "5",
        }.items():
            monkeypatch.setenv(f"HARVEST_NOTIFY__{name}", value)
        yield Told(account, warehouse, received, post)


def test_a_run_that_ends_well_pings_its_start_and_its_end_and_bothers_nobody(told: Told) -> None:
    assert told.run().code == 0
    start, end = told.paths("ping")
    assert re.fullmatch(r"/ping/verysecret/start\?rid=[0-9a-f-]{36}", start)
    assert end == start.replace("/start", "")
    assert told.paths("slack") == told.paths("json") == []
    assert told.mail.messages == []


def test_a_failure_is_told_once_to_everybody_and_then_that_it_is_over(told: Told) -> None:
    told.account.simulator.revoke_token()
    assert [told.run().code, told.run().code] == [1, 1]
    told.account.simulator.restore_token()
    assert [told.run().code, told.run().code] == [0, 0]
    assert told.events() == [["failed"], ["failed"], ["recovered"]]
    assert [document["failures_in_a_row"] for document in told.documents()] == [1, 2, 0]
    assert [message["Subject"] for message in told.mail.messages] == [
        "[night] sync failed",
        "[night] sync failed",
        "[night] sync has recovered",
    ]
    assert len(told.paths("slack")) == 3
    kinds = [path.partition("?")[0].removeprefix("/ping/verysecret") for path in told.paths("ping")]
    assert kinds == ["/start", "/fail"] * 2 + ["/start", ""] * 2
    # The same run in all places.
    runs = [document["run_id"] for document in told.documents()]
    ids = [path.partition("rid=")[2].replace("-", "") for path in told.paths("ping")]
    assert runs == [ids[0], ids[2], ids[4]]


def test_no_message_has_a_secret_or_what_stands_in_a_row(told: Told) -> None:
    truth = told.account.simulator.truth()
    told.account.simulator.faults.at(lambda _: True, Fault.TELLTALE, times=99)
    assert told.run().code == 1
    assert told.events() == [["failed"]]
    names = [row["name"] for stream in ("clients", "projects") for row in truth[stream]]
    said = told.everything() + journal_file(told.warehouse).read_text(encoding="utf-8")
    for secret in (told.account.simulator.access_token, "verysecret", *names):
        assert secret not in said


def lose_rights(account: Account) -> None:
    account.simulator.as_role("member")


def delete_much(account: Account) -> None:
    rows = len(account.simulator.truth()["time_entries"])
    for entry_id in some_ids(account, "time_entries", 51 + rows // 20):
        account.simulator.store.delete_time_entry(entry_id)


def send_new_fields(account: Account) -> None:
    account.simulator.faults.at({"path": "clients"}, Fault.UNKNOWN_FIELD, times=9)
    account.simulator.store.create_client("Verysecret & Sons")


def change_the_rounding(account: Account) -> None:
    account.simulator.set_rounding("up", 30)


@pytest.mark.parametrize(
    ("name", "change", "words", "code"),
    [
        ("access_lost", lose_rights, SYNC, 3),
        ("deletions_held_back", delete_much, SYNC, 3),
        ("new_column", send_new_fields, SYNC, 0),
        ("verify_differs", change_the_rounding, ("verify",), 3),
        ("repaired", change_the_rounding, (*SYNC, "--repair"), 0),
    ],
)
def test_each_event_is_told(
    told: Told, name: str, change: Callable[[Account], None], words: tuple[str, ...], code: int
) -> None:
    change(told.account)
    printed = told.run(*words)
    assert printed.code == code, printed.err.decode()
    assert told.events() == [[name]]
    assert len(told.mail.messages) == len(told.paths("slack")) == 1
    assert "verysecret" not in told.everything().lower()


@pytest.mark.nightly
def test_what_lasts_is_told_when_it_begins_and_not_again(
    open_account: Callable[..., Account], told: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    account = open_account("other")
    signed_in(account, monkeypatch)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    account.simulator.set_feature("expense_feature", False)
    assert [told.run("sync", "--no-build").code for _ in range(2)] == [0, 0]
    assert told.events() == [["skipped"]]
    assert "expenses" in told.documents()[0]["events"][0]["words"]
    # Another list is something new.
    account.simulator.set_feature("estimate_feature", False)
    told.run("sync", "--no-build", "--accept-access")
    assert told.events()[1:] == [["skipped"]]
    assert "estimates" in told.documents()[1]["events"][0]["words"]


def test_an_error_that_nobody_expected_is_told_without_its_words(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("the hours of Acme")

    monkeypatch.setattr(sys.modules["harvest_warehouse.sync"], "sync", broken)
    with pytest.raises(ZeroDivisionError):
        told.run()
    assert told.events() == [["failed"]]
    assert "ZeroDivisionError" in told.documents()[0]["events"][0]["words"]
    assert "Acme" not in told.everything()
    assert [path.partition("?")[0] for path in told.paths("ping")] == [
        "/ping/verysecret/start",
        "/ping/verysecret/fail",
    ]


@pytest.mark.nightly
def test_marts_that_cannot_be_built_are_told(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise BuildFailed("a check found rows of Acme")

    monkeypatch.setitem(sync.__globals__, "build_in", refused)
    assert told.run("sync").code == 1
    assert told.events() == [["not_built"]]
    assert "Acme" not in told.everything()


@pytest.mark.parametrize("status", [302, 404, 500, None])
@pytest.mark.parametrize("code", [0, 1])
def test_no_channel_changes_how_a_run_ends_or_how_long_it_takes(
    told: Told, status: int | None, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each channel answers with an error, leads elsewhere, or (without a status) takes the message and never answers."""
    monkeypatch.setenv("HARVEST_NOTIFY__TIMEOUT_SECONDS", "2")
    monkeypatch.setenv("HARVEST_NOTIFY__EVENTS", "failed, succeeded")
    monkeypatch.setenv("HARVEST_NOTIFY__SMTP_PORT", "1")
    monkeypatch.setenv("HARVEST_NOTIFY__TEXTFILE", "/proc/nowhere/harvest.prom")
    if code:
        told.account.simulator.revoke_token()
    with hook(status or 200, is_silent=status is None) as dead:
        for name in ("SLACK_HOOK", "WEBHOOK_URL", "PING_URL"):
            monkeypatch.setenv(f"HARVEST_NOTIFY__{name}", f"{dead.root}/verysecret")
        began = time.monotonic()
        printed = told.run()
        assert time.monotonic() - began < 30
    assert printed.code == code
    said = printed.err.decode()
    for channel in ("Slack", "the webhook", "the ping", "e-mail", "the file for Prometheus"):
        assert f"Not told by {channel}: " in said
    assert "verysecret" not in said
    # Start and end of the ping, Slack and the webhook: each once.
    assert len(dead.paths) == 4


@pytest.mark.nightly
def test_what_nobody_could_be_told_is_told_by_the_next_run(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLACK_HOOK", "EMAIL_TO"):
        monkeypatch.delenv(f"HARVEST_NOTIFY__{name}")
    address = os.environ["HARVEST_NOTIFY__WEBHOOK_URL"]
    monkeypatch.setenv("HARVEST_NOTIFY__WEBHOOK_URL", "http://127.0.0.1:1/json")
    send_new_fields(told.account)
    assert told.run().code == 0
    monkeypatch.setenv("HARVEST_NOTIFY__WEBHOOK_URL", address)
    send_new_fields(told.account)
    assert told.run().code == 0
    assert told.events() == [["new_column"]]


@pytest.mark.nightly
def test_only_the_events_and_commands_that_are_wanted_are_told(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARVEST_NOTIFY__EVENTS", "succeeded")
    monkeypatch.setenv("HARVEST_NOTIFY__COMMANDS", "sync")
    told.account.simulator.revoke_token()
    assert told.run().code == 1
    told.account.simulator.restore_token()
    assert told.run("load", "clients").code == 0
    assert told.documents() == []
    assert told.run().code == 0
    assert told.run().code == 0
    assert told.events() == [["succeeded"]]


@pytest.mark.nightly
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no SIGKILL")
def test_a_killed_run_pings_no_end_and_the_next_one_knows_of_it(told: Told) -> None:
    told.account.simulator.faults.at(
        lambda _: told.account.simulator.clock.sleep(0) or time.sleep(0.5) or False, Fault.RESET
    )
    command = [sys.executable, "-m", "harvest_warehouse.cli", *SYNC]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as syncing:
        journal = journal_file(told.warehouse)
        deadline = time.monotonic() + 60
        while not (told.paths("ping") and read_journal(journal).running) and time.monotonic() < deadline:
            time.sleep(0.05)
        syncing.send_signal(signal.SIGKILL)
    assert [path.partition("?")[0] for path in told.paths("ping")] == ["/ping/verysecret/start"]
    told.account.simulator.faults.clear()
    assert told.run().code == 0
    assert told.events() == [["recovered"]]
    assert "1 failure, 1 of them killed" in told.documents()[0]["events"][0]["words"]


def test_the_file_for_prometheus_has_the_last_run_of_each_command(told: Told, tmp_path: Path) -> None:
    told.account.simulator.revoke_token()
    assert told.run().code == 1
    told.account.simulator.restore_token()
    assert told.run("load", "clients").code == 0
    file = tmp_path / "harvest.prom"
    text = file.read_text(encoding="utf-8")
    found = samples(text)
    assert found['dlt_harvest_last_run_exit_code{command="sync"}'] == 1
    assert found['dlt_harvest_last_run_exit_code{command="load"}'] == 0
    assert found['dlt_harvest_failures_in_a_row{command="sync"}'] == 1
    assert found['dlt_harvest_last_run_streams{command="load",outcome="complete"}'] == 1
    assert 'dlt_harvest_last_success_timestamp_seconds{command="sync"}' not in found
    assert abs(found['dlt_harvest_last_success_timestamp_seconds{command="load"}'] - time.time()) < 60
    assert file.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in tmp_path.iterdir() if ".part" in one.name] == []


def samples(text: str) -> dict[str, float]:
    """Samples of the text format (https://prometheus.io/docs/instrumenting/exposition_formats/), each line checked."""
    assert text.endswith("\n")
    found: dict[str, float] = {}
    typed: set[str] = set()
    for line in text.splitlines():
        if line.startswith("#"):
            kind = re.fullmatch(r"# (HELP|TYPE) ([a-z_]+) .+", line)
            assert kind, line
            assert kind[1] == "HELP" or line.endswith(" gauge")
            typed.add(kind[2])
            continue
        sample = re.fullmatch(r'(([a-z_]+)\{[a-z]+="[^"\\]*"(?:,[a-z]+="[^"\\]*")*\}) (-?[0-9.e+]+)', line)
        assert sample, line
        assert sample[2] in typed
        assert sample[1] not in found
        found[sample[1]] = float(sample[3])
    return found


def test_a_folder_where_nothing_is_configured_gets_no_journal(tmp_path: Path) -> None:
    assert run(*SYNC).code == 2
    assert [one.name for one in tmp_path.iterdir()] == []


def test_a_setting_of_notifications_that_cannot_work_ends_a_run_before_it_begins(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARVEST_NOTIFY__EVENTS", "faild")
    asked = len(told.account.simulator.requests)
    printed = told.run()
    assert (printed.code, len(told.account.simulator.requests)) == (2, asked)
    assert "There is no event 'faild'" in printed.err.decode()


def test_a_journal_that_cannot_be_read_is_none(told: Told) -> None:
    journal_file(told.warehouse).write_text('{"runs": [{}]}', encoding="utf-8")
    assert told.run().code == 0
    assert [one.exit_code for one in read_journal(journal_file(told.warehouse)).runs] == [0]
