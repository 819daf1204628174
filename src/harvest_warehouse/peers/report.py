"""Report of a comparison with another product's copy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

What = Literal["only_there", "only_here", "differs"]
MEASURES: Mapping[str, str] = {
    "hours": "hours",
    "billable": "billable amount",
    "expenses": "expenses",
    "invoiced": "invoiced",
}
"""Measures whose totals move, and their words."""


@dataclass(frozen=True)
class Difference:
    """Row that is not the same on both sides.

    Attributes:
        table: table of the layout.
        key: values of its key.
        what: whether it is only there, only here, or differs.
        values: value there and value here, by column that differs.
        deleted_at: when it was found that Harvest had deleted it (ISO 8601), for a row that is only there; None if unknown.
        row: the row, if it is only there, by column of the layout.
    """

    table: str
    key: tuple[Any, ...]
    what: What
    values: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    deleted_at: str | None = None
    row: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class TableDifference:
    """What differs in one table.

    Attributes:
        name: table of the layout.
        not_compared: why it was not compared; empty if it was.
        rows_there: rows of the old copy, each key once.
        rows_here: rows here.
        superseded: rows of the old copy that are earlier versions of others.
        only_there: rows that are only there.
        deleted: how many of these Harvest deleted, by `harvest_deletions`.
        only_here: rows that are only here.
        more_here: rows that are only here on purpose, so that every time entry finds its task.
        differing: rows that differ in a value.
        columns: number of differing values by column.
        missing_columns: columns that the old copy does not have.
        samples: some of the differences.
    """

    name: str
    not_compared: str = ""
    rows_there: int = 0
    rows_here: int = 0
    superseded: int = 0
    only_there: int = 0
    deleted: int = 0
    only_here: int = 0
    more_here: int = 0
    differing: int = 0
    columns: Counter[str] = field(default_factory=Counter)
    missing_columns: tuple[str, ...] = ()
    samples: list[Difference] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """True if nothing differs."""
        return not (self.only_there or self.only_here or self.differing or self.superseded)


@dataclass(frozen=True)
class Moved:
    """Amount by which a total moves: here minus there.

    Attributes:
        measure: one of `MEASURES`.
        month: first day of the month, as text (2026-01).
        client: name of the client.
        project: name of the project; empty for invoices.
        currency: currency of an amount; empty for hours.
        there: what the old copy has.
        here: what we have.
    """

    measure: str
    month: str
    client: str
    project: str
    currency: str
    there: Decimal
    here: Decimal

    @property
    def by(self) -> Decimal:
        """The difference."""
        return self.here - self.there


@dataclass(frozen=True)
class CompareReport:
    """Result of a comparison.

    Attributes:
        like: name of the layout.
        product: name of the product.
        account_id: account that was compared.
        place: location of our tables.
        there: location of the old copy.
        tables: what differs, by table.
        moved: totals that move, those that move most first; only of rows that differ.
        seconds: duration.
    """

    like: str
    product: str
    account_id: str
    place: str
    there: str
    tables: tuple[TableDifference, ...]
    moved: tuple[Moved, ...]
    seconds: float

    @property
    def is_equal(self) -> bool:
        """True if nothing differs in any table that was compared."""
        return all(table.is_equal for table in self.tables)

    @property
    def totals(self) -> tuple[Moved, ...]:
        """What moves in all, by measure and currency."""
        sums: dict[tuple[str, str], tuple[Decimal, Decimal]] = {}
        for one in self.moved:
            there, here = sums.get((one.measure, one.currency), (Decimal(0), Decimal(0)))
            sums[one.measure, one.currency] = (there + one.there, here + one.here)
        return tuple(
            Moved(measure, "", "", "", currency, there, here)
            for (measure, currency), (there, here) in sorted(
                sums.items(), key=lambda one: list(MEASURES).index(one[0][0])
            )
        )
