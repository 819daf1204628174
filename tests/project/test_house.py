"""The rules of the house that no tool checks."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import settings

from support.paths import ROOT

WAREHOUSE = sorted((ROOT / "src" / "harvest_warehouse").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
# A value that an f-string puts into a statement, and not the `:name` of one.
SPLICED = re.compile(r"'\{\}'")
SQL = re.compile(r"\b(select|delete from|update|where|account_id|schema_name|row_key)\b", re.IGNORECASE)
# Whatever draws anew in each run; `uuid4` makes names, and decides nothing.
FRESH = re.compile(
    r"urandom|\brandom\.(?!Random\b)\w+\(|Random\(\)|SystemRandom|^import secrets|^from secrets", re.MULTILINE
)


@pytest.mark.parametrize("file", WAREHOUSE, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_only_the_command_line_prints(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if file.parent.name != "cli":
        assert not re.search(r"(?<![.\w])print\(|stdout\.write", text)


@pytest.mark.parametrize(
    "verb", ["load.load", "sweep.sweep", "sync.sync", "verify.verify", "marts.build", "transfer.copy", "doctor.doctor"]
)
def test_a_verb_its_module_its_function_and_its_result_have_one_name(verb: str) -> None:
    package, name = verb.split(".")
    face = import_module(f"harvest_warehouse.{package}")
    assert getattr(face, name).__module__ == f"harvest_warehouse.{verb}"
    assert getattr(face, f"{name.title()}Report").__dataclass_params__.frozen


def test_no_folder_of_the_source_has_more_than_20_modules() -> None:
    modules = [*WAREHOUSE, *(ROOT / "sources").rglob("*.py"), *(ROOT / "src" / "harvest_simulator").rglob("*.py")]
    counted = Counter(file.parent for file in modules)
    assert {str(folder): count for folder, count in counted.items() if count > 20} == {}


def test_the_warehouse_has_at_most_eight_layers() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    [layers] = [contract["layers"] for contract in contracts if contract.get("containers") == ["harvest_warehouse"]]
    assert len(layers) <= 8
    named = {name.strip() for layer in layers for name in layer.split("|")}
    assert named == {
        file.stem for file in (ROOT / "src" / "harvest_warehouse").iterdir() if not file.name.startswith("_")
    }


def test_the_lock_file_names_no_registry_but_the_public_one() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    registries = {package["source"].get("registry") for package in lock["package"]} - {None}
    assert registries == {"https://pypi.org/simple"}


def test_the_pins_stand() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    versions = {package["name"]: tuple(map(int, package["version"].split(".")[:2])) for package in lock["package"]}
    assert versions["sqlglot"] < (30, 22)
    assert versions["duckdb"] < (2, 0)


def test_no_value_is_put_into_sql_between_quotes() -> None:
    # In needs.py it is the name of the table itself, which nobody gives.
    found = {
        file.name: text
        for file in WAREHOUSE
        for text in f_strings(file)
        if SPLICED.search(text) and SQL.search(text) and file.name != "needs.py"
    }
    assert found == {}


def test_no_value_is_put_into_html_by_hand() -> None:
    assert {file.name: text for file in WAREHOUSE for text in f_strings(file) if re.search(r"</|/>", text)} == {}
    assert [file.name for file in WAREHOUSE if re.search(r"^(from|import) html\b", file.read_text("utf-8"), re.M)] == []


def f_strings(file: Path) -> Iterator[str]:
    """The f-strings of a module, with {} for each of their values."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def test_a_file_is_about_300_lines_at_most() -> None:
    lengths = {file.name: len(file.read_text(encoding="utf-8").splitlines()) for file in WAREHOUSE}
    assert {name: length for name, length in lengths.items() if length > 330} == {}


@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.relative_to(ROOT / "tests").as_posix())
def test_no_test_draws_anything_that_its_next_run_would_not_draw(file: Path) -> None:
    if file != Path(__file__):
        assert not FRESH.search(file.read_text(encoding="utf-8"))


def test_only_exploring_draws_new_cases(pytestconfig: pytest.Config) -> None:
    is_exploring = pytestconfig.getoption("--hypothesis-profile") == "explore"
    assert settings.default is not None
    assert settings.default.derandomize is not is_exploring
