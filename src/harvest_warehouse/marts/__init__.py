"""Marts: staging views, dimensions, facts and metrics, built by SQL and checked."""

from __future__ import annotations

from harvest_warehouse.marts.build import build
from harvest_warehouse.marts.report import BuildFailed, BuildReport

__all__ = ["BuildFailed", "BuildReport", "build"]
