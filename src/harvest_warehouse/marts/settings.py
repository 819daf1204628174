"""Settings of the marts that Harvest does not provide: section `[harvest_marts]` of dlt's configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from harvest_time_tracking import SettingWrong
from harvest_warehouse.marts.time_zones import zone
from harvest_warehouse.settings.section import given, number

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TIME_OFF = (
    "Absence",
    "Annual Leave",
    "Bank Holiday",
    "Holiday",
    "Holidays",
    "Leave",
    "Paid Time Off",
    "Parental Leave",
    "PTO",
    "Public Holiday",
    "Sick",
    "Sick Leave",
    "Sickness",
    "Time Off",
    "Vacation",
)
"""Default names of tasks that count as leave: Harvest has no object for leave, teams track it as tasks."""

# Month of a rate that is given without one, and so applies to all.
_ALWAYS = "1900-01"
# Name of the share for all who have none of their own.
_DEFAULT = "default"
_USUAL_TARGET = Decimal("0.75")
_LEAST_RATE = Decimal("0.000001")
_WHERE = "It is set under [harvest_marts] in .dlt/config.toml, or by an environment variable, HARVEST_MARTS__..."


@dataclass(frozen=True)
class MartSettings:
    """Settings of the marts, validated.

    Attributes:
        home_currency: ISO code of the currency that cost rates are in; None for the account's own, from Harvest.
        working_days: weekdays on which people work.
        target_utilisation: share of available hours that should be billable, above 0 and up to 1; or a table with a share for
            each role, person's name or person's id, and `default` for all others.
        time_off_tasks: names (in any case) and ids of the tasks that count as leave.
        productive_tasks: names (in any case) and ids of tasks that count as productive though nobody pays for them.
        week_start: first day of the week; None for the account's own.
        time_zone: Harvest's or the IANA name; None for that of the token's owner.
        holidays: days on which nobody is expected to work.
        exchange_rates: value of one unit of each currency in the home currency, from the first day of a month on.
    """

    home_currency: str | None = None
    # Days as numbers: 0 is Monday, 6 Sunday.
    working_days: tuple[int, ...] = (0, 1, 2, 3, 4)
    target_utilisation: Decimal | Mapping[str, Decimal] = _USUAL_TARGET
    time_off_tasks: tuple[str | int, ...] = TIME_OFF
    productive_tasks: tuple[str | int, ...] = ()
    week_start: int | None = None
    time_zone: str | None = None
    holidays: frozenset[date] = frozenset()
    exchange_rates: Mapping[str, Mapping[date, Decimal]] = field(default_factory=dict)

    @property
    def usual_target(self) -> Decimal:
        """Target of all who have none of their own."""
        target = self.target_utilisation
        return target.get(_DEFAULT, _USUAL_TARGET) if isinstance(target, Mapping) else target

    @property
    def own_targets(self) -> dict[str, Decimal]:
        """Targets by role, person's name or id, in lower case."""
        target = self.target_utilisation
        return {who: share for who, share in target.items() if who != _DEFAULT} if isinstance(target, Mapping) else {}


def mart_settings() -> MartSettings:
    """Read the marts' settings from dlt's configuration: `.dlt/config.toml` or variables such as `HARVEST_MARTS__HOME_CURRENCY`.

    Raises:
        SettingWrong: a name is unknown, or a value is invalid; the message says what is expected.
    """
    readers: dict[str, Callable[[str, object], object]] = {
        "home_currency": _currency,
        "working_days": _working_days,
        "target_utilisation": lambda name, value: (
            _targets(name, value) if isinstance(value, dict) else _share(name, value)
        ),
        "time_off_tasks": _tasks,
        "productive_tasks": _tasks,
        "week_start": _weekday,
        "time_zone": _zone,
        "holidays": lambda name, value: frozenset(_day(name, item) for item in _listed(value)),
        "exchange_rates": _exchange_rates,
    }
    found = given("harvest_marts", list(readers))
    read: dict[str, Any] = {name: readers[name](name, value) for name, value in found.items()}
    if read.get("home_currency") in read.get("exchange_rates", {}):
        raise SettingWrong(
            f"exchange_rates has a rate of {read['home_currency']}, the home currency itself: remove it. {_WHERE}"
        )
    return MartSettings(**read)


