"""Component for Dagster: every table and mart as an asset, with lineage, checks and freshness. Needs the extra `dagster`."""

from __future__ import annotations

from harvest_warehouse.dagster.component import HarvestComponent

__all__ = ["HarvestComponent"]
