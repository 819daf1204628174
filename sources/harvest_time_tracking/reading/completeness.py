"""Prove that a list was read completely, by overlapping pages, and choose the page to request next. Pure.

Each response shows the list as of one moment, but a list sorted by an editable date shifts between responses. So each page
repeats some records of the page before it. Suppose that two pages share a record in the same version: any other record that
did not change meanwhile then lies on the same side of the shared one in both states of the list. So a chain of pages from
the start of the list to its end, in which each page shares a record with the next, contains every record that did not
change, whatever else was created, deleted or moved, and in whichever order the responses arrived. Where two pages share no
record, or the account's lists turn out not to keep their order, the days between them are read again, as a list of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from ..http.protocol import Page
from .calls import Call
from .seen import UNKNOWN, Ask, Days, Ids, Seen, are_sorted, look_at, shared

# Records compared beyond the planned overlap: records created meanwhile shift the others.
_SHIFT = 100
# Number of pages from which a list is checked for mostly repeating itself.
_MANY_PAGES = 64


def following(end: int, most: int, overlap: int = 1) -> Ask:
    """Choose the next page of a list of which the first `end` records are known, overlapping them.

    It repeats at least `overlap` records and brings as many new ones as possible: a page size slightly below `most` makes the
    page begin slightly earlier. With very small pages no size may overlap; then it is simply the next page.
    """
    overlap = max(1, min(overlap, most // 4))
    best, brings = Ask(end // most + 1, most), 0
    for per_page in range(most, 0, -1):
        if per_page - overlap <= brings:
            break
        ask = Ask(max(0, end - overlap) // per_page + 1, per_page)
        if ask.end - end > brings:
            best, brings = ask, ask.end - end
    return best


@dataclass
class Order:
    """Observed order of an account's lists: the order within one day is not documented.

    Attributes:
        is_kept: whether unchanged records always came in the same order.
    """

    is_kept: bool = True


class Reading:
    """Read of a list sorted by date, or of some days of it.

    Args:
        call: the request for the list.
        date_field: the date that it is sorted by.
        most: largest page size to request.
        order: observed order, shared by all reads of the list.
        overlap: minimum number of records that each page repeats.
        within: the read of which this one repeats some days, or all.

    Attributes:
        root: the call of the outermost read.
        answers: number of responses.
        ids: ids of all records received, including those of repeated reads.
    """

    def __init__(
        self, call: Call, date_field: str, most: int, order: Order, overlap: int = 1, within: Reading | None = None
    ) -> None:
        self.call = call
        self.root: Call = within.root if within else call
        self.answers = 0
        self.ids = Ids()
        self._date_field = date_field
        self._most = most
        self._order = order
        self._overlap = overlap
        self._within = within
        self._asked: list[Ask] = []
        self._end = 0
        self._seen: dict[int, Seen] = {}
        self._joined: set[int] = set()
        self._stated: set[int | None] = set()
        self._inside: list[Reading] = []
        self._is_stopped = False

    def wants(self) -> Ask | None:
        """Next page to request; None if there is none, or none before a response arrives."""
        if not self._asked:
            return self._asking(Ask(1, self._most))
        if not self._seen or self._is_stopped:
            return None
        last = self._seen[max(self._seen)]
        if last.total is not None:
            goes_on = self._end < last.total
        else:
            # Without a total, pages are read one after the other.
            goes_on = len(self._seen) == len(self._asked) and not last.is_last
        return self._asking(following(self._end, self._most, self._overlap)) if goes_on else None

    def _asking(self, ask: Ask) -> Ask:
        self._asked.append(ask)
        self._end = ask.end
        return ask

    def take(self, ask: Ask, page: Page) -> None:
        """Add a response."""
        number = self._asked.index(ask)
        known = max((seen.end for seen in self._seen.values()), default=0)
        seen = look_at(ask, page, self._date_field, self._overlap + _SHIFT + number, known)
        self.answers += 1
        self._count(page)
        self._stated.add(seen.total)
        self._seen[number] = seen
        self._is_stopped = self._is_stopped or bool(seen.flaw) or self._goes_round()
        if number == 0:
            self._most = min(self._most, page.paging.per_page or seen.rows or self._most)
        if number == 0 or seen.total is None:
            self._end = seen.end
        for one in (number - 1, number):
            self._join(one)

    def _goes_round(self) -> bool:
        """True if most records are repeats. Checked only at powers of two, as it counts all records."""
        is_asked = self.answers >= _MANY_PAGES and self.answers.bit_count() == 1
        return is_asked and self.ids.distinct * 2 < self.ids.count

    def _count(self, page: Page) -> None:
        self.ids.add(page)
        if self._within:
            self._within._count(page)

    def _join(self, number: int) -> None:
        """Compare a page with the next one, once both have arrived, and drop the records compared."""
        one, other = self._seen.get(number), self._seen.get(number + 1)
        if one and other:
            is_in_order = shared(one.tail, other.head)
            if is_in_order:
                self._joined.add(number)
            self._order.is_kept = self._order.is_kept and is_in_order is not False
            self._seen[number], self._seen[number + 1] = replace(one, tail=()), replace(other, head=())

    def left(self, overlap: int) -> list[Reading]:
        """Reads still needed to prove completeness; none if it is proven. Call it when no request is in flight.

        Args:
            overlap: minimum number of records that each page of those reads repeats.
        """
        if self._inside:
            below = [reading for inside in self._inside for reading in inside.left(overlap)]
            is_again = self._inside[0].call is self.call
            if below or is_again or not self.is_short:
                return below
            return self._again(overlap)
        calls = [self._of_days(*days) for days in self._gaps()]
        # No gap, yet records are missing: the server repeated a page or left a record out, so read everything again.
        if self.call in calls or (not calls and self.is_short):
            return self._again(overlap)
        self._inside = [Reading(call, self._date_field, self._most, self._order, overlap, self) for call in calls]
        return self._inside

    def _again(self, overlap: int) -> list[Reading]:
        # If a page held fewer records than it should, use that page size.
        held = [seen.rows for seen in self._flawed() if seen.rows]
        self._inside = [Reading(self.call, self._date_field, min([self._most, *held]), self._order, overlap, self)]
        return self._inside

    @property
    def is_short(self) -> bool:
        """True if all responses stated the same total, and fewer distinct records came, including those of earlier tries.

        If a record is deleted for each one created, the total stays the same although a try misses a record; but then the
        tries miss different ones. A record that the server leaves out is missing from all of them.
        """
        totals = self._totals()
        return len(self._stated) == len(totals) == 1 and self._first_try().ids.distinct < totals[0]

    def _first_try(self) -> Reading:
        """First read of the same list that this one repeats; its ids are those of all tries."""
        return self._within._first_try() if self._within and self._within.call is self.call else self

    def _totals(self) -> list[int]:
        return sorted(total for total in self._stated if total is not None)

    def _flawed(self) -> list[Seen]:
        return [seen for seen in self._seen.values() if seen.flaw]

    def _gaps(self) -> list[Days]:
        """Ranges of days that may hold records not seen."""
        good = [(number, seen) for number, seen in sorted(self._seen.items()) if not seen.flaw]
        if not good:
            return [UNKNOWN]
        gaps: list[Days] = []
        if good[0][0] > 0:
            gaps.append((good[0][1].days[1], None))
        for (number, one), (next_number, other) in pairwise(good):
            if one.is_last:
                break
            if next_number > number + 1 or number not in self._joined or not self._order.is_kept:
                gaps.append((other.days[1], one.days[0]))
        else:
            if not good[-1][1].is_last:
                gaps.append((None, good[-1][1].days[0]))
        return gaps if are_sorted([seen for _, seen in good]) else gaps and [UNKNOWN]

    def _of_days(self, first: date | None, last: date | None) -> Call:
        """Call for these days of the list only; the call itself if that excludes nothing."""
        if first and last and first > last:
            first, last = last, first
        bounds = {"from": first, "to": last}
        params = {**self.call.params, **{name: day.isoformat() for name, day in bounds.items() if day}}
        return self.call if params == self.call.params else replace(self.call, params=params)

    def why(self) -> str:
        """Reason why completeness is not proven, as text."""
        totals, came = self._totals(), f"{self.ids.distinct:,} different records came"
        if self.is_short:
            return f"Harvest said {totals[0]:,} on each page, and {came}"
        inside = self._inside[0] if self._inside else None
        if inside and inside.call is self.call and inside.answers:
            return inside.why()
        if flaws := self._flawed():
            return flaws[0].flaw
        if not totals:
            return f"Harvest does not say how many there are; {came}, but two pages share none of them"
        if len(totals) > 1:
            return f"it kept changing while it was read: Harvest said {totals[0]:,} to {totals[-1]:,}, and {came}"
        return f"Harvest said {totals[0]:,} on each page, and {came}, but two pages share none of them"
