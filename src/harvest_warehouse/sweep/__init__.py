"""Sweep: find the rows that were deleted in Harvest, and move them to `harvest_deletions`."""

from __future__ import annotations

from harvest_warehouse.sweep.report import SweepReport
from harvest_warehouse.sweep.sweep import sweep

__all__ = ["SweepReport", "sweep"]
