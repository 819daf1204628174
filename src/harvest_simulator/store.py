"""The account's rows with everything that can happen to them."""

from __future__ import annotations

from harvest_simulator.tables import Tables


class Store(Tables):
    pass
