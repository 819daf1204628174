"""Evaluate the alerts of the catalogue on the marts of the last build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlglot
from sqlglot import exp

from harvest_warehouse.alerts.catalogue import ALERTS, Alert
from harvest_warehouse.alerts.freshness import age_of, age_words, old_words
from harvest_warehouse.alerts.settings import AlertSettings, alert_settings
from harvest_warehouse.database import Database
from harvest_warehouse.database.read_only import reading
from harvest_warehouse.warehouse import Target

_FINDINGS = "mart_data_quality"
_ACCOUNTS = "select account_id, as_of_date, loaded_at, time_zone from marts.dim_account order by account_id"


@dataclass(frozen=True)
class Raised:
    """Raised alert, with the rows it found.

    Attributes:
        alert: definition of the alert.
        rows: rows found, worst first, as dicts by column name.
        totals: totals of the rows by currency; "" for rows without one.
    """

    alert: Alert
    rows: tuple[dict[str, Any], ...]
    totals: dict[str, Decimal]


@dataclass(frozen=True)
class AlertsReport:
    """Result of evaluating the alerts.

    Attributes:
        as_of: day up to which the marts count, by account.
        settings: thresholds.
        raised: raised alerts, in the order of the catalogue (urgent ones first).
        quiet: names of the alerts that found nothing.
        ages: time since the last load, in words, by account.
        old: a warning for each account whose data is older than it may be.
    """

    as_of: dict[str, date]
    settings: AlertSettings
    raised: tuple[Raised, ...]
    quiet: tuple[str, ...]
    ages: dict[str, str] = field(default_factory=dict)
    old: tuple[str, ...] = ()

    @property
    def needs_attention(self) -> bool:
        """True if something was raised, or the data is old."""
        return bool(self.raised or self.old)


def alerts(
    warehouse: Target,
    settings: AlertSettings | None = None,
    *,
    catalogue: Sequence[Alert] = ALERTS,
    now: datetime | None = None,
) -> AlertsReport:
    """Evaluate every alert.

    Args:
        warehouse: target with the marts.
        settings: thresholds; None to read them from dlt's configuration.
        catalogue: alerts to evaluate.
        now: present time (aware), to tell the age of the data; None for the clock's.

    Raises:
        SettingWrong: a threshold is invalid, or the marts are not built.
        NoDatabase: the database's file is not a DuckDB database.
        NotReadable: the database cannot be opened.
    """
    settings = settings or alert_settings()
    with reading(warehouse, _FINDINGS) as database:
        accounts = database.records(_ACCOUNTS)
        findings = dict(database.rows(f"select finding, max(query) from marts.{_FINDINGS} group by 1"))
        found = [(alert, _rows(database, alert, findings, settings)) for alert in catalogue]
    ages = {row["account_id"]: age_of(row, now or datetime.now(UTC)) for row in accounts}
    return AlertsReport(
        {row["account_id"]: row["as_of_date"] for row in accounts},
        settings,
        tuple(Raised(alert, rows, _totals(alert, rows)) for alert, rows in found if rows),
        tuple(alert.name for alert, rows in found if not rows),
        {account_id: age_words(age) for account_id, age in ages.items()},
        tuple(
            old_words(ages[row["account_id"]], row["as_of_date"], row["loaded_at"])
            for row in accounts
            if ages[row["account_id"]] > settings.max_age
        ),
    )


def _rows(
    database: Database, alert: Alert, findings: dict[str, str], settings: AlertSettings
) -> tuple[dict[str, Any], ...]:
    tree = sqlglot.parse_one(alert.query, read="duckdb").assert_is(exp.Select)
    for table in list(tree.find_all(exp.Table)):
        if table.db == "finding":
            if table.name not in findings:
                # An account without rows has no findings either.
                return ()
            # The build stored the query in the database's own dialect.
            rows = sqlglot.parse_one(findings[table.name], read=database.dialect)
            table.replace(exp.Subquery(this=rows, alias=exp.TableAlias(this=exp.to_identifier(table.alias_or_name))))
    return tuple(database.records(tree, settings.values()))


def _totals(alert: Alert, rows: Sequence[dict[str, Any]]) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for row in rows if alert.total else ():
        currency = str(row.get("currency") or "")
        totals[currency] = totals.get(currency, Decimal(0)) + Decimal(row[alert.total or ""] or 0)
    return dict(sorted(totals.items()))
