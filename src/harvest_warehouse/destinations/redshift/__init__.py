"""Destination entry for Amazon Redshift."""

from __future__ import annotations

from harvest_warehouse.destinations.base import Destination

ENTRY = Destination(
    "redshift",
    factory="harvest_warehouse.destinations.redshift.client.redshift",
    needs=("psycopg2",),
    # Redshift's COPY reads only from S3; inserts need nothing besides the cluster.
    load_format="insert_values",
    load_workers=2,
    session={"session_timezone": "UTC"},
    before_questions=("SET statement_timeout TO {milliseconds}",),
    # A cast of lists and objects would return null; and a null would become the text "null".
    json_text="case when {column} is not null then json_serialize({column}) end",
    json_quoted="case when {text} is not null then json_serialize(cast({text} as super)) end",
    who="select current_database(), current_user",
    permissions={
        "make a schema": "GRANT CREATE ON DATABASE {database} TO {user}",
        "make a table": "GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}",
    },
)
