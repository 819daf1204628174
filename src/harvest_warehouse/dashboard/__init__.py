"""Dashboard: pages on the marts, served by marimo."""

from __future__ import annotations

from harvest_warehouse.dashboard.serve.launch import ShowReport, show

__all__ = ["ShowReport", "show"]
