"""What each command prints, on every console: encodings without most letters, narrow terminals, pipes, and names that are attacks."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harvest_time_tracking import STREAMS
from harvest_warehouse.cli import app
from harvest_warehouse.cli.console import visible
from support.consoles import COLOURS, COMMANDS, GOOD, STEERING, Attacked, attacked, run


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(tmp_path_factory.mktemp("hostile")) as account:
        account.sync()
        yield account


@pytest.fixture(autouse=True)
def entered(synced: Attacked, own_dlt_folder: None, monkeypatch: pytest.MonkeyPatch) -> None:
    synced.enter(monkeypatch)


def test_every_command_is_tried() -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert names == COMMANDS.keys()


@pytest.mark.by_day(3)
# Each encoding and each width once: what they do to a line does not depend on one another.
@pytest.mark.parametrize(("encoding", "columns"), [("cp1252", None), ("latin-1", 80), ("ascii", 60)])
@pytest.mark.parametrize("name", [name for name, words in COMMANDS.items() if words])
def test_a_command_ends_as_it_should_and_no_name_steers_the_console(
    name: str, encoding: str, columns: int | None
) -> None:
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
    if name == "report":
        assert_harmless_page(Path("week.html").read_text(encoding="utf-8"))


@pytest.mark.nightly
@pytest.mark.parametrize("words", [("simulate", "--size", "tiny"), ("show", "--headless")], ids=lambda words: words[0])
def test_what_serves_says_where_on_a_console_of_few_letters(words: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "harvest_warehouse.cli", *words]
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "60"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as serving:
        assert serving.stdout is not None
        try:
            said = next(line for line in serving.stdout if b"http://" in line)
        finally:
            serving.terminate()
            rest = serving.communicate(timeout=20)[0]
    assert re.search(rb"http://127\.0\.0\.1:\d+", said), "an address is not broken"
    assert (said + rest).isascii()
    assert b"Traceback" not in rest


def assert_harmless_page(page: str) -> None:
    """It fetches and runs nothing, leads to Harvest only, no name is a tag, and none is endless."""
    assert not STEERING.search(page)
    links = re.findall(r"<a\b[^>]*>", page)
    assert links
    assert all(re.fullmatch(r'<a href="https://[\w.-]+\.harvestapp\.com/[\w/]+">', link) for link in links)
    assert not re.search(
        r"<(script|iframe|object|link)\b|\bon\w+=\S*[\"'>]?alert|src=(?!\"data:)\S", re.sub("&lt;.*?&gt;", "", page)
    )
    assert "Kappa " * 60 not in page
    assert "&lt;img src=http" in page, "no name was there"


def test_json_and_csv_are_utf_8_and_whole_whatever_the_console_is() -> None:
    for encoding in ("utf-8", "cp1252", "ascii"):
        listed = run("sql", "--csv", "select id, name from clients order by id", encoding=encoding).out.decode("utf-8")
        rows = list(csv.DictReader(io.StringIO(listed, newline="")))
        objects = json.loads(run("sql", "--json", "select id, name from clients order by id", encoding=encoding).out)
        assert [row["name"] for row in rows] == [row["name"] for row in objects]
        assert any("\x1b]52" in row["name"] for row in rows), "what is for programs is exact"


def test_in_a_pipe_a_row_is_a_line_and_nothing_is_cut() -> None:
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
