"""BigQuery's SQL said in DuckDB's, and DuckDB's answers in those of BigQuery's REST interface."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from google.api_core.exceptions import BadRequest, GoogleAPICallError
from google.cloud import bigquery
from google.cloud.bigquery.table import RowIterator
from sqlglot import exp
from sqlglot.errors import SqlglotError

LOCATION = "EU"
ABORT = "CALL BQ.ABORT_SESSION()"

# DuckDB's names of types, as BigQuery's information schema has them; in an answer some have older names.
_TYPES = {
    "BIGINT": "INT64",
    "INTEGER": "INT64",
    "HUGEINT": "INT64",
    "DOUBLE": "FLOAT64",
    "BOOLEAN": "BOOL",
    "VARCHAR": "STRING",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "TIMESTAMP": "DATETIME",
    "BLOB": "BYTES",
    "DATE": "DATE",
    "TIME": "TIME",
    "JSON": "JSON",
}
_OLD = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
# What is put into a column of another type without a cast: conversion_rules#coercion.
_COERCED = {
    ("INT64", "NUMERIC"),
    ("INT64", "FLOAT64"),
    ("NUMERIC", "FLOAT64"),
    ("DATE", "DATETIME"),
    ("DATE", "TIMESTAMP"),
    ("DATETIME", "TIMESTAMP"),
}
_WRITTEN_COERCED = {("STRING", "DATE"), ("STRING", "TIMESTAMP"), ("STRING", "DATETIME"), ("STRING", "TIME")}
_CATALOGS = {
    "INFORMATION_SCHEMA.TABLES": "select table_catalog, table_schema, table_name from information_schema.tables",
    "INFORMATION_SCHEMA.COLUMNS": "select table_catalog, table_schema, table_name, column_name, ordinal_position, is_nullable, case "
    "{cases} when starts_with(data_type, 'DECIMAL') then replace(replace(data_type, 'DECIMAL', 'NUMERIC'), ',', ', ') "
    "else data_type end as data_type from information_schema.columns",
    "INFORMATION_SCHEMA.SCHEMATA": "select catalog_name, schema_name from information_schema.schemata",
}
MISSING = re.compile(r"(Table|Schema) with name \"?([^\s\"!]+)\"? does not exist")
_LARGEST = Decimal(10) ** 29
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def failure(kind: type[GoogleAPICallError], reason: str, said: str) -> GoogleAPICallError:
    """An error as Google's client makes it of an answer."""
    return kind(said, errors=[{"reason": reason, "message": said, "location": LOCATION}])


def refused(said: str, tree: exp.Expr | str) -> GoogleAPICallError:
    """What is said of a statement that is not run."""
    text = tree if isinstance(tree, str) else tree.sql("bigquery")
    return failure(BadRequest, "invalidQuery", f"{said}: {text[:2_000]}")


def json_rows(duck: duckdb.DuckDBPyConnection, path: Path, want: Mapping[str, str]) -> str:
    """What DuckDB reads a file of JSON lines by, in a table's types."""
    options = "format = 'newline_delimited', maximum_object_size = 100_000_000"
    keys = f"select distinct unnest(json_keys(json)) from read_json_objects('{path}', {options})"
    have = {key for (key,) in duck.execute(keys).fetchall()}
    if unknown := have - set(want):
        raise ValueError(f"No such field: {sorted(unknown)}")
    if not have:
        return f'(SELECT NULL AS "{next(iter(want))}" WHERE false)'
    return f"read_json('{path}', {options}, columns = { ({name: want[name] for name in sorted(have)}) })"


def parquet_rows(duck: duckdb.DuckDBPyConnection, path: Path, want: Mapping[str, str]) -> str:
    """What DuckDB reads a Parquet file by: nothing is cast; and lists and objects do not come by it (bigquery/docs/json-data)."""
    rows = f"read_parquet('{path}')"
    have = {name: kind for name, kind, *_ in duck.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()}
    if wrong := {name: kind for name, kind in have.items() if want.get(name) != kind or kind == "JSON"}:
        raise ValueError(f"the table has other types than {wrong}")
    return rows


def parsed(text: str) -> list[exp.Expr]:
    """The statements of a text.

    Raises:
        BadRequest: where there is none, or one that the parser does not know; and where it is longer than 1 MB
            (docs.cloud.google.com/bigquery/quotas#query_jobs).
    """
    if len(text.encode()) > 1_048_576:
        raise refused("The query is too large", text)
    try:
        trees = [tree for tree in sqlglot.parse(text, read="bigquery") if tree]
    except SqlglotError as error:
        raise refused(f"Syntax error: {error}", text) from error
    if not trees or any(isinstance(tree, exp.Command) and tree.sql() != ABORT for tree in trees):
        raise refused("Syntax error", text)
    return trees


def filled(tree: exp.Expr, parameters: Sequence[Any]) -> exp.Expr:
    """With the values of its parameters; dlt names none."""
    places = [place for place in tree.dfs() if isinstance(place, exp.Placeholder)]
    for place, parameter in zip(places, parameters, strict=True):
        place.replace(exp.convert(parameter.value))
    return tree


def in_duckdb(tree: exp.Expr) -> str:
    """A statement as DuckDB takes it."""
    return tree.sql("duckdb", identify=True, unsupported_level=sqlglot.ErrorLevel.RAISE)


