"""Supported destinations, and what each needs. A new one is a folder here (docs/contribute)."""

from __future__ import annotations

from harvest_warehouse.destinations.base import Destination, Use
from harvest_warehouse.destinations.registry import DEFAULT, DESTINATIONS, REFUSED

__all__ = ["DEFAULT", "DESTINATIONS", "REFUSED", "Destination", "Use"]
