"""Read the user's own models: SQL files beside the configuration, which are built, checked and described with the marts.

A file is one select statement in DuckDB's SQL, which is translated to the database's dialect. It names tables as the marts'
own files do: `dim_client` or another own model by its name, `raw.time_entries` for a table of Harvest's. Comment lines at the
beginning describe it: plain lines are its description, `key:` the columns that identify a row, and `column <name>:` a column.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from types import MappingProxyType

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from harvest_time_tracking import SettingWrong, printable, tables
from harvest_warehouse.marts.models import Described, Model, Rule, key_rule, models, prefixes

FOLDER = "models"
_CHECKS = "checks"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_KEY = re.compile(r"key\s*:\s*(.*)", re.IGNORECASE)
_COLUMN = re.compile(r"column\s+(\w+)\s*:\s*(.*)", re.IGNORECASE)
_WARNING = re.compile(r"severity\s*:\s*(error|warning)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class OwnModels:
    """The user's own models, in build order, with their descriptions and checks."""

    models: tuple[Model, ...] = ()
    described: Mapping[str, Described] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    @property
    def files(self) -> frozenset[str]:
        """Names of the files, without their ending, such as `checks/late`."""
        return frozenset({*self.described, *(f"{_CHECKS}/{rule.name}" for rule in self.rules)})

    @property
    def raw_tables(self) -> frozenset[str]:
        """Names of Harvest's tables that they read."""
        queries = [*(model.query for model in self.models), *(rule.query for rule in self.rules)]
        return frozenset(table.name for query in queries for table in query.find_all(exp.Table) if table.db == "raw")


@dataclass(frozen=True)
class _File:
    """SQL file: its statement, and what its first comment lines say."""

    path: Path
    query: exp.Query
    words: str
    key: tuple[str, ...]
    columns: Mapping[str, str]
    is_warning: bool


def own_models(folder: Path) -> OwnModels:
    """Read the models in `models/` of a folder, and the checks in `models/checks/`.

    A check is a query for the rows that should not be there, with the column `account_id`; it fails the build, unless a comment
    line says `severity: warning`. The models of a dbt project (`dbt_project.yml`) are not ours.

    Args:
        folder: folder of the configuration.

    Raises:
        SettingWrong: a file cannot be used; the message names it, and what is wrong.
    """
    place = folder / FOLDER
    if not place.is_dir() or (folder / "dbt_project.yml").exists():
        return OwnModels()
    files = {path.stem: _read(path) for path in sorted(place.glob("*.sql"))}
    for name, file in files.items():
        _check_name(name, file.path)
    ours = {model.name for model in models()}
    for file in files.values():
        _check_tables(file, ours | files.keys())
    needs = {name: _tables(file.query) & files.keys() for name, file in files.items()}
    try:
        order = tuple(TopologicalSorter(needs).static_order())
    except CycleError as error:
        names = " -> ".join(str(name) for name in error.args[1])
        raise SettingWrong(f"The models in {FOLDER}/ need each other in a circle: {names}.") from None
    described = {
        name: Described(name, file.words or "Own model", "", file.key, file.columns) for name, file in files.items()
    }
    checks = [_read(path) for path in sorted((place / _CHECKS).glob("*.sql"))]
    for check in checks:
        _check_tables(check, ours | files.keys())
    return OwnModels(
        tuple(Model(name, files[name].query) for name in order),
        MappingProxyType(described),
        (
            *(
                key_rule(name, file.key, f"{name} has rows with the same key, or with none.")
                for name, file in files.items()
                if file.key
            ),
            *(
                Rule(
                    check.path.stem,
                    "warning" if check.is_warning else "error",
                    check.words or check.path.stem,
                    check.query,
                )
                for check in checks
            ),
        ),
    )


def _read(path: Path) -> _File:
    try:
        text = path.read_text(encoding="utf-8-sig")
        parsed = [statement for statement in sqlglot.parse(text, read="duckdb") if statement is not None]
    except UnicodeDecodeError:
        raise SettingWrong(f"{_shown(path)} is not written in UTF-8.") from None
    except SqlglotError as error:
        raise SettingWrong(f"{_shown(path)} cannot be read as SQL: {_first_line(error)}") from None
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Query):
        raise SettingWrong(f"{_shown(path)} must be one `select`, from which `build` makes a table.")
    words, key, columns, is_warning = [], "", {}, False
    for line in _comment_lines(text):
        if found := _KEY.fullmatch(line):
            key = found[1]
        elif found := _COLUMN.fullmatch(line):
            columns[found[1]] = found[2]
        elif found := _WARNING.fullmatch(line):
            is_warning = found[1].lower() == "warning"
        else:
            words.append(line)
    keys = tuple(re.split(r"[\s,]+", key.strip())) if key.strip() else ()
    if keys and "account_id" not in keys:
        raise SettingWrong(
            f"{_shown(path)}: its key must begin with account_id, since a database may hold several accounts."
        )
    return _File(path, parsed[0], " ".join(words), keys, columns, is_warning)


def _comment_lines(text: str) -> list[str]:
    """Comment lines before the statement, without their dashes."""
    lines = []
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("--"):
            break
        if said := line.strip().lstrip("-").strip():
            lines.append(said)
    return lines


def _check_name(name: str, path: Path) -> None:
    if not _NAME.fullmatch(name):
        raise SettingWrong(
            f"{_shown(path)}: its name is the table's, and must be of lower-case letters, digits and underscores."
        )
    if name in tables():
        raise SettingWrong(f"{_shown(path)}: a table of Harvest's has this name. Choose another one.")
    if name.startswith(prefixes()):
        raise SettingWrong(
            f"{_shown(path)}: names that begin with {', '.join(prefixes())} are the marts' own. Choose another one."
        )


def _check_tables(file: _File, known: Collection[str]) -> None:
    """Raises SettingWrong if a statement names a table that there cannot be."""
    for table in file.query.find_all(exp.Table):
        if table.db == "raw":
            _check_known(file.path, f"raw.{table.name}", [f"raw.{name}" for name in tables()])
        elif table.db or table.catalog:
            raise SettingWrong(
                f"{_shown(file.path)} reads {table.sql('duckdb')}: write raw.<table> for Harvest's tables, and marts and own "
                "models by their name alone."
            )
    for name in _tables(file.query):
        _check_known(file.path, name, sorted(known))


def _check_known(path: Path, name: str, known: Sequence[str]) -> None:
    if name not in known:
        close = get_close_matches(name, known, 1)
        raise SettingWrong(
            f"{_shown(path)} reads {printable(name)}, which there is not."
            + (f" Did you mean {close[0]}?" if close else "")
        )


def _tables(query: exp.Query) -> set[str]:
    """Names without a schema that a statement reads, without its own `with` parts."""
    parts = {part.alias for part in query.find_all(exp.CTE)}
    return {
        table.name for table in query.find_all(exp.Table) if table.name and not table.db and table.name not in parts
    }


def _shown(path: Path) -> str:
    return printable("/".join(path.parts[path.parts.index(FOLDER) :] if FOLDER in path.parts else path.parts))


def _first_line(error: Exception) -> str:
    return printable(re.sub(r"\x1b\[\d+m", "", str(error)).partition("\n")[0])
