"""Paid time off: not yet."""

from __future__ import annotations

from typing import Any

from harvest_simulator.render import Json
from harvest_simulator.tables import Tables


class PaidTimeOff:
    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def answer(self, path: str, query: dict[str, str]) -> tuple[str | None, Any]:
        raise NotImplementedError

    def streams(self) -> dict[str, list[Json]]:
        return {}
