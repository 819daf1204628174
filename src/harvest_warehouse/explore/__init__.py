"""Explore the warehouse in a notebook: metrics, questions and SQL as data frames."""

from __future__ import annotations

from harvest_warehouse.explore.explorer import Explorer, opened

__all__ = ["Explorer", "opened"]
