"""Destination entry for MotherDuck: DuckDB as a service."""

from __future__ import annotations

from harvest_warehouse.destinations.base import Destination

ENTRY = Destination(
    "motherduck",
    dialect="duckdb",
    load_workers=1,
    place_within="database",
    busy="could not set lock",
)
