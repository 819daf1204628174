"""Pages of the dashboard, in the order of the menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Page
from harvest_warehouse.dashboard.pages.billing import billing
from harvest_warehouse.dashboard.pages.budgets import budgets
from harvest_warehouse.dashboard.pages.margin import margin
from harvest_warehouse.dashboard.pages.overview import overview
from harvest_warehouse.dashboard.pages.people import people
from harvest_warehouse.dashboard.pages.trust import trust
from harvest_warehouse.dashboard.reader import Reader

PAGES: Mapping[str, Callable[[Reader, Filters, Header], Page]] = {
    "Overview": overview,
    "People": people,
    "Budgets": budgets,
    "Billing & cash": billing,
    "Margin": margin,
    "Trust": trust,
}
