"""Destination entry for PostgreSQL."""

from __future__ import annotations

from harvest_warehouse.destinations.base import Destination

ENTRY = Destination(
    "postgres",
    factory="harvest_warehouse.destinations.postgres.client.postgres",
    needs=("psycopg2", "adbc_driver_postgresql"),
    # Loaded by ADBC's binary COPY: with csv, dlt's other fast format, empty strings would become null.
    load_format="parquet",
    load_workers=2,
    session={"session_timezone": "UTC"},
    guards=("SET default_transaction_read_only = on",),
    before_questions=(
        "SET TRANSACTION READ ONLY",
        "SET LOCAL statement_timeout = {milliseconds}",
        # PostgreSQL 14 or later: the server checks whether the client is still connected.
        "SELECT set_config(name, '1000', true) FROM pg_settings WHERE name = 'client_connection_check_interval'",
    ),
    try_lock="SELECT pg_try_advisory_lock({key})",
    unlock="SELECT pg_advisory_unlock_all()",
    # A client that disappears must not keep the lock for TCP's default of two hours; and the connection is idle by design.
    lock_settings=(
        "SET tcp_keepalives_idle = 30",
        "SET tcp_keepalives_interval = 10",
        "SET tcp_keepalives_count = 3",
        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'",
    ),
    declares_cursors=True,
    json_parsed="cast({text} as jsonb)",
    has_indexes=True,
    who="select current_database(), current_user",
    permissions={
        "make a schema": "GRANT CREATE ON DATABASE {database} TO {user}",
        "make a table": "GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}",
    },
)
