"""Destination entry for PostgreSQL."""

from __future__ import annotations

from harvest_warehouse.destinations.base import Destination

ENTRY = Destination(
    "postgres",
    factory="harvest_warehouse.destinations.postgres.client.postgres",
    needs=("psycopg2", "adbc_driver_postgresql"),
    # By ADBC's binary COPY: through csv, dlt's other fast way, an empty text would become null.
    load_format="parquet",
    load_workers=2,
    session={"session_timezone": "UTC"},
    guards=("SET default_transaction_read_only = on",),
    before_questions=(
        "SET TRANSACTION READ ONLY",
        "SET LOCAL statement_timeout = {milliseconds}",
        # Since 14: the server looks whether the one who asked is still there.
        "SELECT set_config(name, '1000', true) FROM pg_settings WHERE name = 'client_connection_check_interval'",
    ),
    try_lock="SELECT pg_try_advisory_lock({key})",
    # A machine that vanishes must not keep the lock for the two hours that TCP waits; idle is what it does.
    lock_settings=(
        "SET tcp_keepalives_idle = 30",
        "SET tcp_keepalives_interval = 10",
        "SET tcp_keepalives_count = 3",
        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'",
    ),
    declares_cursors=True,
    has_indexes=True,
    who="select current_database(), current_user",
    permissions={
        "make a schema": "GRANT CREATE ON DATABASE {database} TO {user}",
        "make a table": "GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}",
    },
)
