"""Deploy kit: files that run dlt-harvest on a schedule, filled in for a folder's configuration."""

from __future__ import annotations

from harvest_warehouse.deploy.deploy import KINDS, DeployReport, Kind, deploy

__all__ = ["KINDS", "DeployReport", "Kind", "deploy"]
