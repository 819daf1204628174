"""Judge figures against Harvest's: infer which undocumented conventions the account follows, and give verdicts. Pure.

A convention is inferred for the whole account, never per figure: choosing whichever fits would hide real errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from harvest_warehouse.database.system_tables import AGREED, Verdict

DIFFERENT: tuple[Verdict, ...] = ("mismatch", "missing_here", "missing_there")

MEANWHILE = "it changed in Harvest while reports were read"

CENT = Decimal("0.01")
_HALF = Decimal("0.005")
# Tolerance: for an exact sum to count as a half cent, and for floats in Harvest's arithmetic.
_NEAR = Decimal("0.000001")
# A convention other than the first candidate must be supported by at least this many subjects.
_LEAST_SUBJECTS = 2
_LEAST_SHARED_ROWS = 5
# Rows of archived projects that a report lists, by candidate convention; the first is the documented one.
_ARCHIVED = "archived"
_LISTINGS = {"listed": ("worked", "idle"), "listed where there is work": ("worked",), "left out": ()}


@dataclass(frozen=True, slots=True)
class Figure:
    """Number to compare, which both sides have or should have.

    Attributes:
        report: path of the report, such as `time/projects`.
        first: first day of the window.
        last: last day of the window, inclusive.
        subject_id: id of the project, person, task or category.
        subject: name of the subject.
        currency: currency of the client; empty in reports that state none.
        measure: column of the report, such as `billable_amount`.
        ours: our exact, unrounded value under each candidate convention of `family`; one value under "" if there is none.
        theirs: value in the report; 0 if it has no such row.
        family: undocumented convention that the figure depends on; else empty.
        is_here: whether we have rows of this subject.
        is_there: whether the report has a row of this subject.
        is_of_window: False for all-time figures (a fixed fee), which do not depend on the window.
        moving: why a difference would prove nothing, because the value keeps changing; else empty.
        unprovable: why it cannot be compared at all; else empty.
        listing: `worked` or `idle` if the report may not list the row: an archived project with or without work in the
            window; else empty.
    """

    report: str
    first: date
    last: date
    subject_id: int
    subject: str
    currency: str
    measure: str
    ours: Mapping[str, Decimal]
    theirs: Decimal
    family: str = ""
    is_here: bool = True
    is_there: bool = True
    is_of_window: bool = True
    moving: str = ""
    unprovable: str = ""
    listing: str = ""

    @property
    def is_hours(self) -> bool:
        """True if it counts hours, not money."""
        return self.measure.endswith("hours") or self.family.endswith("hours")

    @property
    def row(self) -> tuple[object, ...]:
        """Key of the report row that it belongs to."""
        return (self.report, self.first, self.last, self.subject_id, self.currency)


@dataclass(frozen=True, slots=True)
class Judged:
    """Figure with its verdict.

    Attributes:
        figure: the figure.
        verdict: exact, tie (a half cent rounded the other way), mismatch, missing_here, missing_there, not_provable, or
            unresolved if no convention fits the account.
        ours: our value, rounded as Harvest shows it.
        convention: convention that it was computed with; else empty.
        reason: why it is not provable; else empty.
    """

    figure: Figure
    verdict: Verdict
    ours: Decimal
    convention: str = ""
    reason: str = ""

    @property
    def is_different(self) -> bool:
        """True if the two sides certainly differ."""
        return self.verdict in DIFFERENT

    @property
    def is_repairable(self) -> bool:
        """True if re-reading rows may help."""
        return self.is_different or self.verdict == "unresolved" or self.reason == MEANWHILE


@dataclass(frozen=True)
class Convention:
    """Finding about a convention that Harvest does not document.

    Attributes:
        family: name of the convention.
        accepted: accepted candidate; None if none fits.
        telling: number of figures on which the candidates differ.
        fitting: how many of these each candidate explains.
    """

    family: str
    accepted: str | None
    telling: int
    fitting: Mapping[str, int] = field(default_factory=dict)


def rounded(value: Decimal) -> Decimal:
    """Round to the cent or the hundredth of an hour, halves away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


def compare(ours: Decimal, theirs: Decimal) -> Verdict:
    """Compare an exact value of ours with Harvest's: exact, tie or mismatch."""
    shown = rounded(theirs) if abs(theirs - rounded(theirs)) < _NEAR else theirs
    if rounded(ours) == shown:
        return "exact"
    # A tie: an exact half cent, rounded to the other neighbour.
    is_half = abs(abs(ours) % CENT - _HALF) < _NEAR
    return "tie" if is_half and abs(abs(shown - ours) - _HALF) < _NEAR else "mismatch"


