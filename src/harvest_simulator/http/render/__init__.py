"""Rows to the JSON objects of the API, all kinds of them."""

from __future__ import annotations

from harvest_simulator.http.render.billing import BillingRenderer
from harvest_simulator.http.render.setup import SetupRenderer
from harvest_simulator.http.render.work import WorkRenderer


class Renderer(SetupRenderer, WorkRenderer, BillingRenderer):
    """Renders rows as they are now. Numbers go through a `Numbers`: floats on the wire, exact decimals for the truth."""
