"""Read the marts' SQL files: their dependencies, build order, and resolution of names in a given database.

In the files, `raw.x` is a table of Harvest's without the rows that are left out of the marts, `left_out.x` only those rows,
and `every.x` all rows (`needs.py` has the conditions). `stg_x` is a staging model, inlined as a subquery and never stored.
`cfg_x`, `int_x`, `dim_x`, `fct_x` and `mart_x` are tables of the marts; the first two exist only during the build.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import sqlglot
import yaml
from sqlglot import exp

from harvest_time_tracking import tables
from harvest_warehouse.marts.needs import Needs, needs, texts

SQL = Path(__file__).parent / "sql"
Severity = Literal["error", "warning", "finding"]

_STORED = ("cfg_", "int_", "dim_", "fct_", "mart_")
_TRANSIENT = ("cfg_", "int_")
_TYPES = MappingProxyType(
    {
        "text": "text",
        "bigint": "bigint",
        "decimal": "decimal(38, 9)",
        "bool": "boolean",
        "date": "date",
        "timestamp": "timestamptz",
    }
)
# Pseudo-schemas of Harvest's tables in the SQL files.
_HARVESTS = ("raw", "left_out", "every", "told")
# Staging models that are the union over all tables of a statement of `Needs`.
_TOLD: Mapping[str, Callable[[Needs], str]] = MappingProxyType(
    {
        "stg_left_out": lambda needed: needed.told_left_out if needed.barring else "",
        "stg_odd_value": lambda needed: needed.told_odd if needed.telling else "",
        "stg_balance": lambda needed: needed.balance,
    }
)
# Columns that dlt adds to parent and child tables.
_LINKS = MappingProxyType({"_dlt_id": "text", "_dlt_parent_id": "text", "_dlt_list_idx": "bigint"})


@dataclass(frozen=True)
class Model:
    """Model: an SQL file that is built into a table.

    Attributes:
        name: name of the file and of the table.
        query: select statement of the file.
    """

    name: str
    query: exp.Query

    @property
    def is_kept(self) -> bool:
        """True if the table is kept; others exist only during the build."""
        return not self.name.startswith(_TRANSIENT)


@dataclass(frozen=True)
class Described:
    """Description of one table, from models.yml.

    Attributes:
        name: name of the table.
        description: purpose of the table, in one sentence.
        grain: what a row is.
        key: columns that identify a row.
        columns: description of each column, in the table's order.
    """

    name: str
    description: str
    grain: str
    key: tuple[str, ...]
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Rule:
    """Check: a query for the rows that violate it.

    Attributes:
        name: name of the file; `key_<table>` for checks of a table's key.
        severity: an error fails the build; a warning does not, since it depends on how Harvest behaves; a finding is
            something in the account that somebody may want to correct.
        words: what a row of the query means.
        query: the query; its first column is `account_id`.
    """

    name: str
    severity: Severity
    words: str
    query: exp.Query


@cache
def models() -> tuple[Model, ...]:
    """Models in build order: each after those that it depends on."""
    found = {path.stem: _parsed(path) for path in (*SQL.glob("staging/int_*.sql"), *SQL.glob("marts/*.sql"))}
    needs = {name: sorted(_needs(query) & found.keys()) for name, query in sorted(found.items())}
    return tuple(Model(name, found[name]) for name in TopologicalSorter(needs).static_order())


@cache
def described() -> Mapping[str, Described]:
    """Descriptions of the tables that are kept, by name."""
    common = _words()["common"]
    return MappingProxyType(
        {
            name: Described(
                name,
                said["description"],
                said["grain"],
                tuple(said["key"].split()),
                {column: words or common[column] for column, words in said["columns"].items()},
            )
            for name, said in _words()["models"].items()
        }
    )


@cache
def rules() -> tuple[Rule, ...]:
    """List all checks: those of keys, then the files of sql/checks in the order of models.yml."""
    words: dict[Severity, dict[str, str]] = _words()["checks"]
    built = {model.name for model in models()}
    keys = [
        key_rule(table.name, table.key, f"{table.name} has not {table.grain[0].lower()}{table.grain[1:]}.")
        for table in described().values()
        if table.name in built
    ]
    files = [
        Rule(name, severity, said, _parsed(SQL / "checks" / f"{name}.sql"))
        for severity, checks in words.items()
        for name, said in checks.items()
    ]
    return (*keys, *files)


def prefixes() -> tuple[str, ...]:
    """What the names of the marts' files begin with."""
    return ("stg_", *_STORED)


def raw_tables() -> tuple[str, ...]:
    """Names of Harvest's tables that the SQL files read."""
    queries = [*_staging().values(), *(rule.query for rule in rules())]
    return tuple(
        sorted({table.name for query in queries for table in query.find_all(exp.Table) if table.db in _HARVESTS})
    )