def judge(figures: Sequence[Figure]) -> tuple[tuple[Judged, ...], tuple[Convention, ...]]:
    """Give a verdict on each figure, and the conventions that the verdicts rest on."""
    listing = _listing(figures)
    figures = [_as_listed(figure, listing) for figure in figures]
    astray = {figure.row for figure in figures if _is_astray(figure)}
    families = dict.fromkeys(figure.family for figure in figures if figure.family)
    conventions = {family: _convention(family, figures, astray) for family in families}
    judged = tuple(_judged(figure, conventions.get(figure.family)) for figure in figures)
    if listing.accepted is None:
        judged = tuple(replace(one, verdict="unresolved") if _is_unlisted(one) else one for one in judged)
    return judged, (*([listing] if listing.telling else []), *conventions.values())


def _listing(figures: Iterable[Figure]) -> Convention:
    """Infer which archived projects the account's reports list, from rows that are not blank."""
    rows: dict[tuple[object, ...], Figure] = {}
    for figure in figures:
        if figure.listing and any(figure.ours.values()):
            ours = {name: Decimal(figure.listing in kinds) for name, kinds in _LISTINGS.items()}
            presence = replace(figure, family=_ARCHIVED, ours=ours, theirs=Decimal(figure.is_there), moving="")
            rows.setdefault(figure.row, presence)
    return _convention(_ARCHIVED, list(rows.values()), set())


def _as_listed(figure: Figure, listing: Convention) -> Figure:
    if not figure.listing or listing.accepted is None or figure.listing in _LISTINGS[listing.accepted]:
        return figure
    return replace(figure, ours=dict.fromkeys(figure.ours, Decimal(0)), is_here=False)


def is_rounding_changed(judged: Iterable[Judged]) -> bool:
    """True if more than half of the rows differ in hours: then the account's rounding rule changed, not its rows."""
    rows = [
        one
        for one in judged
        if one.figure.measure == "total_hours"
        and one.figure.report.startswith("time/")
        and one.figure.is_here
        and one.figure.is_there
        and one.verdict != "not_provable"
    ]
    return len(rows) >= _LEAST_SHARED_ROWS and 2 * sum(one.is_different for one in rows) > len(rows)


def _is_unlisted(judged: Judged) -> bool:
    return bool(judged.figure.listing) and not judged.figure.is_there and judged.is_different


def _is_astray(figure: Figure) -> bool:
    """True if its row is missing on one side or differs in hours, so that its amounts are no evidence for a convention."""
    if figure.is_here != figure.is_there:
        return True
    return figure.is_hours and all(compare(value, figure.theirs) == "mismatch" for value in figure.ours.values())


def _convention(family: str, figures: Sequence[Figure], astray: set[tuple[object, ...]]) -> Convention:
    """Infer which candidate of a convention the account follows.

    Evidence are only figures on which the candidates differ, of rows whose work agrees on both sides. A figure that no
    candidate explains is a difference of data, or a convention unknown to us. So the accepted candidate must explain every
    figure that any candidate explains, and at least half of all; without evidence, it is the first.
    """
    of_family = [figure for figure in figures if figure.family == family and not figure.unprovable]
    candidates = list(dict.fromkeys(name for figure in of_family for name in figure.ours))
    witnesses = [
        figure
        for figure in of_family
        if (not figure.moving or figure.is_hours)
        and (figure.row not in astray or not figure.is_of_window)
        and len({rounded(value) for value in figure.ours.values()}) > 1
    ]
    fits = {name: [compare(figure.ours[name], figure.theirs) in AGREED for figure in witnesses] for name in candidates}
    fitting = {name: sum(found) for name, found in fits.items()}
    if not witnesses:
        return Convention(family, candidates[0] if candidates else None, 0, fitting)
    known = [any(found) for found in zip(*fits.values(), strict=True)]
    best = max(candidates, key=lambda name: fitting[name])
    is_whole = fitting[best] == sum(known) and 2 * fitting[best] >= len(witnesses)
    if is_whole and best != candidates[0]:
        against = [is_fit and not is_first for is_fit, is_first in zip(fits[best], fits[candidates[0]], strict=True)]
        speaking = {
            (figure.subject_id, figure.currency)
            for figure, is_speaking in zip(witnesses, against, strict=True)
            if is_speaking
        }
        is_whole = len(speaking) >= _LEAST_SUBJECTS
    return Convention(family, best if is_whole else None, len(witnesses), fitting)


def _judged(figure: Figure, convention: Convention | None) -> Judged:
    name = "" if convention is None else (convention.accepted or "")
    value = figure.ours.get(name, next(iter(figure.ours.values())))
    shown = rounded(value)
    if figure.unprovable:
        return Judged(figure, "not_provable", shown, name, figure.unprovable)
    if convention is not None and convention.accepted is None:
        found = [compare(candidate, figure.theirs) for candidate in figure.ours.values()]
        verdict: Verdict = found[0] if all(one in AGREED for one in found) else "unresolved"
    else:
        verdict = compare(value, figure.theirs)
    if verdict in AGREED:
        return Judged(figure, verdict, shown, name)
    if figure.moving:
        return Judged(figure, "not_provable", shown, name, figure.moving)
    if verdict == "mismatch" and figure.is_here != figure.is_there:
        verdict = "missing_there" if figure.is_here else "missing_here"
    return Judged(figure, verdict, shown, name)
