"""What the documentation says is so."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from runpy import run_path
from textwrap import dedent
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from harvest_simulator import Simulator
from harvest_time_tracking import STREAMS, Secret, Settings, tables
from harvest_warehouse.alerts.catalogue import ALERTS
from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.cli import app
from harvest_warehouse.cli.demo_company import demo_warehouse
from harvest_warehouse.marts.models import described, rules
from harvest_warehouse.marts.settings import MartSettings, mart_settings
from harvest_warehouse.sync import sync
from harvest_warehouse.warehouse import Target
from support.paths import ROOT

DOCS = ROOT / "docs"
GENERATE = DOCS / "generate"
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(GENERATE))
    GENERATED: dict[str, Any] = run_path(str(GENERATE / "__main__.py"), run_name="generate")["PAGES"]
    EXAMPLES: dict[str, str] = run_path(str(GENERATE / "settings.py"))["EXAMPLES"]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")] + sorted(
    DOCS.rglob("*.md")
)
# Up to a comment or another command; what is quoted may hold their signs.
_COMMAND = re.compile(r'\bdlt-harvest ([a-z](?:"[^"\n]*"|[^#\n>|&"])*)')
# Messages with something in their middle that the code fills in.
_COMPOSED = {"access_token and account_id missing", "that HTTPS_PROXY names", "The message was not delivered"}
_ACCOUNT = re.compile(r"`SOURCES__HARVEST_TIME_TRACKING__(\w+)`")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", GENERATED)
def test_what_the_code_decides_is_fresh(name: str) -> None:
    assert text_of(DOCS / name) == GENERATED[name](), "run `make docs`"


def test_the_page_of_models_has_every_table_column_and_check() -> None:
    page = GENERATED["reference/models.md"]()
    for name, table in described().items():
        assert f"\n## {name}\n" in page
        assert all(f"| `{column}` |" in page for column in table.columns)
    assert all(f"| `{rule.name}` |" in page for rule in rules() if not rule.name.startswith("key_"))


def test_the_page_of_streams_has_every_stream_table_and_column() -> None:
    page = GENERATED["reference/streams.md"]()
    assert all(f"\n## {name}\n" in page for name in STREAMS)
    for name, table in tables().items():
        assert f"\n## {name}\n" in page or f"\n### {name}\n" in page
        assert all(f"| `{column}` |" in page for column in table.columns)


def test_the_page_of_commands_has_every_option_and_argument() -> None:
    page = GENERATED["reference/cli.md"]()
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        [section] = re.findall(rf"^## {name}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        for parameter in command.params:
            spelled = [parameter.metavar or parameter.name.upper()] if not parameter.opts[0].startswith("-") else []
            spelled += [option for option in parameter.opts if option.startswith("-")]
            assert "--help" in spelled or all(f"`{word}`" in section for word in spelled), (name, spelled)


def test_a_mart_setting_is_written_as_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(EXAMPLES) == set(MartSettings.__dataclass_fields__)
    for name, example in EXAMPLES.items():
        monkeypatch.setenv(f"HARVEST_MARTS__{name.upper()}", example.strip('"'))
    assert mart_settings() != MartSettings()


@each_page
def test_every_command_that_is_named_exists_with_its_options(page: Path) -> None:
    verbs = get_command(app).commands  # type: ignore[attr-defined]
    for line in commands_in(text_of(page)):
        words = shlex.split(line)
        assert words[0] in verbs, line
        known = {
            option for parameter in verbs[words[0]].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert {word for word in words if word.startswith("--")} <= {*known, "--help"}, line


def commands_in(text: str) -> list[str]:
    """What follows `dlt-harvest` in inline code and in code blocks."""
    return [line.strip() for code in code_in(text) for line in _COMMAND.findall(code)]


def code_in(text: str) -> list[str]:
    """Inline code and code blocks."""
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", text)]


@each_page
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {
        name for code in code_in(text_of(page)) for name in re.findall(r"(?:^|&& )make ([a-z-]+)", code, re.MULTILINE)
    }
    assert named <= targets


@each_page
def test_every_link_into_the_project_leads_to_a_page_and_a_heading(page: Path) -> None:
    for target, _, anchor in re.findall(r"\]\(([^)#\s]*)(#([^)\s]*))?\)", text_of(page)):
        if "://" in target:
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), target
        assert not anchor or anchor in anchors_of(file), f"{target}#{anchor}"


def anchors_of(page: Path) -> set[str]:
    """The names of headings, as both the repository's host and the site make them."""
    without_code = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@each_page
def test_every_file_of_the_project_that_is_named_exists(page: Path) -> None:
    named = [
        code for code in re.findall(r"`([\w./-]+)`", text_of(page)) if re.match(r"(src|sources|tests|docs|\.ci)/", code)
    ]
    assert [name for name in named if not (ROOT / name).exists()] == []


@each_page
def test_every_piece_of_python_can_be_read(page: Path) -> None:
    for block in re.findall(r"^ *```python\n(.*?)^ *```", text_of(page), re.MULTILINE | re.DOTALL):
        compile(dedent(block), page.name, "exec")