def say_in_duckdb(tree: exp.Expr, seen: Callable[[str], object]) -> None:
    """What translation alone does not do.

    Args:
        tree: the statement, which is changed.
        seen: is told each dataset whose catalog is asked.
    """
    for constraint in list(tree.find_all(exp.ColumnConstraint)):
        if isinstance(constraint.kind, exp.Properties):
            constraint.pop()
    for kind in list(tree.find_all(exp.DataType)):
        if kind.is_type("decimal") and not kind.expressions:
            kind.replace(exp.DataType.build("decimal(38, 9)"))
    _say_values(tree)
    for table in list(tree.find_all(exp.Table)):
        if catalog := _CATALOGS.get(table.name.upper()):
            if table.db:
                seen(table.db)
            cases = " ".join(f"when data_type = '{ours}' then '{theirs}'" for ours, theirs in _TYPES.items())
            alone = f" where table_schema = '{table.db}'" if table.db else ""
            rows = sqlglot.parse_one(f"({catalog.format(cases=cases)}{alone})", read="duckdb")
            table.replace(exp.alias_(rows, "catalog"))


def _say_values(tree: exp.Expr) -> None:
    for division in list(tree.find_all(exp.Div)):
        by = division.expression
        nothing = exp.func("error", exp.Literal.string("division by zero"))
        division.set("expression", exp.Case().when(by.copy().eq(0), nothing).else_(by.copy()))


def _rows(duck: duckdb.DuckDBPyConnection, question: str) -> list[tuple[Any, ...]]:
    return duck.execute(question).fetchall()


def refuse_two_for_one(duck: duckdb.DuckDBPyConnection, tree: exp.Expr) -> None:
    """A row may not be changed by two others (dml-syntax#update_statement, #merge_statement)."""
    if isinstance(tree, exp.Merge):
        others, condition = tree.args["using"], tree.args["on"]
    else:
        others, condition = tree.args["from_"].this, tree.args["where"].this
    changed = exp.column("rowid", table=tree.this.alias_or_name)
    matches = exp.select(changed).from_(tree.this.copy()).join(others.copy(), on=condition.copy())
    if _rows(duck, in_duckdb(matches.group_by(changed.copy()).having("count(*) > 1").limit(1))):
        raise refused("UPDATE/MERGE must match at most one source row for each target row", tree)


def refuse_other_types(duck: duckdb.DuckDBPyConnection, tree: exp.Insert) -> None:
    """What is put into a column has its type, or one that becomes it by itself (conversion_rules#coercion)."""
    table = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    there = {name: kind for name, kind, *_ in _rows(duck, f"DESCRIBE {in_duckdb(table)}")}
    names = [one.name for one in tree.this.expressions] if isinstance(tree.this, exp.Schema) else list(there)
    rows, is_written = tree.expression, isinstance(tree.expression, exp.Values)
    question = f"SELECT * FROM ({in_duckdb(rows)})" if is_written else in_duckdb(rows)
    described = _rows(duck, f"DESCRIBE {question}")
    are_nothing = [False] * len(names) if rows.is_star else _are_nothing(rows)
    for name, (_, kind, *_), is_nothing in zip(names, described, are_nothing, strict=True):
        have, want = googles(kind), googles(there[name])
        is_coerced = (have, want) in (_COERCED | _WRITTEN_COERCED if is_written else _COERCED)
        if not (have == want or is_coerced or is_nothing):
            raise refused(f"Value of type {have} cannot be put into {name}, which is {want}", tree)


def _are_nothing(rows: exp.Expr) -> list[bool]:
    """Of each column, whether it is written as null and nothing else: that is of any type."""
    if isinstance(rows, exp.Values):
        columns = zip(*(row.expressions for row in rows.expressions), strict=True)
        return [all(isinstance(value, exp.Null) for value in column) for column in columns]
    return [isinstance(one.unalias(), exp.Null) for one in rows.selects]


def googles(kind: str) -> str:
    """BigQuery's name of a type of DuckDB's, without digits."""
    return "NUMERIC" if kind.startswith("DECIMAL") else _TYPES.get(kind, kind)


def answer(described: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> RowIterator:
    """Google's reader of an answer, over what its REST interface would give."""
    kinds = [googles(kind) for _, kind in described]
    fields = [
        bigquery.SchemaField(name, _OLD.get(kind, kind)) for (name, _), kind in zip(described, kinds, strict=True)
    ]
    page = [{"f": [{"v": _cell(*one)} for one in zip(row, kinds, strict=True)]} for row in rows]
    found = {"rows": page, "totalRows": str(len(page))}
    return RowIterator(None, None, None, fields, total_rows=len(page), first_page_response=found)


def _cell(value: Any, kind: str) -> str | None:
    if value is None:
        return None
    if kind == "TIMESTAMP":
        return str((value - _EPOCH) // timedelta(microseconds=1))
    if kind == "NUMERIC":
        rounded = value.quantize(Decimal("1e-9"), ROUND_HALF_UP, Context(prec=80))
        if rounded.copy_abs() >= _LARGEST:
            raise failure(BadRequest, "invalidQuery", f"numeric overflow: {value}")
        return f"{rounded:f}"
    if kind == "BYTES":
        return base64.b64encode(value).decode()
    if kind == "INT64" and not -(2**63) <= value < 2**63:
        raise failure(BadRequest, "invalidQuery", f"int64 overflow: {value}")
    return value.isoformat() if kind in ("DATE", "DATETIME", "TIME") else str(value)
