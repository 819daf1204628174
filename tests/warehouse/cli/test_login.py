"""`dlt-harvest login`: a token is checked before it is kept, where only its owner reads it, and shown nowhere."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from harvest_warehouse.cli import app
from support.accounts import Account

SECRETS = Path(".dlt") / "secrets.toml"


@pytest.fixture
def account(open_account: Callable[..., Account], monkeypatch: pytest.MonkeyPatch) -> Account:
    made = open_account()
    made.simulator.access_token = "1234567.pt.A-b_c~d+e-verysecret"
    monkeypatch.setenv("SOURCES__HARVEST_TIME_TRACKING__BASE_URL", made.url)
    return made


def login(typed: str, *words: str) -> Result:
    return CliRunner().invoke(app, ["login", *words], input=typed)


def test_a_token_is_kept_with_the_account_that_it_reaches(account: Account, tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / SECRETS).write_text("# mine\n[runtime]\nslack_incoming_hook = 'x'\n", encoding="utf-8")
    (tmp_path / SECRETS).chmod(0o644)
    done = login(f"{account.simulator.access_token}\n")
    assert done.exit_code == 0, done.output
    text = (tmp_path / SECRETS).read_text(encoding="utf-8")
    written = tomllib.loads(text)
    assert written["sources"]["harvest_time_tracking"] == {
        "access_token": account.simulator.access_token,
        "account_id": "123456",
    }
    assert text.startswith("# mine\n")
    assert written["runtime"]["slack_incoming_hook"] == "x"
    assert (tmp_path / SECRETS).stat().st_mode & 0o777 == 0o600
    user = account.simulator.truth()["users_me"][0]
    assert f"as {user['first_name']} {user['last_name']} (administrator" in done.output
    assert "forecast 99887766" in done.output
    assert "verysecret" not in done.output


def test_a_person_who_does_not_see_all_is_told_so(account: Account) -> None:
    account.simulator.as_role("member")
    done = login(f"{account.simulator.access_token}\n")
    assert done.exit_code == 0
    assert "an administrator's token is needed" in done.output


@pytest.mark.parametrize(
    ("typed", "words", "said"),
    [
        ("1234567.pt.another-verysecret\n", (), "does not accept this token"),
        ("{token}\n", ("--account-id", "99887766"), "does not reach account 99887766 of Harvest. It reaches: 123456"),
        ("{token}\n", ("--account-id", "acme"), "account_id is a number"),
        ("\n", (), "no value for"),
        ("", (), "has 0 lines, and one is needed"),
        ("{token}\n{token}\n", (), "has 2 lines, and one is needed"),
    ],
)
def test_what_does_not_open_the_account_is_not_kept(
    account: Account, typed: str, words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = login(typed.format(token=account.simulator.access_token), *words, "--debug")
    assert done.exit_code == 2
    assert said in done.output
    assert "verysecret" not in done.output
    assert not (tmp_path / ".dlt").exists()


def test_harvest_that_is_down_is_told_and_nothing_is_kept(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__HARVEST_TIME_TRACKING__BASE_URL", "http://127.0.0.1:1/v2")
    done = login(f"{account.simulator.access_token}\n")
    assert done.exit_code == 1
    assert not (tmp_path / ".dlt").exists()


def test_a_token_is_sent_to_no_host_of_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Harvest's list of accounts is at another host than a gateway's, which must not get the token's answer for it."""
    monkeypatch.setenv("SOURCES__HARVEST_TIME_TRACKING__BASE_URL", "https://gateway.invalid/v2")
    done = login("1234567.pt.verysecret\n")
    assert done.exit_code == 2
    assert "add --account-id" in done.output
    assert not (tmp_path / ".dlt").exists()


def test_a_variable_that_comes_first_is_told(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN", "1234567.pt.older-verysecret")
    done = login(f"{account.simulator.access_token}\n")
    assert done.exit_code == 0
    assert "SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN is set, too, and comes first" in done.output
    assert "verysecret" not in done.output
