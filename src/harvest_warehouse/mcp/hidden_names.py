"""Leave out people's names (`mcp --hide-names`): each is replaced by a person's id before a statement reads a row. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from harvest_time_tracking import SettingWrong
from harvest_warehouse.marts.models import described

_FREE_TEXTS = frozenset({"email", "subject", "description"})
"""Columns that may have anybody's name; they are left empty."""
_TEAM = "/team"


def without_names(tree: exp.Query) -> exp.Query:
    """Replace people's names in a statement of ours, on `marts.`; returns a changed copy."""
    changed = tree.copy()
    for table in list(changed.find_all(exp.Table)):
        if table.db == "marts" and _hidden(table.name):
            rows = _masked(table.name, exp.table_(table.name, db="marts"))
            table.replace(rows.subquery(table.alias_or_name, copy=False))
    return changed


def without_names_in(tree: exp.Expr, known: Mapping[str, exp.Table]) -> exp.Query:
    """Replace people's names in a statement that somebody else wrote; returns a changed copy.

    Every mart that it reads becomes a common table expression of the same name, whose rows have no names.

    Args:
        tree: parsed statement.
        known: fully qualified names of tables, by name.

    Raises:
        SettingWrong: it is no query, reads a table that is no mart, or names a part of itself like a mart.
    """
    if not isinstance(tree, exp.Query):
        raise SettingWrong(
            "Names of people are hidden here: only select and with are allowed. `describe` lists columns."
        )
    changed = tree.copy()
    own = {cte.alias.lower() for cte in changed.find_all(exp.CTE)}
    if taken := sorted(own & {name.lower() for name in known}):
        raise SettingWrong(f"Give the common table expression {taken[0]} another name than a table's.")
    marts = {name.lower(): name for name in described() if name in known}
    read = set()
    for table in list(changed.find_all(exp.Table)):
        name = table.name.lower()
        if not table.db and name in own:
            continue
        if name not in marts or (table.db and table.db.lower() != known[marts[name]].db.lower()):
            raise SettingWrong("Names of people are hidden here: only the marts can be read, such as fct_time_entry.")
        table.set("db", None)
        table.set("catalog", None)
        read.add(marts[name])
    return _below(changed, {name: _masked(name, known[name].copy()) for name in sorted(read)})


def _below(tree: exp.Query, tables: Mapping[str, exp.Select]) -> exp.Query:
    """Put common table expressions before those that a query has."""
    if not tables:
        return tree
    own = next((node for node in tree.find_all(exp.With) if node.parent is tree), None)
    ours: exp.Query = exp.select("1")
    for name, rows in tables.items():
        ours = ours.with_(name, as_=rows, copy=False)
    if own is not None:
        own.set("expressions", [*(cte.copy() for cte in ours.ctes), *own.expressions])
        return tree
    if not isinstance(tree, exp.Select | exp.SetOperation):
        tree = exp.select("*").from_(tree.subquery("answer", copy=False), copy=False)
    for name, rows in tables.items():
        tree = tree.with_(name, as_=rows, copy=False)
    return tree


def hidden_subject(report: str, subject: str | None, subject_id: object) -> str | None:
    """Subject of a compared figure; a person's is the id."""
    return f"person {subject_id}" if report.endswith(_TEAM) else subject


def _hidden(table: str) -> set[str]:
    columns = set(described()[table].columns) if table in described() else set()
    return columns & {"person_name", "line_name", *_FREE_TEXTS}


def _masked(name: str, table: exp.Table) -> exp.Select:
    """Rows of a mart with ids in place of people's names."""
    return exp.select(*(_column(column) for column in described()[name].columns)).from_(table)


def _column(name: str) -> exp.Expr:
    column: exp.Expr = exp.column(name)
    if name == "person_name":
        return exp.alias_(_person("user_id"), name)
    if name == "line_name":
        is_person = exp.column("line_kind").eq(exp.Literal.string("person"))
        return exp.alias_(exp.Case().when(is_person, _person("line_id")).else_(column), name)
    if name in _FREE_TEXTS:
        return exp.alias_(exp.cast(exp.null(), "text"), name)
    return column


def _person(key: str) -> exp.Expr:
    return exp.Concat(
        expressions=[exp.Literal.string("person "), exp.cast(exp.column(key), "text")], safe=True, coalesce=False
    )
