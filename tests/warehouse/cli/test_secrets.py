"""`dlt-harvest secrets`: names and never a value, set where nobody else can read it."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from harvest_time_tracking import SettingWrong
from harvest_warehouse.settings import secrets_file
from harvest_warehouse.settings.secrets_file import SECRETS_FILE, exposures, store
from support.secrets_search import TOKEN

COMMAND = [sys.executable, "-m", "harvest_warehouse.cli", "secrets"]
ACCESS_TOKEN = "sources.harvest_time_tracking.access_token"
ACCOUNT_ID = "sources.harvest_time_tracking.account_id"


def run(*words: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *words],
        env={**os.environ, "COLUMNS": "200", **environment},
        input=typed,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert TOKEN[8:20] not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


def listed(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """State and place of each secret, by name."""
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    return {line[0]: line[1].strip() for line in lines if len(line) == 2 and "." in line[0]}


def write(folder: Path, text: str) -> Path:
    file = folder / SECRETS_FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    return file


def test_what_was_piped_in_is_what_dlt_reads_and_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    assert listed(run("status")) == {
        ACCESS_TOKEN: "missing",
        ACCOUNT_ID: "missing",
        "runtime.slack_incoming_hook": "missing",
    }
    assert run("status").returncode == 3
    done = run("set", typed=f"{TOKEN}\n123456\n")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / SECRETS_FILE).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in (tmp_path / ".dlt").iterdir()] == ["secrets.toml"]
    script = "from harvest_warehouse.settings.account import account_settings as s; print(s().access_token.reveal(), s().account_id)"
    read = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert read.stdout.split() == [TOKEN, "123456"]
    again = run("status")
    assert again.returncode == 0
    assert listed(again)[ACCESS_TOKEN].split() == ["set", ".dlt/secrets.toml"]


def test_what_is_typed_at_the_prompt_is_not_shown(tmp_path: Path) -> None:
    process, terminal = pty.fork()
    if process == 0:  # the child
        os.execv(COMMAND[0], [*COMMAND, "set", "access_token"])
    shown = b""
    try:
        until = time.monotonic() + 60
        while b"(hidden)" not in shown and time.monotonic() < until:
            if select.select([terminal], [], [], 1)[0]:
                shown += os.read(terminal, 10_000)
        os.write(terminal, f"{TOKEN}\n".encode())
        while time.monotonic() < until:
            try:
                shown += os.read(terminal, 10_000)
            except OSError:
                # Linux says so when the other end is closed.
                break
    finally:
        os.close(terminal)
        assert os.waitpid(process, 0)[1] == 0, shown
    assert TOKEN.encode() not in shown
    assert b"written to .dlt/secrets.toml" in shown
    assert (
        tomllib.loads((tmp_path / SECRETS_FILE).read_text())["sources"]["harvest_time_tracking"]["access_token"]
        == TOKEN
    )


@pytest.mark.by_day(2)
@pytest.mark.parametrize(
    "words",
    [
        ("access_token", TOKEN),
        (f"access_token={TOKEN}",),
        (TOKEN,),
        (f"--value={TOKEN}",),
        ("access_token", "--", TOKEN),
    ],
)
def test_a_value_on_the_command_line_is_refused_and_not_repeated(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run("set", *words, typed="from-a-pipe\n")
    assert done.returncode == 2
    assert not (tmp_path / SECRETS_FILE).exists()


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    "typed",
    [
        "",
        "\n",
        f"{TOKEN}\n",
        f"{TOKEN}\n123456\nmore\n",
        f"{TOKEN}\nAcme\n",
        "your personal access token\n1\n",
        f"{TOKEN}\x1b[A\n1\n",
    ],
)
def test_what_is_no_secret_changes_nothing(typed: str, tmp_path: Path) -> None:
    file = write(tmp_path, "# mine\n")
    assert run("set", typed=typed).returncode == 2
    assert file.read_text() == "# mine\n"


def test_status_names_every_secret_and_says_where_it_is(tmp_path: Path) -> None:
    write(
        tmp_path,
        f"""
