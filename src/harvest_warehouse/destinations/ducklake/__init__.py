"""Destination entry for DuckLake: tables as Parquet files in a folder or bucket, their catalog in a database."""

from __future__ import annotations

from harvest_warehouse.destinations.base import Destination
from harvest_warehouse.destinations.duckdb import BOUNDS, CLOSED, CRAMPED, MORE_MEMORY

ENTRY = Destination(
    "ducklake",
    dialect="duckdb",
    factory="harvest_warehouse.destinations.ducklake.client.ducklake",
    needs=("duckdb_extension_ducklake", "duckdb_extension_sqlite_scanner"),
    load_workers=1,
    uses=BOUNDS,
    cramped=CRAMPED,
    more_memory=MORE_MEMORY,
    guards=CLOSED,
    busy="database is locked",
)
