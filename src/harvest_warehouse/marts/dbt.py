"""Describe the tables and the marts for dbt: sources with descriptions, keys and tests.

https://docs.getdbt.com/reference/source-properties
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import yaml

from harvest_time_tracking import STREAMS, tables
from harvest_warehouse.marts.models import described


def dbt_sources(schema: str, marts_schema: str, there: Collection[str], more: Sequence[Mapping[str, Any]] = ()) -> str:
    """Write a dbt properties file: a source for Harvest's tables and one for the marts.

    Args:
        schema: database schema of the tables.
        marts_schema: database schema of the marts.
        there: names of the tables and marts in the database; others are left out.
        more: further sources, as dicts of dbt's properties.

    Returns:
        The file's text, as YAML for dbt 1.8 and later.
    """
    sources = [
        _source("harvest", schema, "Harvest's account, as dlt-harvest copied it.", _raw(there)),
        _source("harvest_marts", marts_schema, "Metrics that dlt-harvest built from it.", _marts(there)),
        *more,
    ]
    content = {"version": 2, "sources": [source for source in sources if source["tables"]]}
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)


def _source(name: str, schema: str, description: str, found: Iterator[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "schema": schema, "description": description, "tables": list(found)}


def _raw(there: Collection[str]) -> Iterator[dict[str, Any]]:
    keys = {stream.table_name: stream.primary_key for stream in STREAMS.values()}
    for name, table in tables().items():
        if name in there:
            columns = {column.name: column.description for column in table.columns.values()}
            key = keys.get(name, ())
            if not key:
                columns |= {
                    "_dlt_id": "Key of the row, by dlt",
                    "_dlt_parent_id": "Key of the row that it belongs to, by dlt",
                }
            yield dbt_table(name, table.description, key or ("_dlt_id",), columns)


def _marts(there: Collection[str]) -> Iterator[dict[str, Any]]:
    for table in described().values():
        if table.name in there:
            yield dbt_table(table.name, f"{table.description} {table.grain}.", table.key, table.columns)


def dbt_table(name: str, description: str, key: tuple[str, ...], columns: Mapping[str, str]) -> dict[str, Any]:
    """dbt's properties of a table, with tests of its key if it has one."""
    # A key of several columns is tested as one text: dbt's own test takes an expression.
    as_one = " || '|' || ".join(f"cast({column} as varchar)" for column in key)
    return {
        "name": name,
        "description": description,
        **({"data_tests": [{"unique": {"column_name": as_one}}]} if key else {}),
        "columns": [
            {"name": column, "description": words, **({"data_tests": ["not_null"]} if column in key else {})}
            for column, words in columns.items()
        ],
    }
