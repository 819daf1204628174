"""Read the records behind a figure, one row each, with a link to the record in Harvest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from string import Formatter
from typing import Any

from harvest_warehouse.dashboard.formatting import count, day
from harvest_warehouse.dashboard.page import Column, Section
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.records.kinds import KINDS

MOST_SHOWN = 500
MOST_IN_A_FILE = 50_000
_HARVEST = re.compile(r"https://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_AGES = ("0-30", "31-60", "61-90", "90+")
_OVERDUE = ("not_due", "1-30", "31-60", "61-90", "90+")
_LINK = Column("in_harvest", "In Harvest", "link")


@dataclass(frozen=True)
class Records:
    """Records that an address asks for.

    Attributes:
        kind: what they are.
        account_id: the account.
        conditions: conditions, as names and values of the address.
    """

    kind: str
    account_id: str
    conditions: tuple[tuple[str, str], ...] = ()

    def read(self, read: Reader, most: int, *, hides_rates: bool) -> Section:
        """Read the records, at most so many; the title has the number and the sums of all."""
        kind, (condition, values) = KINDS[self.kind], _condition(self)
        with read.at_once():
            [totals] = read(
                f"select count(*) as records, {', '.join(f'sum({name}) as {name}' for name in kind.sums)} "
                f"from ({kind.query}) as records where {condition}",
                values,
            )
            rows = read(
                f"select * from ({kind.query}) as records where {condition} order by {kind.order} limit {int(most)}",
                values,
            )
            named = _names(read, self)
            harvest = _address_of_harvest(read, self.account_id)
        columns = [column for column in kind.columns if column.kind != "rate" or not hides_rates]
        if harvest:
            rows = [{**row, _LINK.key: _link(harvest, kind.path, row)} for row in rows]
            columns.append(_LINK)
        by_key = {column.key: column for column in columns}
        sums = [f"{by_key[name].title}: {totals[name] or 0:,.2f}" for name in kind.sums if totals["records"]]
        return Section(
            f"{count(totals['records'], kind.one, _many(kind.one))}{''.join(f' · {said}' for said in sums)}",
            rows,
            columns,
            note=" · ".join(named),
            rest=f"The first {most:,} are shown; the sums are of all." if totals["records"] > most else "",
            name=self.kind,
        )


def records_asked_for(kind: str, asked: Mapping[str, Sequence[str]], account_id: str) -> Records | None:
    """Records that an address asks for: conditions that make no sense are left out. None for an unknown kind."""
    if kind not in KINDS:
        return None
    known = [(name, value) for name, values in asked.items() for value in values if _is_valid(kind, name, value)]
    return Records(kind, account_id, tuple(sorted(known)))


def _is_valid(kind: str, name: str, value: str) -> bool:
    if name == "only":
        return value in KINDS[kind].only
    if name in ("from", "to"):
        return kind != "invoices" and _day(value) is not None
    if name == "weeks":
        return kind == "time" and value.isdecimal() and len(value) < 4
    if name not in KINDS[kind].keys:
        return False
    if name in ("client", "project", "person"):
        return value.isdecimal() and len(value) < 19
    return value in {"age": _AGES, "overdue": _OVERDUE}.get(name, (value,))


def _condition(records: Records) -> tuple[str, dict[str, object]]:
    """SQL condition of the records, and its values; several values of one name are alternatives."""
    kind = KINDS[records.kind]
    said, values = ["account_id = :account_id"], dict[str, object](account_id=records.account_id)
    alternatives: dict[str, list[Any]] = {}
    for name, value in records.conditions:
        if name == "only":
            said.append(f"({kind.only[value][1]})")
        elif name in ("from", "to"):
            said.append(f"spent_date {'>=' if name == 'from' else '<='} :{name}_date")
            values[f"{name}_date"] = _day(value)
        elif name == "weeks":
            said.append(_COMPLETE_WEEKS)
            values["weeks"] = int(value)
        else:
            alternatives.setdefault(name, []).append(int(value) if name in ("client", "project", "person") else value)
    for name, each in alternatives.items():
        said.append(f"{kind.keys[name]} in (:{name})")
        values[name] = tuple(each)
    return " and ".join(said), values


_COMPLETE_WEEKS = """
  spent_date in (
    select date_day
    from marts.dim_date
    where account_id = :account_id and is_complete_week and week_index > (
      select max(week_index) - :weeks
      from marts.dim_date
      where account_id = :account_id and is_complete_week
    )
  )
"""

_NAME_OF = {
    "client": ("dim_client", "client_id", "client_name"),
    "project": ("dim_project", "project_id", "project_name"),
    "person": ("dim_person", "user_id", "person_name"),
}


def _names(read: Reader, records: Records) -> list[str]:
    """Conditions in words, with the names of clients, projects and people."""
    said = []
    for name, value in records.conditions:
        if name in _NAME_OF:
            table, key, label = _NAME_OF[name]
            found: list[Row] = read(
                f"select {label} as name from marts.{table} where account_id = :account_id and {key} = :key",
                {"account_id": records.account_id, "key": int(value)},
            )
            said.append(found[0]["name"] if found else f"{name} {value}")
        elif name == "only":
            said.append(KINDS[records.kind].only[value][0])
        elif name in ("from", "to"):
            said.append(f"{name} {day(date.fromisoformat(value))}")
        elif name == "weeks":
            said.append("the last complete week" if value == "1" else f"the last {value} complete weeks")
        elif name in ("age", "overdue"):
            said.append(_bucket(name, value))
        else:
            said.append(f"invoice {value}" if name == "number" else value)
    return said


def _link(harvest: str, path: str, row: Row) -> str | None:
    """Address of a record in Harvest; None if a part of it is not known."""
    parts = [name for _, name, _, _ in Formatter().parse(path) if name]
    return None if any(row[name] is None for name in parts) else harvest + path.format(**row)


def _bucket(name: str, value: str) -> str:
    if value == "not_due":
        return "not due"
    days = "over 90" if value == "90+" else value.replace("-", "–")
    return f"{days} days {'old' if name == 'age' else 'overdue'}"


def _address_of_harvest(read: Reader, account_id: str) -> str | None:
    """Address of the account in Harvest, such as https://company.harvestapp.com; None if it was not loaded, or is odd."""
    if not read.has("company"):
        return None
    found = read("select base_uri from company where account_id = :account_id", {"account_id": account_id})
    said = str(found[0]["base_uri"] or "").rstrip("/") if found else ""
    return said if _HARVEST.fullmatch(said) else None


def _day(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _many(one: str) -> str:
    return f"{one[:-1]}ies" if one.endswith("y") else f"{one}s"
