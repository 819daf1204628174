"""Destination entry for Databricks."""

from __future__ import annotations

from harvest_warehouse.destinations.base import Destination

ENTRY = Destination(
    "databricks",
    needs=("databricks.sql",),
    # Databricks does not load decimals and dates from JSON.
    load_format="parquet",
    place_within="catalog",
    session={"session_timezone": "UTC"},
    is_atomic=False,
    # Only arrays and the like become JSON; and what is JSON stays text, as its loaders leave it.
    json_quoted="substring(to_json(array({text})), 2, length(to_json(array({text}))) - 2)",
    json_parsed="{text}",
    utc_text="cast(to_utc_timestamp({timestamp}, current_timezone()) as text)",
    who="select current_catalog(), current_user()",
    permissions={
        "make a schema": "GRANT USE CATALOG, CREATE SCHEMA ON CATALOG {database} TO `{user}`",
        "make a table": "GRANT USE SCHEMA, SELECT, MODIFY, CREATE TABLE, CREATE VOLUME ON SCHEMA {schema} TO `{user}`",
    },
)
