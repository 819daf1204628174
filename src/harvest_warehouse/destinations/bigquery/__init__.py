"""Destination entry for Google BigQuery."""

from __future__ import annotations

from harvest_warehouse.destinations.base import Destination

ENTRY = Destination(
    "bigquery",
    factory="harvest_warehouse.destinations.bigquery.client.bigquery",
    needs=("google.cloud.bigquery",),
    # BigQuery does not load JSON columns from Parquet.
    load_format="jsonl",
    is_atomic=False,
    has_comments=False,
    has_catalog_in_schema=True,
    # JSON cannot be cast to text; and a null would become the text "null".
    json_text="case when {column} is not null then to_json_string({column}) end",
    json_quoted="case when {text} is not null then to_json_string({text}) end",
    # Timestamps have no time zone, and become text in UTC.
    utc_text="cast({timestamp} as text)",
    place_within="project_id",
    unescapes_percent=True,
    who="select 'the project', session_user()",
    permissions={
        "make a schema": "the role roles/bigquery.user on {database} for {user}",
        "make a table": "the role roles/bigquery.dataEditor on the dataset {schema} for {user}",
    },
)
