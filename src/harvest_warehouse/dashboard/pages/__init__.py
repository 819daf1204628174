"""Pages of the dashboard, in the order of the menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps

from harvest_warehouse.alerts.freshness import age_words
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import day
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Page, Tile
from harvest_warehouse.dashboard.pages.billing import billing
from harvest_warehouse.dashboard.pages.budgets import budgets
from harvest_warehouse.dashboard.pages.capacity import capacity
from harvest_warehouse.dashboard.pages.clients import clients
from harvest_warehouse.dashboard.pages.margin import margin
from harvest_warehouse.dashboard.pages.overview import overview
from harvest_warehouse.dashboard.pages.people import people
from harvest_warehouse.dashboard.pages.runs import runs
from harvest_warehouse.dashboard.pages.trust import trust
from harvest_warehouse.dashboard.reader import Reader

Builder = Callable[[Reader, Filters, Header], Page]


def dated(build: Builder) -> Builder:
    """Put the age of the data before everything else on a page, if it is older than it may be."""

    @wraps(build)
    def page(read: Reader, chosen: Filters, header: Header) -> Page:
        built = build(read, chosen, header)
        if not header.is_old:
            return built
        loaded = f"as of {day(header.as_of_date)}, loaded {day(header.loaded_at)}: run `dlt-harvest sync`"
        return replace(built, tiles=(Tile("The data is old", age_words(header.age), loaded, True), *built.tiles))

    return page


PAGES: Mapping[str, Builder] = {
    "Overview": dated(overview),
    "People": dated(people),
    "Capacity": dated(capacity),
    "Budgets": dated(budgets),
    "Billing & cash": dated(billing),
    "Margin": dated(margin),
    "Clients & pipeline": dated(clients),
    "Trust": dated(trust),
    "Runs": dated(runs),
}
