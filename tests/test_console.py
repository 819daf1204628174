"""What each command prints, on every console: encodings without most letters, narrow terminals, pipes, and names that are attacks."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer

from harvest_simulator import Simulator
from harvest_time_tracking import STREAMS
from harvest_warehouse.cli import app
from harvest_warehouse.cli.console import visible

# The clipboard, the whole screen, a link, a title, colours in C1, directions of writing, a line of one's own.
HOSTILE = {
    "clipboard": "\x1b]52;c;aGFybQ==\x07Acme",
    "screen": "\x1b[2J\x1b[1;1HBeta",
    "link": "\x1b]8;;http://evil.example\x1b\\Gamma\x1b]8;;\x1b\\",
    "c1": "\x9b31mDelta\x9d0;title\x9c",
    "bidi": "Eps\u202eilon\u2066",
    "line": "Zeta\nError: all is lost",
    "letters": "Škoda 漢字 Ünïcode ©",
    "markup": "[bold red]Theta[/] [link=http://evil.example]x[/link]",
}
# C0 but for the line's end, C1, and what hides or turns writing.
STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
# rich's own: colours, and what it takes to draw the progress again in its place.
COLOURS = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|\d+A|2K)")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Simulator, str]]:
    """An account whose clients, projects, tasks and people have hostile names, and a folder for its copy."""
    folder = tmp_path_factory.mktemp("hostile")
    simulator = Simulator(size="tiny", enforce_limits=False)
    store = simulator.store
    for rename, ids in (
        (store.rename_client, store.clients),
        (store.rename_project, store.projects),
        (store.rename_task, store.tasks),
        (lambda key, name: store.rename_user(key, name, name), store.users),
    ):
        for key, name in zip(list(ids), list(HOSTILE.values()) * 9, strict=False):
            rename(key, f"{name} {key}")
    simulator.clock.sleep(7_200)
    with simulator.serving() as url:
        yield folder, simulator, url


@pytest.fixture(autouse=True)
def configured(hostile: tuple[Path, Simulator, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _environment(hostile).items():
        monkeypatch.setenv(name, value)


def _environment(hostile: tuple[Path, Simulator, str]) -> dict[str, str]:
    folder, simulator, url = hostile
    section = "SOURCES__HARVEST_TIME_TRACKING__"
    return {
        f"{section}ACCESS_TOKEN": simulator.access_token,
        f"{section}ACCOUNT_ID": simulator.account_id,
        f"{section}BASE_URL": url,
        f"{section}REQUESTS_PER_15_S": "0",
        f"{section}REPORT_REQUESTS_PER_15_MIN": "0",
        # Of its own: what is made for all tests here is made before a test's own folder is.
        "DLT_DATA_DIR": str(folder / "dlt"),
    }


@dataclass(frozen=True)
class Printed:
    code: int
    out: bytes
    err: bytes


class Screen(io.BytesIO):
    """The bytes of a console."""


def run(*words: str, encoding: str = "utf-8", columns: int | None = None) -> Printed:
    """A command in this process, on a console of that encoding: a pipe, or a terminal so many columns wide."""
    streams = [io.TextIOWrapper(Screen(), encoding=encoding, write_through=True) for _ in range(2)]
    if columns:
        for stream in streams:
            stream.isatty = lambda: True  # type: ignore[method-assign]
    before = sys.stdout, sys.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm-256color")
        patch.delenv("NO_COLOR", raising=False)
        patch.delenv("FORCE_COLOR", raising=False)
        if columns:
            patch.setenv("COLUMNS", str(columns))
        else:
            patch.delenv("COLUMNS", raising=False)
        sys.stdout, sys.stderr = streams
        try:
            code = app(list(words), standalone_mode=False) or 0
        except (typer.Exit, SystemExit) as ended:
            code = getattr(ended, "exit_code", getattr(ended, "code", 1))
        finally:
            sys.stdout, sys.stderr = before
    out, err = (stream.buffer.getvalue() for stream in streams)  # type: ignore[attr-defined]
    return Printed(int(code or 0), out, err)


# The words of each command: what it prints for people, and for programs. None: it prints nothing of an account's.
COMMANDS: dict[str, tuple[tuple[str, ...], ...] | None] = {
    "doctor": (("doctor",),),
    "sync": (("sync",),),
    "load": (("load", "clients", "projects"), ("load", "clients", "--json")),
    "verify": (("verify",),),
    "build": (("build",),),
    "alerts": (("alerts",), ("alerts", "--json")),
    "report": (("report", "--out", "week.html"),),
    "sql": (
        ("sql", "select id, name from clients order by id"),
        ("sql", "select * from time_entries limit 3"),
        ("sql", "--csv", "select id, name from clients order by id"),
        ("sql", "--json", "select id, name from clients order by id"),
        ("sql", "select nothing from clients"),
    ),
    "copy": (("copy", "--from", "duckdb", "--to", "nowhere"),),
    "publish": (("publish", "--to", "published"),),
    "streams": (("streams",), ("streams", "--json"), ("streams", "--markdown")),
    "demo": None,
    "show": None,
    "simulate": None,
}
# An alert is raised, or not all that the account has can be proven: done, and said.
GOOD = {"sync": (0, 3), "verify": (0, 3), "alerts": (3,), "copy": (2,)}


def test_every_command_is_tried() -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert names == COMMANDS.keys()


@pytest.fixture(scope="module")
def synced(hostile: tuple[Path, Simulator, str]) -> Path:
    folder, _, _ = hostile
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in _environment(hostile).items():
            patch.setenv(name, value)
        done = run("sync")
    assert done.code in (0, 3), done.err.decode()
    return folder


# Each encoding and each width once: what they do to a line does not depend on one another.
@pytest.mark.parametrize(("encoding", "columns"), [("cp1252", None), ("latin-1", 80), ("ascii", 60)])
@pytest.mark.parametrize("name", [name for name, words in COMMANDS.items() if words])
def test_a_command_ends_as_it_should_and_no_name_steers_the_console(
    synced: Path, monkeypatch: pytest.MonkeyPatch, name: str, encoding: str, columns: int | None
) -> None:
    monkeypatch.chdir(synced)
    for words in COMMANDS[name] or ():
        printed = run(*words, encoding=encoding, columns=columns)
        expected = (2,) if words[-1].startswith("select nothing") else GOOD.get(name, (0,))
        assert printed.code in expected, printed.err.decode(encoding)
        is_for_programs = bool({"--json", "--csv", "--markdown"} & set(words))
        text = printed.out.decode("utf-8" if is_for_programs and not columns else encoding)
        shown = COLOURS.sub("", text) if columns else text
        if not (is_for_programs and not columns):
            assert not STEERING.search(shown), STEERING.search(shown)
        assert not STEERING.search(COLOURS.sub("", printed.err.decode(encoding)).replace("\r", ""))
        assert "Traceback" not in printed.err.decode(encoding)


def test_json_and_csv_are_utf_8_and_whole_whatever_the_console_is(
    synced: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(synced)
    for encoding in ("utf-8", "cp1252", "ascii"):
        listed = run("sql", "--csv", "select id, name from clients order by id", encoding=encoding).out.decode("utf-8")
        rows = list(csv.DictReader(io.StringIO(listed, newline="")))
        objects = json.loads(run("sql", "--json", "select id, name from clients order by id", encoding=encoding).out)
        assert [row["name"] for row in rows] == [row["name"] for row in objects]
        assert any("\x1b]52" in row["name"] for row in rows), "what is for programs is exact"


def test_in_a_pipe_a_row_is_a_line_and_nothing_is_cut(synced: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(synced)
    lines = run("streams").out.decode().splitlines()
    [line] = [line for line in lines if line.split()[:1] == ["user_project_assignments"]]
    assert "users/{user_id}/project_assignments" in line
    answered = run("sql", "select * from time_entries limit 3").out.decode().splitlines()
    assert len([line for line in answered if re.match(r"\s*\d", line)]) == 3
    named = run("sql", "select id, name from clients").out.decode().splitlines()
    assert len([line for line in named if re.match(r"\s*\d", line)]) == int(
        run("sql", "--csv", "select count(*) from clients").out.split()[1]
    )


@pytest.mark.parametrize("columns", [60, 80])
def test_a_narrow_terminal_shows_fewer_columns_and_breaks_no_name(columns: int) -> None:
    shown = COLOURS.sub("", run("streams", columns=columns).out.decode())
    assert max(map(len, shown.splitlines())) <= columns
    assert set(STREAMS) <= set(shown.split())
    assert "too narrow for" in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Škoda 漢字 ©", "Škoda 漢字 ©"),
        ("\x1b[2Jx", r"\x1b[2Jx"),
        ("a\tb\nc", "a b\nc"),
        ("\x9b31m", r"\x9b31m"),
        ("a\u202eb\u200dc", "abc"),
        ("a\u2028b", "a b"),
        ("a\ue000\ud800b", "a\ufffd\ufffdb"),
    ],
)
def test_what_cannot_be_seen_is_spelt_out_or_left_out(text: str, shown: str) -> None:
    assert visible(text) == shown
