"""From when on something needs somebody: the section `[harvest_alerts]` of dlt's configuration."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass, fields
from decimal import Decimal, InvalidOperation

import dlt

from harvest_time_tracking import SettingWrong

_WHERE = "Set it in .dlt/config.toml under [harvest_alerts]."


@dataclass(frozen=True)
class AlertSettings:
    """The thresholds of the alerts.

    Attributes:
        budget_share: share of a budget that is spent, 1 for all of it.
        missing_hours: hours that one person's timesheet of the last complete week lacks.
        unbilled_days: days since the work; what is older and not billed is told.
        overdue_days: days after the due date; what is unpaid so long or longer is told.
        changed_days: days; a change after invoicing is told for so long.
        margin_share: margin ÷ revenue; what is below is told.
        margin_months: complete months over which margins are looked at.
    """

    budget_share: Decimal = Decimal("0.8")
    missing_hours: Decimal = Decimal(8)
    unbilled_days: Decimal = Decimal(30)
    overdue_days: Decimal = Decimal(1)
    changed_days: Decimal = Decimal(30)
    margin_share: Decimal = Decimal("0.2")
    margin_months: Decimal = Decimal(3)

    def values(self) -> dict[str, object]:
        """As values of queries."""
        return asdict(self)


def alert_settings() -> AlertSettings:
    """The thresholds from dlt's configuration: `.dlt/config.toml` or variables such as `HARVEST_ALERTS__BUDGET_SHARE`.

    Raises:
        SettingWrong: for a name that is none, or a value that is no number.
    """
    known = [item.name for item in fields(AlertSettings)]
    section: object = dlt.config.get("harvest_alerts")
    for name in section if isinstance(section, dict) else ():
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else f" There are: {', '.join(known)}."
            raise SettingWrong(f"[harvest_alerts] has no setting {name!r}.{hint}")
    given: dict[str, object] = {name: dlt.config.get(f"harvest_alerts.{name}") for name in known}
    return AlertSettings(**{name: _number(name, value) for name, value in given.items() if value is not None})


def _number(name: str, value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("nan")
    # A margin may be asked to be above a loss.
    if not number.is_finite() or (number < 0 and name != "margin_share"):
        raise SettingWrong(f"{name} must be a number from 0 up, got {value!r}. {_WHERE}")
    if name.endswith("_share") and number > 5:
        raise SettingWrong(f"{name} is a share, 0.8 for 80 %, got {value!r}. {_WHERE}")
    return number
