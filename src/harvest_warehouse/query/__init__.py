"""Query: run one read-only SQL query, with limits on its time and on what it may access."""

from __future__ import annotations

from harvest_warehouse.query.query import QueryReport, query, query_on

__all__ = ["QueryReport", "query", "query_on"]
