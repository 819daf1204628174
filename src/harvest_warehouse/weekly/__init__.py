"""Weekly report: one page and one picture, made from the marts."""

from __future__ import annotations

from harvest_warehouse.weekly.report import report

__all__ = ["report"]
