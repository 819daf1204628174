"""Database access: connection, run lock, system tables (`harvest_*`), and dlt's pipeline state and load packages."""

from __future__ import annotations

from harvest_warehouse.database.connection import Answer, Database
from harvest_warehouse.database.lock import DatabaseBusy, DatabaseUnreachable
from harvest_warehouse.database.opening import open_database
from harvest_warehouse.database.read_only import NotReadable

__all__ = ["Answer", "Database", "DatabaseBusy", "DatabaseUnreachable", "NotReadable", "open_database"]
