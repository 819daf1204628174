"""Files for agents: written side by side, the same twice, without a trace when they are removed, and others' entries stay."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from harvest_time_tracking import SettingWrong
from harvest_warehouse.ai import remove, set_up, status, toolkit
from harvest_warehouse.ai.json_text import NotEditable, insertion
from harvest_warehouse.ai.pieces import AGENTS, BEGIN, DENIED, END, Agent
from harvest_warehouse.cli import app
from harvest_warehouse.semantics import semantic_model

SKILLS = ["harvest-explore", "harvest-operate", "harvest-pipeline"]
OTHERS = {
    "AGENTS.md": "# Our rules\n\nBe kind.\n",
    "CLAUDE.md": "No newline at the end",
    ".mcp.json": '{ "mcpServers": {"other": {"command": "x",   "env": {"KEY": "a secret"}} }, "more": [1,2] }',
    ".cursor/mcp.json": '{\n\t"mcpServers": {}\n}\n',
    ".codex/config.toml": '# mine\nmodel = "m"\n\n[mcp_servers.other]\ncommand = "x"  # stays',
    ".claude/settings.json": '{\n  "permissions": {\n    "allow": ["Bash(ls)"],\n    "deny": ["Read(./private)"]\n  }\n}\n',
    ".cursorignore": "*.log",
    ".claude/skills/own/SKILL.md": "mine\n",
    ".dlt/secrets.toml": 'access_token = "x"\n',
}


@pytest.fixture(autouse=True)
def no_agent_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("CLAUDE", "CURSOR_", "CODEX_")):
            monkeypatch.delenv(name)


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def folders(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_dir()}


def shared(folder: Path) -> None:
    for name, text in OTHERS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())


def test_three_agents_side_by_side_have_rules_skills_and_the_server(tmp_path: Path) -> None:
    report = set_up(tmp_path, AGENTS)
    assert report.agents == AGENTS
    for folder in (".claude/skills", ".agents/skills"):
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == SKILLS
    server = {"command": "dlt-harvest", "args": ["mcp", "--folder", "."]}
    for name in (".mcp.json", ".cursor/mcp.json"):
        assert json.loads((tmp_path / name).read_text()) == {"mcpServers": {"dlt-harvest": server}}
    codex = tomllib.loads((tmp_path / ".codex/config.toml").read_text())["mcp_servers"]["dlt-harvest"]
    assert codex == {**server, "startup_timeout_sec": 30, "tool_timeout_sec": 60}
    assert json.loads((tmp_path / ".claude/settings.json").read_text()) == {"permissions": {"deny": list(DENIED)}}
    assert (tmp_path / ".cursorignore").read_text().splitlines() == [".dlt/*secrets.toml", ".dlt/**/*secrets.toml"]
    block = (tmp_path / "AGENTS.md").read_text()
    assert len(block.encode()) <= 8_192
    assert block.startswith(BEGIN)
    assert all(f"`{name}`" in block for name in (*semantic_model().metrics, *semantic_model().questions))
    assert not (tmp_path / "CLAUDE.md").exists()


@pytest.mark.parametrize("is_shared", [False, True])
def test_in_any_order_the_files_are_the_same_and_a_second_time_changes_no_byte(tmp_path: Path, is_shared: bool) -> None:
    made = []
    for number, order in enumerate(itertools.permutations(AGENTS)):
        folder = tmp_path / str(number)
        folder.mkdir()
        if is_shared:
            shared(folder)
        for agent in order:
            set_up(folder, [agent])
        made.append(content(folder))
        again = set_up(folder, AGENTS)
        assert {one.what for one in again.files} == {"unchanged"}
        assert content(folder) == made[-1]
    assert all(one == made[0] for one in made)


@pytest.mark.parametrize("order", list(itertools.permutations(AGENTS))[::2])
def test_removed_the_folder_is_as_it_was_to_the_byte(tmp_path: Path, order: tuple[Agent, ...]) -> None:
    shared(tmp_path)
    files, made = content(tmp_path), folders(tmp_path)
    set_up(tmp_path, order)
    assert content(tmp_path) != files
    for agent in order:
        remove(tmp_path, [agent])
    assert content(tmp_path) == files
    assert folders(tmp_path) == made


def test_of_an_empty_folder_nothing_is_left(tmp_path: Path) -> None:
    set_up(tmp_path, AGENTS)
    assert remove(tmp_path).agents == ()
    assert list(tmp_path.iterdir()) == []


def test_what_others_wrote_stays_and_still_works(tmp_path: Path) -> None:
    shared(tmp_path)
    set_up(tmp_path, AGENTS)
    servers = json.loads((tmp_path / ".mcp.json").read_text())
    assert servers["mcpServers"]["other"] == {"command": "x", "env": {"KEY": "a secret"}}
    assert servers["more"] == [1, 2]
    assert set(servers["mcpServers"]) == {"other", "dlt-harvest"}
    assert set(json.loads((tmp_path / ".cursor/mcp.json").read_text())["mcpServers"]) == {"dlt-harvest"}
    codex = tomllib.loads((tmp_path / ".codex/config.toml").read_text())
    assert codex["model"] == "m"
    assert set(codex["mcp_servers"]) == {"other", "dlt-harvest"}
    rights = json.loads((tmp_path / ".claude/settings.json").read_text())["permissions"]
    assert rights["allow"] == ["Bash(ls)"]
    assert set(rights["deny"]) == {"Read(./private)", *DENIED}
    assert (tmp_path / "CLAUDE.md").read_text().splitlines()[-2:] == ["@AGENTS.md", END]
    # No part of others' files is recorded: they may have secrets.
    assert "a secret" not in (tmp_path / ".dlt/harvest_ai.json").read_text()


def test_one_agent_is_removed_and_the_others_stay(tmp_path: Path) -> None:
    set_up(tmp_path, ["cursor"])
    alone = content(tmp_path)
    set_up(tmp_path, AGENTS)
    assert remove(tmp_path, ["claude", "codex"]).agents == ("cursor",)
    assert content(tmp_path) == alone


def test_text_below_the_block_stays_below_it(tmp_path: Path) -> None:
    set_up(tmp_path, ["codex"])
    with (tmp_path / "AGENTS.md").open("a") as file:
        file.write("\nMine.\n")
    before = content(tmp_path)
    assert {one.what for one in set_up(tmp_path, ["codex"]).files} == {"unchanged"}
    assert content(tmp_path) == before
    remove(tmp_path)
    assert content(tmp_path) == {"AGENTS.md": b"\nMine.\n"}


def test_a_server_that_somebody_adds_later_stays_when_ours_is_removed(tmp_path: Path) -> None:
    set_up(tmp_path, ["claude"])
    file = tmp_path / ".mcp.json"
    servers = json.loads(file.read_text())
    file.write_text(json.dumps({"mcpServers": {**servers["mcpServers"], "other": {"command": "x"}}}))
    assert {one.what for one in set_up(tmp_path, ["claude"]).files} == {"unchanged"}
    remove(tmp_path)
    assert json.loads(file.read_text()) == {"mcpServers": {"other": {"command": "x"}}}


def test_what_was_changed_by_hand_is_kept_and_told_until_it_is_to_be_overwritten(tmp_path: Path) -> None:
    set_up(tmp_path, ["codex"])
    skill = tmp_path / ".agents/skills/harvest-explore/SKILL.md"
    written = skill.read_text()
    skill.write_text("mine")
    (tmp_path / "AGENTS.md").write_text((tmp_path / "AGENTS.md").read_text().replace("Never", "Always"))
    found = {one.path: one.what for one in status(tmp_path).files}
    assert found["AGENTS.md"] == found[".agents/skills/harvest-explore/SKILL.md"] == "changed by hand"
    again = {one.path: one for one in set_up(tmp_path, ["codex"]).files}
    assert again["AGENTS.md"].what == "kept"
    assert "by hand" in again["AGENTS.md"].why
    assert skill.read_text() == "mine"
    set_up(tmp_path, ["codex"], overwrite=True)
    assert skill.read_text() == written
    assert {one.what for one in status(tmp_path).files} == {"up to date"}


def test_an_entry_of_that_name_and_a_file_that_cannot_be_read_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_text('{"mcpServers": {"dlt-harvest": {"command": "mine"}}}')
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude/settings.json").write_text("{ // a comment\n}")
    before = content(tmp_path)
    found = {one.path: one.what for one in set_up(tmp_path, ["claude"]).files}
    assert found[".mcp.json"] == found[".claude/settings.json"] == "kept"
    remove(tmp_path)
    assert content(tmp_path) == before


def test_the_server_is_started_as_the_folder_and_the_options_say(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").touch()
    set_up(tmp_path, ["claude"], is_demo=True)
    [entry] = json.loads((tmp_path / ".mcp.json").read_text())["mcpServers"].values()
    assert entry == {"command": "uv", "args": ["run", "dlt-harvest", "mcp", "--folder", ".", "--demo"]}
    set_up(tmp_path, ["claude"], command="python -m x", destination="postgres", hides_names=True)
    [entry] = json.loads((tmp_path / ".mcp.json").read_text())["mcpServers"].values()
    more = ["--destination", "postgres", "--hide-names"]
    assert entry == {"command": "python", "args": ["-m", "x", "mcp", "--folder", ".", *more]}


def test_without_a_name_the_agent_that_runs_the_command_or_is_found_here_is_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingWrong, match="--agent"):
        set_up(tmp_path, [])
    (tmp_path / ".cursor").mkdir()
    assert set_up(tmp_path, [], is_dry=True).agents == ("cursor",)
    assert content(tmp_path) == {}
    monkeypatch.setenv("CLAUDECODE", "1")
    assert set_up(tmp_path, [], is_dry=True).agents == ("claude",)


@pytest.mark.parametrize(
    "text", ["", "{}", "{ }", '{"a": 1}', '{"a": {"b": {}}}', '{"a": {"b": {"x": [1]}}}', '{\n  "a": {\n  }\n}\n']
)
def test_json_is_edited_only_where_the_entry_goes(text: str) -> None:
    if text == '{"a": 1}':
        with pytest.raises(NotEditable):
            insertion(text, ("a", "b", "c"), {"d": "e"})
        return
    place, added = insertion(text, ("a", "b", "c"), {"d": "e"})
    made = json.loads(text[:place] + added + text[place:])
    assert made["a"]["b"]["c"] == {"d": "e"}
    assert (text[:place] + added + text[place:]).replace(added, "", 1) == text


@pytest.mark.parametrize("skill", SKILLS)
def test_a_skill_is_in_the_open_form(skill: str) -> None:
    # https://agentskills.io/specification
    text = (toolkit() / "workbench/harvest/skills" / skill / "SKILL.md").read_text()
    _, head, body = text.split("---\n", 2)
    said = yaml.safe_load(head)
    assert said["name"] == skill
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", skill)
    assert 1 <= len(said["description"]) <= 500
    assert set(said) <= {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}
    assert len(said["compatibility"]) <= 500
    assert len(body.splitlines()) <= 150


def test_every_command_that_the_skills_and_the_rules_name_exists(tmp_path: Path) -> None:
    set_up(tmp_path, ["codex"])
    verbs = get_command(app).commands  # type: ignore[attr-defined]
    texts = [file.read_text() for file in (*toolkit().rglob("*.md"), tmp_path / "AGENTS.md")]
    named = [
        found
        for text in texts
        for code in re.findall(r"```\w*\n.*?```|`[^`\n]+`", text, re.DOTALL)
        for found in re.findall(r"dlt-harvest ([a-z]+)((?: --[a-z-]+)*)", code)
    ]
    assert len(named) > 10
    for verb, options in named:
        known = {option for parameter in verbs[verb].params for option in parameter.opts}
        assert set(options.split()) <= known, (verb, options)


def test_the_command_takes_under_two_seconds_and_no_network(tmp_path: Path) -> None:
    script = (
        "import socket, sys\n"
        "def refused(*_): raise AssertionError('the network')\n"
        "socket.socket.connect = refused\n"
        "socket.getaddrinfo = refused\n"
        "from harvest_warehouse.cli import main\n"
        "sys.argv = ['dlt-harvest', 'ai', 'init', '--agent', 'claude', '--agent', 'cursor', '--agent', 'codex']\n"
        "main()\n"
    )
    before = os.times()
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    after = os.times()
    assert done.returncode == 0, done.stderr
    # Of a processor: this machine may have other work.
    assert after.children_user + after.children_system - before.children_user - before.children_system < 2
    assert "does nothing" in done.stdout
    assert "approve" in done.stdout


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    run = CliRunner().invoke
    assert run(app, ["ai", "init"]).exit_code == 2
    assert "AGENTS.md: written" in run(app, ["ai", "init", "--agent", "codex"]).stdout
    assert "AGENTS.md: up to date" in run(app, ["ai", "status"]).stdout
    assert "Nothing of dlt-harvest's is left here." in run(app, ["ai", "remove"]).stdout
    assert "No agent is set up here." in run(app, ["ai", "status"]).stdout
    assert Path(run(app, ["ai", "path"]).stdout.strip()) == toolkit()


@pytest.mark.parametrize("agent", AGENTS)
def test_dlthubs_own_installer_takes_our_toolkit(agent: Agent, tmp_path: Path) -> None:
    installer = shutil.which("dlthub", path=str(Path(sys.executable).parent)) or shutil.which("dlthub")
    if installer is None:
        pytest.skip("no dlthub command: it comes with dlt (pip install dlt)")
    (tmp_path / ".dlt").mkdir()
    environment = {**os.environ, "DLT_DATA_DIR": str(tmp_path / "data"), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    line = [
        installer,
        "--non-interactive",
        "ai",
        "toolkit",
        "install",
        "harvest",
        "--agent",
        agent,
        "--location",
        str(toolkit()),
    ]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, (done.stdout, done.stderr)
    skills = {"claude": ".claude/skills", "cursor": ".cursor/skills", "codex": ".agents/skills"}[agent]
    assert sorted(path.name for path in (tmp_path / skills).iterdir() if path.name.startswith("harvest")) == SKILLS
    servers = {"claude": ".mcp.json", "cursor": ".cursor/mcp.json", "codex": ".codex/config.toml"}[agent]
    assert "dlt-harvest" in (tmp_path / servers).read_text()
