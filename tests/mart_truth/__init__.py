"""The marts computed a second time, in plain Python, from what the simulator knows: no SQL, and nothing of the build's.

Rows by table, each under its key without the account, with every column of the table that a figure or a word stands in.
Fractions stay fractions until they are compared.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from mart_truth.account import Row, Table
from mart_truth.cash import Cash
from mart_truth.dimensions import Dimensions
from mart_truth.facts import Facts
from mart_truth.findings import Findings
from mart_truth.keys import KEYS
from mart_truth.people import People
from mart_truth.revenue import Revenue

__all__ = ["KEYS", "Books", "Row", "Table", "same"]


class Books(Dimensions, Facts, People, Revenue, Cash, Findings):
    """All tables, each by a method of its name."""


def same(have: Any, want: Any) -> bool:
    """Exactly equal; where something was divided, to nine digits."""
    if isinstance(want, Fraction) or isinstance(have, float):
        if have is None or want is None:
            return have is want
        return abs(Fraction(have) - Fraction(want)) <= max(Fraction(1, 10**7), abs(Fraction(want)) / 10**9)
    return bool(have == want)
