"""Describe tables in another product's layout for dbt: a source with keys and tests, whose models go on as they are."""

from __future__ import annotations

from typing import Any

from harvest_time_tracking import tables
from harvest_warehouse.marts.dbt import dbt_table
from harvest_warehouse.peers.layouts import PeerTable, layout
from harvest_warehouse.peers.views import Made


def peer_source(made: Made) -> dict[str, Any]:
    """dbt source of the tables in one schema, named like it."""
    like = layout(made.like)
    return {
        "name": made.schema,
        "schema": made.schema,
        "description": f"Harvest's account {made.account_id} in the tables of {like.product}, kept up to date by dlt-harvest.",
        "tables": [_described(table) for table in like.tables.values()],
    }


def _described(table: PeerTable) -> dict[str, Any]:
    ours = tables()[table.base]
    columns = {
        column.name: ours.columns[column.source].description if column.source in ours.columns else ""
        for column in table.columns
    }
    return dbt_table(table.name, ours.description, table.key, columns)
