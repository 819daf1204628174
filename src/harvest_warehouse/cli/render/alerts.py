"""Render alerts as lines for a terminal, as JSON, and as a Slack message. Prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import simplejson

from harvest_warehouse.alerts import AlertsReport, Raised
from harvest_warehouse.alerts.wording import alert_line, alert_title, dated
from harvest_warehouse.messages.text import counted, exact
from harvest_warehouse.notify.slack import escaped

_ROWS_OF_A_LIST = 10
_ROWS_OF_A_MESSAGE = 5


def alert_lines(raised: Raised, report: AlertsReport) -> list[str]:
    """Lines for the first rows of a raised alert, worst first, and the number of further rows."""
    more = len(raised.rows) - _ROWS_OF_A_LIST
    return [
        *(f"  {_account(row, report)}{alert_line(raised, row)}" for row in raised.rows[:_ROWS_OF_A_LIST]),
        *([f"  and {more:,} more: --json has all of them"] if more > 0 else []),
    ]


def closing_line(report: AlertsReport) -> str:
    """Summary of all alerts in one sentence."""
    days = " and ".join(dated(day) for day in sorted(set(report.as_of.values())))
    ages = " and ".join(dict.fromkeys(report.ages.values()))
    as_of = f", as of {days}, loaded {ages} ago" if days else ""
    quiet = f" None: {', '.join(name.replace('_', ' ') for name in report.quiet)}." if report.quiet else ""
    if not report.needs_attention:
        return f"Nothing needs attention{as_of}.{quiet}"
    number = counted(len(report.raised), "alert") if report.raised else "No other alert"
    return f"{number}{as_of}.{quiet}"


def alerts_json(report: AlertsReport, delivered: str | None) -> str:
    """Render the report as JSON: all rows, with exact decimals.

    Args:
        report: the report.
        delivered: whether the message was delivered, as text; None if none was sent.
    """
    document = {
        "as_of": report.as_of,
        "old": list(report.old),
        "settings": asdict(report.settings),
        "alerts": [
            {
                "name": raised.alert.name,
                "severity": raised.alert.severity,
                "words": alert_title(raised, report),
                "totals": {currency: _plain(total) for currency, total in raised.totals.items()},
                "rows": [{name: _plain(value) for name, value in row.items()} for row in raised.rows],
            }
            for raised in report.raised
        ],
        "quiet": list(report.quiet),
        "delivered": delivered,
    }
    return str(simplejson.dumps(document, use_decimal=True, ensure_ascii=False, default=str, indent=2))


def message(report: AlertsReport) -> str:
    """Render the alerts in Slack's markup, short enough for a phone.

    https://api.slack.com/reference/surfaces/formatting
    """
    return "\n".join(_message_lines(report))


def _message_lines(report: AlertsReport) -> Iterator[str]:
    for warning in report.old:
        yield f":red_circle: *{escaped(warning)}*"
    yield f"*{escaped(closing_line(report))}*"
    for raised in report.raised:
        sign = ":red_circle:" if raised.alert.severity == "urgent" else ":large_yellow_circle:"
        yield f"{sign} *{escaped(alert_title(raised, report))}*"
        for row in raised.rows[:_ROWS_OF_A_MESSAGE]:
            yield f"• {escaped(alert_line(raised, row))}"
        more = len(raised.rows) - _ROWS_OF_A_MESSAGE
        if more > 0:
            yield f"• and {more:,} more"


def _account(row: Mapping[str, Any], report: AlertsReport) -> str:
    return f"[{row['account_id']}] " if len(report.as_of) > 1 else ""


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return Decimal(exact(value))
    return value if value is None or isinstance(value, str | int | float) else exact(value)
