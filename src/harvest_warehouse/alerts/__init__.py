"""Alerts: what needs attention today, found in the marts."""

from __future__ import annotations

from harvest_warehouse.alerts.alerts import AlertsReport, Raised, alerts

__all__ = ["AlertsReport", "Raised", "alerts"]
