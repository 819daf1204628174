"""Load: bring what changed in Harvest into the database."""

from __future__ import annotations

from harvest_warehouse.load.load import load
from harvest_warehouse.load.report import AccessLost, ColumnStopped, LoadFailed, LoadReport

__all__ = ["AccessLost", "ColumnStopped", "LoadFailed", "LoadReport", "load"]
