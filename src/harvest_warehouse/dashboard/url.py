"""Read and write addresses: the page is the path, the filters are the query, such as `/margin?currency=EUR&weeks=26&target=80`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from urllib.parse import urlencode

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.pages import PAGES

Asked = Mapping[str, Sequence[str]]
"""The query of an address, as `urllib.parse.parse_qs` reads it."""

WEEKS = (4, 8, 12, 26, 52)
_WEEKS = 12
FILTERS = ("currency", "client", "weeks", "contractors", "target")
# A page shows only the filters that change something on it.
_OF_PAGES: Mapping[str, Sequence[str]] = {
    # Of the whole company, whatever currency is chosen.
    "Overview": ("weeks", "contractors", "target"),
    "People": ("weeks", "contractors", "target"),
    "Capacity": ("contractors",),
    "Budgets": ("currency", "client", "weeks"),
    "Billing & cash": ("currency", "client", "weeks"),
    "Margin": ("currency", "client", "weeks"),
    "Clients & pipeline": ("currency", "client"),
    "Trust": (),
    "Runs": (),
}


def path_of(page: str) -> str:
    """Path of a page: `/` for the first one, `/billing-cash` for `Billing & cash`."""
    return "/" if page == next(iter(PAGES)) else f"/{slug(page)}"


def slug(name: str) -> str:
    """Name of a page or a table as part of an address or a file's name: lower case, words joined by hyphens."""
    return "-".join(re.findall(r"[a-z0-9]+", name.lower()))


def filters_of(page: str) -> Sequence[str]:
    """Names of the filters that change a page."""
    return _OF_PAGES.get(page, FILTERS)


def first(asked: Asked, name: str) -> str:
    """First value of a name in the query; empty without one."""
    return next(iter(asked.get(name, ())), "")


def targets(header: Header) -> list[int]:
    """Targets to choose from, in percent, including the account's own."""
    return sorted({*range(40, 105, 5), _own_target(header)})


def filters_asked_for(asked: Asked, header: Header) -> Filters:
    """Filters in the query: those that are valid, else the defaults."""
    currency, weeks, target = (first(asked, name) for name in ("currency", "weeks", "target"))
    is_target = target in map(str, targets(header))
    if currency not in header.currencies:
        currency = next(iter(header.currencies), "")
    clients = {str(key): key for key in header.clients.get(currency, {})}
    return Filters(
        header.account_id,
        currency,
        tuple(sorted({clients[key] for key in asked.get("client", ()) if key in clients})),
        int(weeks) if weeks in map(str, WEEKS) else _WEEKS,
        first(asked, "contractors") != "off",
        Decimal(target if is_target else _own_target(header)) / 100,
        header.has_own_targets and not is_target,
    )


def query_of(chosen: Filters, header: Header, accounts: Iterable[str]) -> list[tuple[str, str]]:
    """Query that asks for these filters, without those that have their default."""
    usual = filters_asked_for({}, header)
    pairs = [("account", chosen.account_id)] if chosen.account_id != next(iter(accounts)) else []
    if chosen.currency != usual.currency:
        pairs.append(("currency", chosen.currency))
    pairs += [("client", str(key)) for key in chosen.client_ids]
    if chosen.weeks != usual.weeks:
        pairs.append(("weeks", str(chosen.weeks)))
    if not chosen.has_contractors:
        pairs.append(("contractors", "off"))
    if (chosen.target, chosen.has_own_targets) != (usual.target, usual.has_own_targets):
        pairs.append(("target", f"{chosen.target * 100:.0f}"))
    return pairs


def address(path: str, query: Iterable[tuple[str, object]]) -> str:
    """Address of a path with a query."""
    said = urlencode([(name, str(value)) for name, value in query])
    return f"{path}?{said}" if said else path


def _own_target(header: Header) -> int:
    return round(header.target * 100)
