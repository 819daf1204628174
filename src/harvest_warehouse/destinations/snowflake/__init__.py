"""Destination entry for Snowflake."""

from __future__ import annotations

from harvest_warehouse.destinations.base import Destination

ENTRY = Destination(
    "snowflake",
    needs=("snowflake.connector",),
    # From Parquet, lists and objects would be loaded as strings.
    load_format="jsonl",
    json_quoted="to_json(to_variant({text}))",
    place_within="database",
    session={"session_timezone": "UTC"},
    who="select current_database(), current_role()",
    permissions={
        "make a schema": "GRANT USAGE, CREATE SCHEMA ON DATABASE {database} TO ROLE {user}",
        "make a table": "GRANT USAGE, CREATE TABLE, CREATE STAGE ON SCHEMA {database}.{schema} TO ROLE {user}",
    },
)
