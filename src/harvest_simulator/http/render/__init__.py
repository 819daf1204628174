"""Render rows of all kinds as the JSON objects of the API."""

from __future__ import annotations

from harvest_simulator.http.render.billing import BillingRenderer
from harvest_simulator.http.render.setup import SetupRenderer
from harvest_simulator.http.render.work import WorkRenderer


class Renderer(SetupRenderer, WorkRenderer, BillingRenderer):
    """Renderer of rows in their present state. A `Numbers` converts figures: floats on the wire, exact decimals for the truth."""
