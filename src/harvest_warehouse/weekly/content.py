"""Content of the weekly report, before it is rendered: the dashboard's figures and charts, by currency."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harvest_time_tracking import SettingWrong
from harvest_warehouse.alerts import AlertsReport, Raised, alerts
from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.header import Header, accounts, header
from harvest_warehouse.dashboard.page import Section, Tile
from harvest_warehouse.dashboard.pages.overview import overview
from harvest_warehouse.dashboard.reader import Reader
from harvest_warehouse.warehouse import Target


@dataclass(frozen=True)
class Money:
    """Content in one currency: tiles, and the sections on budgets, unbilled work and receivables."""

    currency: str
    tiles: tuple[Tile, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True)
class Week:
    """Weekly report of one account.

    Attributes:
        header: date of the data, and how reliable it is.
        tiles: tiles with hours, of all clients together.
        utilisation: section on utilisation by week.
        money: content by currency.
        calls: raised alerts of the account.
    """

    header: Header
    tiles: tuple[Tile, ...]
    utilisation: Section
    money: tuple[Money, ...]
    calls: tuple[Raised, ...]


def weeks(warehouse: Target, settings: AlertSettings | None = None) -> tuple[tuple[Week, ...], AlertsReport]:
    """Gather the weekly report of every account of the warehouse, and all alerts. Raises as `report` does."""
    read = Reader(warehouse)
    found = accounts(read)
    if not found:
        raise SettingWrong(f"No account was loaded yet: run {warehouse.command('sync')} in this folder first.")
    raised = alerts(warehouse, settings)
    with read.at_once():
        return tuple(_week(read, account_id, raised) for account_id in found), raised


def _week(read: Reader, account_id: str, raised: AlertsReport) -> Week:
    head = header(read, account_id)
    pages = [
        (currency, overview(read, Filters(account_id, currency, target=head.target), head))
        # Without a currency there are still hours to report.
        for currency in head.currencies or ("",)
    ]
    # The first two tiles and the first section show hours, and are the same for every currency.
    hours = pages[0][1]
    mine = (
        replace(one, rows=tuple(row for row in one.rows if row["account_id"] == account_id)) for one in raised.raised
    )
    return Week(
        head,
        hours.tiles[:2],
        hours.sections[0],
        tuple(Money(currency, page.tiles[2:], page.sections[1:]) for currency, page in pages if currency),
        tuple(one for one in mine if one.rows),
    )