def staging(name: str) -> exp.Query:
    """Select statement of a staging model."""
    return _staging()[name].copy()


def resolved(
    query: exp.Query, raw: Mapping[str, Sequence[str]], suffix: str = "", own: Collection[str] = ()
) -> exp.Query:
    """Resolve the names in a statement for a given database.

    Args:
        query: statement of a model or a check.
        raw: columns of each of Harvest's tables in the database; empty for a missing table. Missing columns are null.
        suffix: suffix of the marts' tables during the build.
        own: names of the user's own models, which are tables of the marts, too.
    """
    # Copied, so that every replaced node has a parent.
    tree = query.copy()
    pending = list(tree.find_all(exp.Table))
    while pending:
        table = pending.pop()
        if table.db in ("raw", "left_out") and table.name in needs():
            pending.extend(_put(table, _rows_of(table.name, table.db)))
        elif table.db in _HARVESTS:
            too = texts(table.name) if table.db == "told" else ()
            _put(table, _raw(table.name, raw.get(table.name, ()), too))
        elif table.name in _staging():
            pending.extend(_put(table, staging(table.name)))
        elif not table.db and (table.name.startswith(_STORED) or table.name in own):
            alias = table.alias_or_name
            table.replace(exp.alias_(exp.table_(f"{table.name}{suffix}", db="marts"), alias, table=True))
    return tree


def empty(columns: Mapping[str, str]) -> exp.Query:
    """Select statement with these columns (SQL types by name) and no rows."""
    listed = ", ".join(f'cast(null as {kind}) as "{name}"' for name, kind in columns.items())
    return _query(f"select {listed} from (select 1 as one) as nothing where one = 0")


def _put(table: exp.Table, instead: exp.Query | exp.Table) -> list[exp.Table]:
    """Replace a table in a statement; return the tables of its replacement, which are still to be resolved."""
    alias = table.alias_or_name
    if isinstance(instead, exp.Query):
        table.replace(instead.subquery(alias, copy=False))
        return list(instead.find_all(exp.Table))
    table.replace(exp.alias_(instead, alias, table=True))
    return []


def _raw(name: str, have: Sequence[str], too: Sequence[str] = ()) -> exp.Query | exp.Table:
    wanted = {column.name: _TYPES[column.data_type] for column in tables()[name].columns.values()} | _LINKS
    wanted |= dict.fromkeys(too, "text")
    missing = {column: kind for column, kind in wanted.items() if column not in have}
    if not have:
        return empty(wanted)
    if missing.keys() <= _LINKS.keys():
        return exp.table_(name, db="raw")
    nulls = ", ".join(f'cast(null as {kind}) as "{column}"' for column, kind in missing.items())
    return _query(f'select *, {nulls} from raw."{name}"')


def _needs(query: exp.Query) -> set[str]:
    """Names of the marts' tables that a statement reads, directly or through staging models."""
    return set(_names(query))


def _names(query: exp.Query) -> Iterator[str]:
    for table in query.find_all(exp.Table):
        if table.name in _staging():
            yield from _names(_staging()[table.name])
        elif not table.db:
            yield table.name


def key_rule(table: str, key: Sequence[str], words: str) -> Rule:
    """Check that the columns of a key identify a row, and are never null."""
    columns = ", ".join(key)
    nulls = " or ".join(f"{column} is null" for column in key)
    query = f"select {columns}, count(*) as row_count from {table} group by {columns} having count(*) > 1 or {nulls}"
    return Rule(f"key_{table}", "error", words, _query(query))


def _rows_of(table: str, which: str) -> exp.Query:
    """Select the rows of a table of Harvest's that are included in the marts, or (`left_out`) the others."""
    return _placed()[table, which].copy()


@cache
def _placed() -> Mapping[tuple[str, str], exp.Query]:
    return MappingProxyType(
        {
            (table, which): _query(select)
            for table, needed in needs().items()
            for which, select in (("raw", needed.kept), ("left_out", needed.left_out))
        }
    )


@cache
def _staging() -> Mapping[str, exp.Query]:
    files = {path.stem: _parsed(path) for path in SQL.glob("staging/stg_*.sql")}
    told = {
        name: _query(" union all ".join(filter(None, map(select, needs().values())))) for name, select in _TOLD.items()
    }
    return MappingProxyType(files | told)


@cache
def _words() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((SQL / "models.yml").read_text(encoding="utf-8"))
    return read


def _parsed(path: Path) -> exp.Query:
    return _query(path.read_text(encoding="utf-8"))


def _query(text: str) -> exp.Query:
    parsed = sqlglot.parse_one(text, read="duckdb")
    if not isinstance(parsed, exp.Query):
        raise TypeError(f"Not a select statement: {text}")
    return parsed
