"""Query: one read-only SQL question, with bounds on time and on what it may reach."""

from __future__ import annotations

from harvest_warehouse.query.query import QueryReport, query

__all__ = ["QueryReport", "query"]
