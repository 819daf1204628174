"""Destination entry for Amazon Redshift."""

from __future__ import annotations

from harvest_warehouse.destinations.base import Destination

ENTRY = Destination(
    "redshift",
    factory="harvest_warehouse.destinations.redshift.client.redshift",
    needs=("psycopg2",),
    # Its COPY reads from S3 alone: this needs nothing beside the cluster.
    load_format="insert_values",
    load_workers=2,
    session={"session_timezone": "UTC"},
    before_questions=("SET statement_timeout TO {milliseconds}",),
    # A cast would give nothing for them; and what is nothing would be the text null.
    json_text="case when {column} is not null then json_serialize({column}) end",
    who="select current_database(), current_user",
    permissions={
        "make a schema": "GRANT CREATE ON DATABASE {database} TO {user}",
        "make a table": "GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}",
    },
)
