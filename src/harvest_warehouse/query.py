"""One question in SQL to the warehouse, by somebody who need not know where its tables are, and who cannot change them."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlglot
from dlt.common.exceptions import DltException
from sqlglot import exp
from sqlglot.errors import SqlglotError

from harvest_time_tracking import SettingWrong
from harvest_warehouse.destinations import Destination
from harvest_warehouse.reading import reading
from harvest_warehouse.settings import Warehouse

_READS = (exp.Query, exp.Describe, exp.Summarize, exp.Show)
# Whatever could change something inside of a statement that begins like a question.
_WRITES = (exp.DML, exp.DDL, exp.Drop, exp.Alter, exp.Command, exp.Into, exp.Lock)
_SHOW_TABLES = ("show tables", "show all tables")


@dataclass(frozen=True)
class QueryReport:
    """What a query gave.

    Attributes:
        columns: their names, each of them once.
        rows: the rows as the database gave them.
        is_cut: whether there are more rows than these.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool = False


def query(warehouse: Warehouse, statement: str, *, limit: int | None = None) -> QueryReport:
    """Ask the database of an account.

    Args:
        warehouse: where the tables are. Those of Harvest and those of the marts are found by their bare names.
        statement: one select, with, describe, summarize or show, in the database's own SQL.
        limit: at most so many rows; None for all.

    Raises:
        SettingWrong: for anything that is no question, that names no table, or that the database does not understand.
        NotReadable: where another program has the database.
    """
    with reading(warehouse) as database:
        known = database.tables()
        if statement.strip().rstrip("; ").lower() in _SHOW_TABLES:
            return _cut(("schema_name", "table_name"), sorted((table.db, name) for name, table in known.items()), limit)
        tree = question(statement, database.dialect)
        _refuse_functions(tree, warehouse.kind)
        _locate(tree, known)
        try:
            columns, rows = database.answer(tree, None if limit is None else limit + 1)
        except DltException as error:
            raise SettingWrong(f"The database does not take it: {error}") from error
    return _cut(_distinct(columns), rows, limit)


def question(statement: str, dialect: str) -> exp.Expr:
    """The parsed statement, which is one and only asks. What is run is what this says, not the text.

    Raises:
        SettingWrong: where it is something else, with what.
    """
    logger = logging.getLogger("sqlglot")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        trees = [tree for tree in sqlglot.parse(statement, read=dialect) if tree is not None]
    except SqlglotError as error:
        raise SettingWrong(f"This is not SQL: {_said(error)}") from None
    finally:
        logger.setLevel(level)
    if len(trees) != 1:
        raise SettingWrong(f"One statement at a time: these are {len(trees)}." if trees else "There is no statement.")
    [tree] = trees
    writing = tree.find(*_WRITES)
    if not isinstance(tree, _READS) or writing:
        raise SettingWrong(
            f"Only select, with, describe, summarize and show are answered, not {_verb(writing or tree, statement)}: "
            "nothing is changed from here."
        )
    if tree.find(exp.Placeholder):
        raise SettingWrong("Values are written into the statement: it has a placeholder (? or :name).")
    return tree


def _refuse_functions(tree: exp.Expr, kind: Destination) -> None:
    """Functions by which a mere question could reach more than the tables."""
    for call in tree.find_all(exp.Func):
        name = (call.name if isinstance(call, exp.Anonymous) else call.sql_name()).lower()
        if name.startswith(kind.closed_functions) and name not in kind.open_functions:
            raise SettingWrong(f"The function {name} is not answered: it can reach more than the tables.")


def _locate(tree: exp.Expr, known: Mapping[str, exp.Table]) -> None:
    """Give every bare name of a table its schema."""
    by_name = {name.lower(): table for name, table in known.items()}
    for table in list(tree.find_all(exp.Table)):
        name = table.name.lower()
        if table.db or not isinstance(table.this, exp.Identifier) or _is_of_the_query(table, tree):
            continue
        if name not in by_name:
            raise SettingWrong(_unknown(table.name, list(known)))
        for part in ("this", "db", "catalog"):
            value = by_name[name].args.get(part)
            table.set(part, value.copy() if value else None)


def _is_of_the_query(table: exp.Table, tree: exp.Expr) -> bool:
    """Whether a name is that of a `with`; inside of its own definition it is a table's, unless that is recursive."""
    for cte in tree.find_all(exp.CTE):
        if cte.alias.lower() == table.name.lower():
            clause = cte.parent
            is_recursive = isinstance(clause, exp.With) and bool(clause.args.get("recursive"))
            if is_recursive or cte not in _above(table):
                return True
    return False


def _above(node: exp.Expr) -> list[exp.Expr]:
    found: list[exp.Expr] = []
    parent = node.parent
    while parent is not None:
        found.append(parent)
        parent = parent.parent
    return found


def _unknown(name: str, known: list[str]) -> str:
    shown = [table for table in known if not table.startswith("_dlt")]
    close = difflib.get_close_matches(name.lower(), shown, n=4, cutoff=0.5)
    holding = [table for table in shown if name.lower() in table and table not in close]
    hint = ", ".join([*close, *holding][:5])
    return f"There is no table {name!r}. " + (f"Is it {hint}?" if hint else "`show tables` lists them.")


def _distinct(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The second column of a name gets a number: as JSON, one would hide the other."""
    names: list[str] = []
    for column in columns:
        name, number = column, 2
        while name in names:
            name, number = f"{column}_{number}", number + 1
        names.append(name)
    return tuple(names)


def _cut(columns: tuple[str, ...], rows: list[tuple[Any, ...]], limit: int | None) -> QueryReport:
    return QueryReport(columns, tuple(rows if limit is None else rows[:limit]), limit is not None and len(rows) > limit)


def _verb(tree: exp.Expr, statement: str) -> str:
    if isinstance(tree, exp.Command):
        return str(tree.this).lower()
    if isinstance(tree, exp.Into | exp.Lock):
        return {"into": "select into", "lock": "select for update"}[tree.key]
    return tree.key if isinstance(tree, _WRITES) else statement.split(maxsplit=1)[0].lower()


def _said(error: SqlglotError) -> str:
    """sqlglot's words, without its colours."""
    for one in getattr(error, "errors", None) or ():
        near = str(one.get("highlight") or "").strip()
        return f"{str(one['description']).rstrip('.')}, line {one['line']}, column {one['col']}" + (
            f", near {near!r}." if near else "."
        )
    return str(error)
