"""Parse page and filters from the URL: `?page=People&currency=EUR&weeks=26&contractors=off&target=80`."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.pages import PAGES

WEEKS = (4, 8, 12, 26, 52)
_WEEKS = 12


def page_asked_for(address: Mapping[str, object]) -> str:
    """Name of the page in the URL; the first page if it names none."""
    name = str(address.get("page", ""))
    return name if name in PAGES else next(iter(PAGES))


def targets(header: Header) -> list[int]:
    """Targets to choose from, in percent, including the account's own."""
    return sorted({*range(40, 105, 5), _own_target(header)})


def filters_asked_for(address: Mapping[str, object], header: Header) -> Filters:
    """Initial filters of a page: those in the URL that are valid, else the defaults."""
    currency, weeks, target = (str(address.get(name, "")) for name in ("currency", "weeks", "target"))
    return Filters(
        header.account_id,
        currency if currency in header.currencies else next(iter(header.currencies), ""),
        (),
        int(weeks) if weeks in map(str, WEEKS) else _WEEKS,
        address.get("contractors") != "off",
        Decimal(target if target in map(str, targets(header)) else _own_target(header)) / 100,
    )


def _own_target(header: Header) -> int:
    return round(header.target * 100)