def _working_days(name: str, value: object) -> tuple[int, ...]:
    days = tuple(sorted({_weekday(name, item) for item in _listed(value)}))
    if not days:
        raise SettingWrong(f'{name} must name at least one day, such as ["Monday", "Tuesday"]. {_WHERE}')
    return days


def _share(name: str, value: object) -> Decimal:
    share = number(name, value, _WHERE)
    if not 0 < share <= 1:
        raise SettingWrong(f"{name} must be a share between 0 and 1, such as 0.75, got {value!r}. {_WHERE}")
    return share


def _targets(name: str, value: Mapping[str, object]) -> dict[str, Decimal]:
    """Parse a table of shares by role, person's name or id, which are compared in lower case."""
    shares: dict[str, Decimal] = {}
    for written, share in value.items():
        who = str(written).strip().lower()
        if who in shares:
            raise SettingWrong(f"{name} must name each role and person once, got {written!r} twice. {_WHERE}")
        shares[who] = _share(f"{name}.{written}", share)
    return shares


def _tasks(_name: str, value: object) -> tuple[str | int, ...]:
    return tuple(int(str(item)) if str(item).isdecimal() else str(item) for item in _listed(value))


def _zone(name: str, value: object) -> str:
    if zone(str(value)) is None:
        raise SettingWrong(f'{name} must be a time zone such as "Europe/Berlin", got {value!r}. {_WHERE}')
    return str(value)


def _exchange_rates(name: str, value: object) -> dict[str, dict[date, Decimal]]:
    if not isinstance(value, dict):
        raise SettingWrong(f'{name} must be a table such as {{USD = {{"2026-01" = 0.92}}}}, got {value!r}. {_WHERE}')
    read: dict[str, dict[date, Decimal]] = {}
    for currency, rates in value.items():
        by_month = rates if isinstance(rates, dict) else {_ALWAYS: rates}
        code = _currency(name, currency)
        if code in read:
            raise SettingWrong(f"{name} must name each currency once, got {code} twice. {_WHERE}")
        read[code] = {_month(name, month): _rate(name, rate) for month, rate in by_month.items()}
    return read


def _month(name: str, value: object) -> date:
    """Parse a month to its first day, since revenue and cost are converted by whole months."""
    text = str(value).strip()
    try:
        day = date.fromisoformat(f"{text}-01" if len(text) == 7 else text)
    except ValueError:
        day = None
    if day is None or day.day != 1:
        raise SettingWrong(f'{name} must hold months such as "2026-01", got {value!r}. {_WHERE}')
    return day


def _rate(name: str, value: object) -> Decimal:
    rate = number(name, value, _WHERE)
    # Stored with nine decimals: a smaller rate would lose its digits.
    if not _LEAST_RATE <= rate <= 1 / _LEAST_RATE:
        raise SettingWrong(
            f"{name} must hold rates above 0, from {_LEAST_RATE} to its inverse, got {value!r}. {_WHERE}"
        )
    return rate


def _currency(name: str, value: object) -> str:
    text = str(value).strip().upper()
    if len(text) != 3 or not (text.isascii() and text.isalpha()):
        raise SettingWrong(f'{name} must be a currency\'s code such as "EUR", got {value!r}. {_WHERE}')
    return text


def _weekday(name: str, value: object) -> int:
    text = str(value).strip().capitalize()
    if text not in WEEKDAYS:
        raise SettingWrong(f'{name} must be a day\'s English name such as "Monday", got {value!r}. {_WHERE}')
    return WEEKDAYS.index(text)


def _day(name: str, value: object) -> date:
    # A datetime is a date, too, but equals none.
    try:
        return value if type(value) is date else date.fromisoformat(str(value).strip())
    except ValueError:
        raise SettingWrong(f"{name} must hold days such as 2026-12-24, got {value!r}. {_WHERE}") from None


def _listed(value: object) -> Sequence[object]:
    """Parse a list from a file, or a comma-separated environment variable."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return list(value) if isinstance(value, list | tuple) else [value]
