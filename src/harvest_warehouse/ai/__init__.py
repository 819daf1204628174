"""Set up AI agents (Claude Code, Cursor, Codex) for a folder with a warehouse: files written, kept up to date, and removed."""

from __future__ import annotations

from harvest_warehouse.ai.setup import AiReport, Changed, remove, set_up, status, toolkit

__all__ = ["AiReport", "Changed", "remove", "set_up", "status", "toolkit"]
