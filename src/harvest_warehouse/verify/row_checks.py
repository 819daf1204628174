"""Check rows without a report: duplicate keys, and hours inconsistent with their rounded hours."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import starmap

from harvest_time_tracking import STREAMS, Stream
from harvest_warehouse.database import Database
from harvest_warehouse.database.reread_filters import FiltersByStream
from harvest_warehouse.database.row_counts import held
from harvest_warehouse.verify.rounding import Pair, Rounding, found_out

# As many as fit on a terminal.
MOST_NAMED = 20


@dataclass(frozen=True)
class OddEntry:
    """Time entry whose rounded hours do not follow from its hours by any rounding rule of the account.

    Attributes:
        entry_id: id of the entry.
        spent_date: its date.
        project: name of the project.
        person: name of the person.
        hours: hours worked.
        rounded_hours: rounded hours.
    """

    entry_id: int
    spent_date: date | None
    project: str
    person: str
    hours: Decimal
    rounded_hours: Decimal


@dataclass(frozen=True)
class Doubled:
    """Table with duplicate keys; in row counts, a duplicate would offset a missing row.

    Attributes:
        stream: name of the stream.
        rows: number of rows.
        keys: number of distinct keys.
        named: some of the duplicate keys.
    """

    stream: str
    rows: int
    keys: int
    named: tuple[str, ...]


@dataclass(frozen=True)
class RowChecks:
    """Result of the row checks.

    Attributes:
        rounding: inferred rounding rules, and the entries that fit none.
        odd: some of these entries.
        without_rounding: number of entries without hours or rounded hours, which cannot be checked.
        doubled: tables with duplicate keys.
        again: re-read filters by stream.
    """

    rounding: Rounding = field(default_factory=Rounding)
    odd: tuple[OddEntry, ...] = ()
    without_rounding: int = 0
    doubled: tuple[Doubled, ...] = ()
    again: FiltersByStream = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """True if all rows pass: rounding rules explain all hours, and there are no duplicate keys."""
        return not self.rounding.unlike and not self.doubled


def row_checks(database: Database, account_id: str) -> RowChecks:
    """Check all rows of an account.

    Raises:
        DltException: the database refuses.
    """
    rounding, without = _rounding(database, account_id)
    odd: tuple[OddEntry, ...] = ()
    again: FiltersByStream = {}
    if rounding.unlike:
        odd = _odd(database, account_id, rounding.unlike)
        again["time_entries"] = _months([entry.spent_date for entry in odd])
    doubled = []
    for stream in STREAMS.values():
        if stream.table is None and database.columns(stream.table_name):
            count = held(database, stream, account_id)
            if count.doubled:
                named, days = _doubled(database, stream, account_id)
                doubled.append(Doubled(stream.name, count.rows, count.keys, named))
                if stream.parent is None:
                    again[stream.name] = [*again.get(stream.name, []), *_months(days)]
    return RowChecks(rounding, odd, without, tuple(doubled), again)


def _rounding(database: Database, account_id: str) -> tuple[Rounding, int]:
    """Infer the rounding rules, and count entries that cannot be checked; running timers are excluded, as their hours grow."""
    query = """
        select hours, rounded_hours, count(*) from time_entries
        where account_id = :account_id and not coalesce(is_running, false)
        group by hours, rounded_hours
    """
    rows = database.rows(query, {"account_id": account_id})
    pairs = [Pair(_decimal(hours), _decimal(rounded), n) for hours, rounded, n in rows if None not in (hours, rounded)]
    return found_out(pairs), sum(n for *both, n in rows if None in both)


def _odd(database: Database, account_id: str, unlike: Sequence[Pair]) -> tuple[OddEntry, ...]:
    values: dict[str, object] = {"account_id": account_id}
    conditions = []
    for number, pair in enumerate(unlike[:MOST_NAMED]):
        values |= {f"hours{number}": pair.hours, f"rounded{number}": pair.rounded}
        conditions.append(f"(hours = :hours{number} and rounded_hours = :rounded{number})")
    query = f"""
        select id, spent_date, project__name, user__name, hours, rounded_hours from time_entries
        where account_id = :account_id and not coalesce(is_running, false) and ({" or ".join(conditions)})
        order by spent_date, id limit {MOST_NAMED}
    """
    return tuple(
        OddEntry(entry_id, day, project or "", person or "", _decimal(hours), _decimal(rounded))
        for entry_id, day, project, person, hours, rounded in database.rows(query, values)
    )


def _doubled(database: Database, stream: Stream, account_id: str) -> tuple[tuple[str, ...], list[date]]:
    """Sample of duplicate keys, and the days of their rows, if they have any."""
    names = [name for name in stream.primary_key if name != "account_id"]
    columns = [f'doubled."{name}"' for name in (*names, *([stream.date_field] if stream.date_field else []))]
    key = ", ".join(f'"{name}"' for name in stream.primary_key)
    same = " and ".join(f'twice."{name}" = doubled."{name}"' for name in stream.primary_key)
    query = f"""
        select distinct {", ".join(columns)} from "{stream.table_name}" as doubled
        inner join (
            select {key} from "{stream.table_name}" where account_id = :account_id group by {key} having count(*) > 1
        ) as twice on {same}
        order by 1 limit {MOST_NAMED}
    """
    rows = database.rows(query, {"account_id": account_id})
    days = [row[-1] for row in rows if stream.date_field and row[-1] is not None]
    return tuple(dict.fromkeys(" ".join(map(str, row[: len(names)])) for row in rows)), days


def _months(days: Sequence[date | None]) -> list[dict[str, object]]:
    """Re-read filters for the months of these days; the whole list if there are no days, or too many."""
    months = sorted({(day.year, day.month) for day in days if day})
    return [{}] if not months or len(days) >= MOST_NAMED else list(starmap(_month, months))


def _month(year: int, month: int) -> dict[str, object]:
    last = calendar.monthrange(year, month)[1]
    return {"from": date(year, month, 1).isoformat(), "to": date(year, month, last).isoformat()}


def _decimal(value: object) -> Decimal:
    return Decimal(str(value))
