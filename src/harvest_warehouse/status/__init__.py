"""Status: how old each table is, how the last runs went, what is proven, and what to do next."""

from __future__ import annotations

from harvest_warehouse.status.report import AccountStatus, StatusReport
from harvest_warehouse.status.status import status

__all__ = ["AccountStatus", "StatusReport", "status"]
