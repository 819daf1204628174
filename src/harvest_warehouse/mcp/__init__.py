"""MCP server: AI agents ask the warehouse, read-only, and every answer says how far it can be trusted."""

from __future__ import annotations

from harvest_warehouse.mcp.server import serve

__all__ = ["serve"]
