"""Thresholds of the alerts: section `[harvest_alerts]` of dlt's configuration."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from decimal import Decimal

from harvest_time_tracking import SettingWrong
from harvest_warehouse.settings.section import given, number

_WHERE = "It is set under [harvest_alerts] in .dlt/config.toml, or by an environment variable, HARVEST_ALERTS__..."


@dataclass(frozen=True)
class AlertSettings:
    """Thresholds of the alerts.

    Attributes:
        budget_share: share of a budget, 1 for all of it; this much spent, or more, raises the alert.
        missing_hours: hours; this many missing from a person's timesheet of the last complete week, or more, raise the alert.
        unbilled_days: days since the work; older unbilled work raises the alert.
        overdue_days: days after the due date; an invoice unpaid this long or longer raises the alert.
        changed_days: days; a change after invoicing raises the alert for this long.
        margin_share: margin ÷ revenue; a project below raises the alert.
        margin_months: number of complete months over which margins are summed.
        max_age_hours: hours since the last load; older data raises the alarm before anything else.
    """

    budget_share: Decimal = Decimal("0.8")
    missing_hours: Decimal = Decimal(8)
    unbilled_days: Decimal = Decimal(30)
    overdue_days: Decimal = Decimal(1)
    changed_days: Decimal = Decimal(30)
    margin_share: Decimal = Decimal("0.2")
    margin_months: Decimal = Decimal(3)
    max_age_hours: Decimal = Decimal(36)

    @property
    def max_age(self) -> timedelta:
        """Age from which data is old."""
        return timedelta(hours=float(self.max_age_hours))

    def values(self) -> dict[str, object]:
        """Thresholds as query parameters, by name."""
        return asdict(self)


def alert_settings() -> AlertSettings:
    """Read the thresholds from dlt's configuration: `.dlt/config.toml` or variables such as `HARVEST_ALERTS__BUDGET_SHARE`.

    Raises:
        SettingWrong: a name is unknown, or a value is invalid.
    """
    found = given("harvest_alerts", [item.name for item in fields(AlertSettings)])
    return AlertSettings(**{name: _threshold(name, value) for name, value in found.items()})


def _threshold(name: str, value: object) -> Decimal:
    threshold = number(name, value, _WHERE)
    # A negative margin is a valid threshold: an acceptable loss.
    if threshold < 0 and name != "margin_share":
        raise SettingWrong(f"{name} must be a number from 0 up, got {value!r}. {_WHERE}")
    if name.endswith("_share") and threshold > 5:
        raise SettingWrong(f"{name} is a share, 0.8 for 80 %, got {value!r}. {_WHERE}")
    return threshold