@pytest.mark.parametrize("name", ["recover", "fix-a-mismatch"])
def test_every_message_that_is_explained_is_one_that_is_said(name: str) -> None:
    sources = [file for folder in ("sources", "src") for file in (ROOT / folder).rglob("*.py")]
    said = "".join(map(text_of, sources)).replace("\\'", "'")
    # A text that is broken over lines is one.
    said = re.sub(r"\"\s*\n\s*f?\"", "", said)
    cells = re.findall(r"^\| (`.*?) \|", text_of(DOCS / "how-to" / f"{name}.md"), re.MULTILINE)
    messages = [message for cell in cells for message in re.findall(r"`([^`]+)`", cell)]
    assert messages
    for part in (part.strip(" .?") for message in messages for part in re.split(r"\.{3}|\d[\d.,]*%?|[,:()']", message)):
        assert len(part) < 10 or part in said or part in _COMPOSED, part


@each_page
def test_every_setting_that_is_named_exists(page: Path) -> None:
    text = text_of(page)
    account = {name.lower() for name in _ACCOUNT.findall(text_of(DOCS / "reference" / "settings.md"))}
    known = {
        "HARVEST_MARTS": set(MartSettings.__dataclass_fields__),
        "HARVEST_ALERTS": set(AlertSettings.__dataclass_fields__),
        "HARVEST_WAREHOUSE": {"destination"},
        "SOURCES__HARVEST_TIME_TRACKING": account,
        "SOURCES__HARVEST_TIME_TRACKING_SOURCE": account,
    }
    for section, names in known.items():
        for name in re.findall(rf"\b{section}__([A-Z][A-Z_0-9]*[A-Z0-9])\b", text):
            assert name.lower() in names, f"{section}__{name}"
    for block in re.findall(r"^ *```toml\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        for section, given in tomllib.loads(block.replace("...", "")).items():
            assert set(given) <= known.get(section.upper(), set(given)), section


def test_every_alert_is_on_its_page_with_its_thresholds() -> None:
    page = text_of(DOCS / "how-to" / "alerts-to-slack.md")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [alert.name for alert in ALERTS]
    defaults = {name: f"`{name}`, {value}" for name, value in AlertSettings().values().items()}
    assert [name for name, said in defaults.items() if said not in page] == []


def test_the_readme_is_a_screen_and_not_a_book() -> None:
    assert len(text_of(ROOT / "README.md").splitlines()) <= 120


def test_every_stream_that_the_pages_name_exists() -> None:
    named = [names for page in PAGES for names in re.findall(r"with_resources\(([^)]*)\)", text_of(page))]
    assert named
    assert {name for names in named for name in re.findall(r'"(\w+)"', names)} <= set(STREAMS)


def test_the_page_of_the_architecture_has_the_layers_of_the_contract() -> None:
    contracts = tomllib.loads(text_of(ROOT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    [layers] = [one["layers"] for one in contracts if one.get("containers") == ["harvest_warehouse"]]
    told: dict[int, set[str]] = {}
    for layer, names in re.findall(
        r"^\| (\d) \| (`.+?) \|", text_of(DOCS / "explanation/architecture.md"), re.MULTILINE
    ):
        told.setdefault(int(layer), set()).update(re.findall(r"`(\w+)`", names))
    assert told == {place: set(layer.split(" | ")) for place, layer in enumerate(layers, 1)}


def test_every_decision_is_in_the_index_under_its_title() -> None:
    pages = sorted((DOCS / "decisions").glob("0*.md"))
    index = text_of(DOCS / "decisions" / "index.md")
    for number, page in enumerate(pages, 1):
        title = text_of(page).partition("\n")[0]
        assert title.startswith(f"# {number:04d}. ")
        assert f"| {number:04d} | [{title.partition('. ')[2]}]({page.name}) |" in index
        assert "\n## What it costs\n" in text_of(page)


def test_every_page_is_reached_from_the_site_menu() -> None:
    menu = set(re.findall(r"[\w/-]+\.md", text_of(ROOT / "mkdocs.yml")))
    pages = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert menu == {page for page in pages if not page.startswith("decisions/0")}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """The demo's database, of a tiny company."""
    made = demo_warehouse(tmp_path_factory.mktemp("demo"))
    simulator = Simulator(size="tiny", enforce_limits=False)
    with simulator.serving() as url:
        settings = Settings(Secret(simulator.access_token), simulator.account_id, url, requests_per_15_s=0)
        sync(made, settings)
    return made


def questions() -> list[str]:
    asked = [
        words[1:]
        for page in PAGES
        for words in map(shlex.split, commands_in(text_of(page).replace("\\|", "|")))
        if words[0] == "sql"
    ]
    return sorted(
        {word for words in asked for word in words if " " in word and not word.startswith("-") and "..." not in word}
    )


@pytest.mark.parametrize("question", questions())
def test_every_question_in_sql_has_an_answer(question: str, warehouse: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(warehouse.folder)
    done = CliRunner().invoke(app, ["sql", "--demo", question])
    assert done.exit_code == 0, done.output


def test_the_notebook_runs_as_a_program(warehouse: Target) -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / "explore.py")],
        env=os.environ | {"HARVEST_DATABASE": str(warehouse.file)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
