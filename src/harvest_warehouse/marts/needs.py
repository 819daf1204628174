"""Conditions for a row to be included in the marts, and oddities to report (sql/rows.yml), as SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from harvest_time_tracking import tables

_FILE = Path(__file__).parent / "sql" / "rows.yml"

# Upper bounds of numbers: a product of two, or of a sum of them and an exchange rate, then has at most 20 digits before the
# decimal point, which fits a decimal with 38 digits and 18 decimals. So no number can fail a build by overflow.
MOST = MappingProxyType({"units": 10**7, "money": 10**13})
# Range of dates that Python supports.
_FIRST, _END = (f"timestamptz '{day} 00:00:00+00'" for day in ("0001-01-01", "9999-12-31"))
_NO_NUMBER = "cast(null as decimal(38, 9))"


@dataclass(frozen=True)
class Oddity:
    """Oddity of a row: SQL expressions for its condition and for its description."""

    condition: str
    words: str


@dataclass(frozen=True)
class Needs:
    """Conditions on the rows of one of Harvest's tables.

    In the statements, `every.x` is all rows of a table, `raw.x` those included in the marts, `left_out.x` the others, and
    `told.x` all rows with their variant columns.

    Attributes:
        table: name of the table.
        barring: oddities that exclude a row from the marts; no condition is ever null.
        telling: oddities that are reported of an included row.
        beyond: condition, by numeric column, under which the number is too large to be counted.
        hours: column with hours, if there is one.
        amount: column with money, if there is one.
        has: columns that must not be null.
        parent: table of the required parent rows, if there is one.
    """

    table: str
    barring: tuple[Oddity, ...]
    telling: tuple[Oddity, ...]
    beyond: Mapping[str, str]
    hours: str
    amount: str
    has: tuple[str, ...]
    parent: str

    @property
    def kept(self) -> str:
        """Select the rows that are included in the marts."""
        return f'select * from every."{self.table}" as one where {self._has_place}'

    @property
    def left_out(self) -> str:
        """Select the rows that are left out of the marts."""
        return f'select * from every."{self.table}" as one where not ({self._has_place})'

    @property
    def told_left_out(self) -> str:
        """Select the keys of rows that are left out, with their oddities, hours and amounts."""
        held = ", ".join(
            f'case when not ({self.beyond[name]}) then "{name}" end as {words}' if name else f"{_NO_NUMBER} as {words}"
            for name, words in self._measures
        )
        return f'{self._told(self.barring)}, {held} from told."{self.table}" as one where not ({self._has_place})'

    @property
    def told_odd(self) -> str:
        """Select the keys of included rows that are odd, with their oddities."""
        odd = " or ".join(f"({oddity.condition})" for oddity in self.telling)
        return f'{self._told(self.telling)} from told."{self.table}" as one where {self._has_place} and ({odd})'

    @property
    def balance(self) -> str:
        """Select the balance of rows, hours and amounts: all, minus included, minus left out; sums to zero if none is lost."""
        return " union all ".join(
            f"select account_id, '{self.table}' as table_name, {sign} * count(*) as row_count, "
            + ", ".join(
                f'{sign} * sum(case when {self.beyond[name]} then 0 else coalesce("{name}", 0) end) as {words}'
                if name
                else f"cast(0 as decimal(38, 9)) as {words}"
                for name, words in self._measures
            )
            + f' from {which}."{self.table}" as one group by account_id'
            for sign, which in ((1, "every"), (-1, "raw"), (-1, "left_out"))
        )

    @property
    def _has_place(self) -> str:
        return " and ".join(f"not ({oddity.condition})" for oddity in self.barring) or "1 = 1"

    @property
    def _measures(self) -> tuple[tuple[str, str], ...]:
        return (self.hours, "hours"), (self.amount, "amount")

    def _told(self, oddities: tuple[Oddity, ...]) -> str:
        words = " || ".join(f"case when {one.condition} then {one.words} else '' end" for one in oddities)
        row_id = "id" if "id" in tables()[self.table].columns else "cast(null as bigint)"
        return f"select account_id, '{self.table}' as table_name, {row_id} as id, trim({words}) as what_is_odd"


@cache
def needs() -> Mapping[str, Needs]:
    """Conditions by table, for the tables of sql/rows.yml."""
    written: dict[str, dict[str, Any]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return MappingProxyType({table: _needs(table, said) for table, said in written.items()})


def texts(table: str) -> tuple[str, ...]:
    """Names of a table's variant columns (`__v_text`), which hold type mismatches as text."""
    return tuple(f"{column}__v_text" for column in tables()[table].columns)


def _needs(table: str, said: Mapping[str, Any]) -> Needs:
    names: dict[str, list[str]] = {
        what: str(said.get(what, "")).split() for what in ("has", "units", "money", "instants", "of", "once", "given")
    }
    beyond = {
        name: f'coalesce("{name}", 0) <= -{most} or coalesce("{name}", 0) >= {most}'
        for kind, most in MOST.items()
        for name in names[kind]
    }
    barring = [
        *((f'"{name}" is null', _is(table, name)) for name in names["has"]),
        *((condition, _is(table, name)) for name, condition in beyond.items()),
        *(
            (f'"{name}" is not null and ("{name}" < {_FIRST} or "{name}" >= {_END})', _is(table, name))
            for name in names["instants"]
        ),
        *_related(table, names),
    ]
    odd = {name: f'"{name}" is null' for name in names["given"]}
    for name, condition in said.get("odd", {}).items():
        odd[name] = f"{odd[name]} or {condition}" if name in odd else condition
    telling = [(condition, _is(table, name)) for name, condition in odd.items()]
    return Needs(
        table,
        tuple(Oddity(*one) for one in barring),
        tuple(Oddity(*one) for one in telling),
        MappingProxyType(beyond),
        said.get("hours", ""),
        said.get("amount", ""),
        tuple(names["has"]),
        names["of"][0] if names["of"] else "",
    )


def _related(table: str, names: Mapping[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Oddities of a row in relation to others: its parent is missing, or a unique value occurs twice."""
    if names["of"]:
        parent, here, there = names["of"]
        # Concatenated to one text, since not every database compares tuples.
        known = f'select account_id || \' \' || cast("{there}" as text) from raw."{parent}" where "{there}" is not null'
        yield (
            f'"{here}" is null or account_id || \' \' || cast("{here}" as text) not in ({known})',
            f"'its row of {parent} is left out, or missing. '",
        )
    for name in names["once"]:
        first = f'select min(_dlt_id) from every."{table}" where "{name}" is not null group by account_id, "{name}"'
        yield f'"{name}" is not null and _dlt_id not in ({first})', f"'{name} is there twice. '"


def _is(table: str, name: str) -> str:
    """SQL expression that describes the value of a column, as Harvest sent it if it did not fit the column."""
    is_number = tables()[table].columns[name].data_type != "bool"
    value = f'cast("{name}" as text), ' if is_number else ""
    return f"'{name} is ' || coalesce({value}\"{name}__v_text\", 'missing') || '. '"
