"""Sync: load, sweep, keep history, repair what differs, and build the marts."""

from __future__ import annotations

from harvest_warehouse.sync.history import HistoryReport
from harvest_warehouse.sync.sync import SyncFailed, SyncReport, repair, sync

__all__ = ["HistoryReport", "SyncFailed", "SyncReport", "repair", "sync"]
