"""What the documentation says is so."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from runpy import run_path

import pytest
from typer.main import get_command

from harvest_simulator import Simulator
from harvest_time_tracking import STREAMS, Secret, Settings, tables
from harvest_warehouse.cli import app
from harvest_warehouse.cli.demo_company import demo_warehouse
from harvest_warehouse.load import load
from harvest_warehouse.marts import build
from harvest_warehouse.marts.models import described, rules
from harvest_warehouse.marts.settings import MartSettings
from support.paths import ROOT

GENERATE = ROOT / "docs" / "generate"
streams_page = run_path(str(GENERATE / "streams.py"))["streams_page"]
models_page = run_path(str(GENERATE / "models.py"))["models_page"]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_page_of_streams_is_fresh() -> None:
    assert (ROOT / "docs" / "streams.md").read_text(encoding="utf-8") == streams_page(), "run `make docs`"


def test_the_page_of_models_is_fresh_and_has_every_table_column_and_check() -> None:
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert page == models_page(), "run `make docs`"
    for name, table in described().items():
        assert f"\n## {name}\n" in page
        assert all(f"| `{column}` |" in page for column in table.columns)
    assert all(f"| `{rule.name}` |" in page for rule in rules() if not rule.name.startswith("key_"))


def test_the_page_of_streams_has_every_stream_table_and_column() -> None:
    page = streams_page()
    assert all(f"\n## {name}\n" in page for name in STREAMS)
    for name, table in tables().items():
        assert f"\n## {name}\n" in page or f"\n### {name}\n" in page
        assert all(f"| `{column}` |" in page for column in table.columns)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_exists_with_its_options(page: Path) -> None:
    verbs = get_command(app).commands  # type: ignore[attr-defined]
    for line in commands_in(page.read_text(encoding="utf-8")):
        words = shlex.split(line)
        assert words[0] in verbs, line
        known = {
            option for parameter in verbs[words[0]].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert {word for word in words if word.startswith("--")} <= known, line


def commands_in(text: str) -> list[str]:
    """What follows `dlt-harvest` in inline code and in code blocks."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`([^`\n]+)`", text)
    return [
        line.strip() for code in (*blocks, *inline) for line in re.findall(r"\bdlt-harvest ([a-z][^#\n>|&]*)", code)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)`|^make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)) <= {
        *((target, "") for target in targets),
        *(("", target) for target in targets),
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_into_the_project_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_stream_that_the_readme_names_exists() -> None:
    named = re.findall(r"with_resources\(([^)]*)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert named
    assert {name for names in named for name in re.findall(r'"(\w+)"', names)} <= set(STREAMS)


def test_the_notebook_runs_as_a_program(tmp_path: Path) -> None:
    warehouse = demo_warehouse(tmp_path)
    simulator = Simulator(size="tiny", enforce_limits=False)
    with simulator.serving() as url:
        settings = Settings(Secret(simulator.access_token), simulator.account_id, url, requests_per_15_s=0)
        load(warehouse, settings)
    build(warehouse, MartSettings())
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "explore.py")],
        env=os.environ | {"HARVEST_DATABASE": str(warehouse.file)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