[harvest_time_tracking_pipeline.sources.harvest_time_tracking]
access_token = "{TOKEN}"
[sources.harvest_time_tracking]
account_id = "<configure me>"
[destination.postgres.credentials]
password = "{TOKEN}"
username = ""
"{TOKEN}" = "a token in the wrong place"
""",
    )
    done = run("status", DESTINATION__SNOWFLAKE__CREDENTIALS__PASSWORD=TOKEN, RUNTIME__SLACK_INCOMING_HOOK=TOKEN)
    assert {name: said.split(maxsplit=1) for name, said in listed(done).items()} == {
        ACCESS_TOKEN: ["set", ".dlt/secrets.toml"],
        ACCOUNT_ID: ["placeholder", ".dlt/secrets.toml"],
        "runtime.slack_incoming_hook": ["set", "the variable RUNTIME__SLACK_INCOMING_HOOK"],
        "destination.postgres.credentials.password": ["set", ".dlt/secrets.toml"],
        "destination.postgres.credentials.username": ["placeholder", ".dlt/secrets.toml"],
        "destination.snowflake.credentials.password": [
            "set",
            "the variable DESTINATION__SNOWFLAKE__CREDENTIALS__PASSWORD",
        ],
    }
    assert done.returncode == 3


def test_a_variable_that_comes_first_is_told(tmp_path: Path) -> None:
    done = run("set", "access_token", typed=f"{TOKEN}\n", SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN="another")
    assert done.returncode == 0
    assert "SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN is set, too, and comes first" in done.stdout


HEADER = "[sources.harvest_time_tracking]"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f'{HEADER}\naccess_token = "new"\n'),
        ("# mine\n[runtime]\nlog_level = 'INFO' # quiet\n", f"# mine\n[runtime]\nlog_level = 'INFO' # quiet\n\n{HEADER}\naccess_token = \"new\"\n"),
        (f'{HEADER}\n# of 2024\naccess_token = "old" # mine\n', f'{HEADER}\n# of 2024\naccess_token = "new" # mine\n'),
        (f'{HEADER}\r\naccess_token = "old"\r\n', f'{HEADER}\r\naccess_token = "new"\r\n'),
        ('sources.harvest_time_tracking.access_token = "old"\n', 'sources.harvest_time_tracking.access_token = "new"\n'),
        # Where dlt would look first.
        ('[harvest_time_tracking_pipeline]\naccess_token = "old"\n', '[harvest_time_tracking_pipeline]\naccess_token = "new"\n'),
        ('[sources.harvest_time_tracking_source]\naccess_token = "old"\n', '[sources.harvest_time_tracking_source]\naccess_token = "new"\n'),
    ],
)  # fmt: skip
def test_other_entries_and_comments_stay(before: str, after: str, tmp_path: Path) -> None:
    file = write(tmp_path, "")
    file.write_bytes(before.encode())
    store(tmp_path, {ACCESS_TOKEN: "new"})
    assert file.read_bytes().decode() == after


@pytest.mark.parametrize(
    "text", [f'[sources\naccess_token = "{TOKEN}"', "sources = 3\n", f"{HEADER}\naccess_token = {{a = 1}}\n"]
)
def test_a_file_that_cannot_be_edited_is_left_as_it_is(text: str, tmp_path: Path) -> None:
    file = write(tmp_path, text)
    with pytest.raises(SettingWrong) as refused:
        store(tmp_path, {ACCESS_TOKEN: "new"})
    assert TOKEN not in str(refused.value)
    assert file.read_text() == text


def test_a_file_that_others_could_read_is_told_and_is_private_once_it_is_written(tmp_path: Path) -> None:
    file = write(tmp_path, "")
    file.chmod(0o644)
    assert "chmod 600" in exposures(tmp_path)[0]
    store(tmp_path, {ACCESS_TOKEN: "new"})
    assert exposures(tmp_path) == []
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_link_to_a_file_elsewhere_stays_one(tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    elsewhere = tmp_path / "elsewhere.toml"
    elsewhere.write_text("# mine\n")
    (tmp_path / SECRETS_FILE).symlink_to(elsewhere)
    store(tmp_path, {ACCESS_TOKEN: "new"})
    assert (tmp_path / SECRETS_FILE).is_symlink()
    assert elsewhere.read_text().startswith("# mine\n")


def test_where_the_disk_is_full_the_old_file_stays_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    file = write(tmp_path, "# mine\n")
    monkeypatch.setattr(secrets_file.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store(tmp_path, {ACCESS_TOKEN: "new"})
    assert file.read_text() == "# mine\n"
    assert list(file.parent.iterdir()) == [file]


def test_it_is_said_whether_git_would_take_the_file(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], capture_output=True, check=True)

    store(tmp_path, {ACCESS_TOKEN: "new"})
    assert exposures(tmp_path) == []
    git("init")
    assert "into .gitignore" in exposures(tmp_path)[0]
    (tmp_path / ".gitignore").write_text(".dlt/secrets.toml\n")
    assert exposures(tmp_path) == []
    git("add", "--force", ".dlt/secrets.toml")
    assert "git rm --cached" in exposures(tmp_path)[0]
