"""Infer an account's rule for rounding hours from its time entries, since Harvest's API does not expose it. Pure.

https://support.getharvest.com/hc/en-us/articles/360053116772-How-does-time-rounding-work: one setting for the whole account,
applied to each entry individually and to the whole history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from itertools import product

_HUNDREDTH = Decimal("0.01")
# Hours are shown in hundredths; the value that Harvest rounds may differ by half a hundredth.
_SHOWN_BY = Decimal("0.005")
# A further rule must explain this many entries that no earlier rule explains, and at least one in this many of all.
_LEAST_ENTRIES = 5
_ONE_IN = 100
_MOST_RULES = 3
_WAYS = {"to the nearest": ROUND_HALF_UP, "up to": ROUND_CEILING, "down to": ROUND_FLOOR}


@dataclass(frozen=True)
class Rule:
    """Rule for rounding hours.

    Attributes:
        way: `to the nearest`, `up to` or `down to`; empty if hours are not rounded.
        minutes: rounding step; 0 if hours are not rounded.
    """

    way: str = ""
    minutes: int = 0

    def __str__(self) -> str:
        return f"rounded {self.way} {self.minutes} minutes" if self.minutes else "not rounded"

    def fits(self, hours: Decimal, rounded: Decimal) -> bool:
        """True if the rule rounds `hours`, given in hundredths, to `rounded`."""
        if not self.minutes:
            return abs(hours - rounded) < _SHOWN_BY
        shown = rounded.quantize(_HUNDREDTH, ROUND_HALF_UP)
        return any(
            self._round(max(value, Decimal(0))) == shown for value in (hours, hours - _SHOWN_BY, hours + _SHOWN_BY)
        )

    def _round(self, hours: Decimal) -> Decimal:
        steps = (hours * 60 / self.minutes).quantize(Decimal(1), _WAYS[self.way])
        return (steps * self.minutes / 60).quantize(_HUNDREDTH, ROUND_HALF_UP)


NOT_ROUNDED = Rule()
# Steps that Harvest offers come first; others have never been seen.
_RULES = [Rule(way, minutes) for steps in ((6, 15, 30), (5, 10, 12, 20)) for way, minutes in product(_WAYS, steps)]


@dataclass(frozen=True)
class Pair:
    """Distinct pair of hours and rounded hours, and the number of entries with it."""

    hours: Decimal
    rounded: Decimal
    entries: int


@dataclass(frozen=True)
class Rounding:
    """Rounding rules inferred from the entries of an account.

    Attributes:
        rules: inferred rules, each with the number of entries that it explains and earlier ones do not.
        unlike: pairs that no rule explains.
    """

    rules: tuple[tuple[Rule, int], ...] = ()
    unlike: tuple[Pair, ...] = ()

    @property
    def entries(self) -> int:
        """Number of entries examined."""
        return sum(entries for _, entries in self.rules) + self.unlike_entries

    @property
    def unlike_entries(self) -> int:
        """Number of entries that no rule explains."""
        return sum(pair.entries for pair in self.unlike)

    @property
    def step_minutes(self) -> int:
        """Largest rounding step in minutes, the precision to which rounded hours prove hours; 0 if hours are not rounded."""
        return max((rule.minutes for rule, _ in self.rules), default=0)


def found_out(pairs: Iterable[Pair]) -> Rounding:
    """Infer the account's rounding rules, and the entries that they do not explain.

    Hours count as not rounded unless a rule explains at least two entries more, or all of them. A further rule is accepted
    only if it explains a substantial part of the entries: a rule for a single entry would excuse its error.
    """
    left: Sequence[Pair] = tuple(pairs)
    entries = sum(pair.entries for pair in left)
    least = max(_LEAST_ENTRIES, entries // _ONE_IN)
    rules: list[tuple[Rule, int]] = []
    while left and len(rules) < _MOST_RULES:
        rule = _best(left)
        if not rules and _entries(left, rule) < min(_entries(left, NOT_ROUNDED) + 2, entries):
            rule = NOT_ROUNDED
        if rules and _entries(left, rule) < least:
            break
        rules.append((rule, _entries(left, rule)))
        left = [pair for pair in left if not rule.fits(pair.hours, pair.rounded)]
    return Rounding(tuple(rules), tuple(left))


def _best(pairs: Sequence[Pair]) -> Rule:
    return max((NOT_ROUNDED, *_RULES), key=lambda rule: _entries(pairs, rule))


def _entries(pairs: Iterable[Pair], rule: Rule) -> int:
    return sum(pair.entries for pair in pairs if rule.fits(pair.hours, pair.rounded))
