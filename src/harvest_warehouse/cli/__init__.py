"""Command `dlt-harvest`: one module per verb. Only this package prints."""

from __future__ import annotations

from importlib import import_module

from harvest_warehouse.cli.app import app
from harvest_warehouse.cli.private_files import keep_files_private

# In the order in which `--help` lists them.
for _verb in (
    "demo",
    "operate.login",
    "agents.secrets",
    "doctor",
    "runs.sync",
    "runs.load",
    "runs.verify",
    "operate.status",
    "runs.build",
    "alerts",
    "report",
    "sql",
    "agents.model",
    "agents.mcp",
    "agents.ai",
    "agents.explore",
    "copy",
    "peers.views",
    "peers.compare",
    "peers.keep",
    "publish",
    "operate.deploy",
    "describe",
    "show",
    "simulate",
):
    import_module(f"harvest_warehouse.cli.{_verb}")


def main() -> None:
    """Entry point of the command."""
    keep_files_private()
    app()
