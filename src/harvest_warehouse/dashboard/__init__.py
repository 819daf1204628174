"""Dashboard: pages on the marts, served as a web app."""

from __future__ import annotations

from harvest_warehouse.dashboard.serve.launch import show

__all__ = ["show"]
