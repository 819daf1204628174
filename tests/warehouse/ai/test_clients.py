"""The real clients, from npm: Claude Code and Codex list the server and show our rules and skills; MCP Inspector calls its tools.

At night only: they are 800 MB. Without npm, or without its registry, these tests are skipped and say so. `AGENT_CLIENTS` names a
folder in which they are installed already (`npm install @anthropic-ai/claude-code @openai/codex @modelcontextprotocol/inspector`).
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harvest_warehouse.ai import set_up, toolkit
from support.mcp_sessions import TOOLS
from support.shop import Shop

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(600)]

PACKAGES = ["@anthropic-ai/claude-code", "@openai/codex", "@modelcontextprotocol/inspector"]
SKILLS = {"harvest-explore", "harvest-operate", "harvest-pipeline"}
_SECONDS_OF_INSTALLING = 400
_SECONDS = 120


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder node_modules with the clients."""
    if given := os.environ.get("AGENT_CLIENTS"):
        return Path(given) / "node_modules"
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("no npm here: install Node.js, or set AGENT_CLIENTS")
    folder = tmp_path_factory.mktemp("clients")
    line = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=_SECONDS_OF_INSTALLING, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not install the clients in {_SECONDS_OF_INSTALLING} s")
    if done.returncode:
        pytest.skip(f"npm cannot install the clients: {done.stderr.strip()[-300:]}")
    return folder / "node_modules"


@pytest.fixture
def folder(proven_shop: Shop, tmp_path: Path) -> Path:
    """A warehouse that is set up for both agents, as its user's own."""
    made = tmp_path / "warehouse"
    made.mkdir()
    shutil.copy(proven_shop.warehouse.file, made)
    set_up(made, ["claude", "codex"], command=f"{sys.executable} -m harvest_warehouse.cli")
    return made


@pytest.fixture
def home(tmp_path: Path, folder: Path) -> Path:
    """A home in which nothing is configured, but that Codex may trust the folder."""
    made = tmp_path / "home"
    (made / ".codex").mkdir(parents=True)
    (made / ".codex" / "config.toml").write_text(f'[projects."{folder}"]\ntrust_level = "trusted"\n')
    return made


def asked(program: Path, *words: str, folder: Path, home: Path) -> str:
    """What a client says; it knows of nothing but its own home."""
    if not program.exists():
        pytest.skip(f"the package of {program.name} has no program for this machine ({platform.machine()})")
    done = subprocess.run(
        [str(program), *words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(home), "DLT_DATA_DIR": str(home / "dlt")},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, (words, done.stdout[-2_000:], done.stderr[-2_000:])
    return done.stdout


def claude(modules: Path) -> Path:
    """Claude Code's own binary: what npm links to is put there by a script, and none was run."""
    found = sorted((modules / "@anthropic-ai").glob("claude-code-*/claude"))
    return found[0] if found else modules / ".bin" / "claude"


def test_claude_code_finds_the_server_in_the_project(modules: Path, folder: Path, home: Path) -> None:
    said = asked(claude(modules), "mcp", "get", "dlt-harvest", folder=folder, home=home)
    assert ".mcp.json" in said
    assert "approv" in said.lower(), "it asks its user first"


def test_claude_code_takes_the_toolkit_as_a_plugin(modules: Path, folder: Path, home: Path) -> None:
    for place in (toolkit(), toolkit() / "workbench" / "harvest"):
        asked(claude(modules), "plugin", "validate", "--strict", str(place), folder=folder, home=home)


def test_codex_finds_the_server_and_shows_its_model_the_rules_and_the_skills(
    modules: Path, folder: Path, home: Path
) -> None:
    codex = modules / ".bin" / "codex"
    server = asked(codex, "mcp", "get", "dlt-harvest", folder=folder, home=home)
    assert "enabled: true" in server
    assert "mcp --folder ." in server
    shown = asked(codex, "debug", "prompt-input", "hello", folder=folder, home=home)
    rules = (folder / "AGENTS.md").read_text(encoding="utf-8")
    lines = [line for line in rules.splitlines() if line.strip() and '"' not in line and "\\" not in line]
    assert len(lines) > 50
    assert [line for line in lines if line not in shown] == []
    assert [skill for skill in SKILLS if skill not in shown] == []


def test_the_inspector_lists_and_calls_the_tools(modules: Path, folder: Path, home: Path) -> None:
    inspector = modules / ".bin" / "mcp-inspector"
    start = ["--cli", "--config", ".mcp.json", "--server", "dlt-harvest"]
    listed = json.loads(asked(inspector, *start, "--method", "tools/list", folder=folder, home=home))
    assert [tool["name"] for tool in listed["tools"]] == TOOLS
    call = ["--method", "tools/call", "--tool-name", "metric", "--tool-arg", 'names=["hours"]']
    answer = json.loads(asked(inspector, *start, *call, folder=folder, home=home))
    assert answer["structuredContent"]["trust"]["words"]
    assert answer["structuredContent"]["rows"]
    assert json.loads(answer["content"][0]["text"]) == answer["structuredContent"]
