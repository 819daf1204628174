"""The marts computed a second time, in plain Python, from what the simulator knows: no SQL, and nothing of the build's.

Rows by table, each under its key without the account, with every column of the table that a figure or a word stands in.
Fractions stay fractions until they are compared.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from mart_truth.account import Row, Table
from mart_truth.ahead import Ahead
from mart_truth.cash import Cash
from mart_truth.dimensions import Dimensions
from mart_truth.facts import Facts
from mart_truth.findings import Findings
from mart_truth.keys import KEYS
from mart_truth.people import People

__all__ = ["KEYS", "Books", "Row", "Table", "differences"]


class Books(Dimensions, Facts, People, Ahead, Cash, Findings):
    """All tables, each by a method of its name."""


def differences(name: str, have: Iterable[Row], want: Table) -> list[Any]:
    """In what the rows of a table are not those that they should be, in the columns of `want`; no key may be there twice."""
    found: Table = {}
    differing: list[Any] = []
    for row in have:
        key = tuple(row[column] for column in KEYS[name])
        if key in found:
            differing.append((key, "is there twice"))
        found[key] = row
    differing += [(key, "is left over") for key in found.keys() - want.keys()]
    for key, row in want.items():
        if key not in found:
            differing.append((key, "is missing"))
            continue
        mine = found[key]
        differing += [
            (key, column, mine[column], value) for column, value in row.items() if not _same(mine[column], value)
        ]
    return differing


def _same(have: Any, want: Any) -> bool:
    """Exactly equal; where something was divided, to nine digits."""
    if isinstance(want, Fraction) or isinstance(have, float):
        if have is None or want is None:
            return have is want
        return abs(Fraction(have) - Fraction(want)) <= max(Fraction(1, 10**7), abs(Fraction(want)) / 10**9)
    return bool(have == want)
