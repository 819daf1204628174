"""Verify: compare the tables with Harvest's own reports."""

from __future__ import annotations

from harvest_warehouse.verify.report import VerifyReport
from harvest_warehouse.verify.verify import verify

__all__ = ["VerifyReport", "verify"]
