"""Content of the weekly report, before it is rendered: the dashboard's Overview, and the alerts."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harvest_time_tracking import SettingWrong
from harvest_warehouse.alerts import AlertsReport, Raised, alerts
from harvest_warehouse.alerts.settings import AlertSettings, alert_settings
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.header import Header, accounts, header
from harvest_warehouse.dashboard.page import Page
from harvest_warehouse.dashboard.pages.overview import overview
from harvest_warehouse.dashboard.reader import Reader
from harvest_warehouse.warehouse import Target


@dataclass(frozen=True)
class Week:
    """Weekly report of one account.

    Attributes:
        header: date of the data, and how reliable it is.
        page: the dashboard's Overview: whom to call, one line for each currency, budgets and utilisation.
        raised: raised alerts of the account.
    """

    header: Header
    page: Page
    raised: tuple[Raised, ...]


def weeks(warehouse: Target, settings: AlertSettings | None = None) -> tuple[tuple[Week, ...], AlertsReport]:
    """Gather the weekly report of every account of the warehouse, and all alerts. Raises as `report` does."""
    read = Reader(warehouse)
    found = accounts(read)
    if not found:
        raise SettingWrong(f"No account was loaded yet: run {warehouse.command('sync')} in this folder first.")
    settings = settings or alert_settings()
    raised = alerts(warehouse, settings)
    with read.at_once():
        return tuple(_week(read, account_id, raised, settings) for account_id in found), raised


def _week(read: Reader, account_id: str, raised: AlertsReport, settings: AlertSettings) -> Week:
    head = header(read, account_id, settings)
    chosen = Filters(
        account_id, next(iter(head.currencies), ""), target=head.target, has_own_targets=head.has_own_targets
    )
    mine = (
        replace(one, rows=tuple(row for row in one.rows if row["account_id"] == account_id)) for one in raised.raised
    )
    return Week(head, overview(read, chosen, head), tuple(one for one in mine if one.rows))
