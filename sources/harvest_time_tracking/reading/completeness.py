"""Prove that a list was read completely, by overlapping pages, and choose the page to ask for next. Pure.

An answer shows one state of the list, but a list that is sorted by a date that people change shifts from one answer to the
next. So each page repeats some records of the page before it. Take two answers that share a record of the same version, and
any other record that did not change meanwhile: if it lies behind the shared one in one answer's list, it does so in the
other's. So from the first page, which begins the list, by shared records to a page that ends it, each record that did not
change was seen, whatever came, went or moved, and in whichever order the answers came. Where two answers share nothing,
or the account shows that its lists keep no order, the days between them are read once more, as a list of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from ..http.protocol import Page
from .calls import Call
from .seen import UNKNOWN, Ask, Days, Ids, Seen, are_sorted, look_at, shared

# As many records as two pages repeat by plan are compared, and so many more: what comes in meanwhile moves them on.
_SHIFT = 100
# So many pages may come before it is asked whether most of them repeat each other.
_MANY_PAGES = 64


def following(end: int, most: int, overlap: int = 1) -> Ask:
    """Choose the next page of a list of which the first `end` records are known, overlapping them.

    It repeats at least `overlap` of them and brings as many others as it can: pages a little shorter than `most` begin a
    little earlier. Of very short pages there may be none that repeats anything; then it is simply the next one.
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
        is_kept: whether records that did not change came in the same order each time.
    """

    is_kept: bool = True


class Reading:
    """Reading of a list that is sorted by date, or of some days of it.

    Args:
        call: what is asked.
        date_field: the date by which it is sorted.
        most: how many records to ask for in one page at most.
        order: what readings of the same list have in common.
        overlap: how many records each page repeats at least.
        within: the reading of which this one repeats some days, or all.

    Attributes:
        root: the call of the outermost reading.
        answers: how many there were.
        ids: of all records that came, those of the readings within it included.
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
        """Next page to ask for; None if there is none, or none before an answer comes."""
        if not self._asked:
            return self._asking(Ask(1, self._most))
        if not self._seen or self._is_stopped:
            return None
        last = self._seen[max(self._seen)]
        if last.total is not None:
            goes_on = self._end < last.total
        else:
            # Nobody says how many there are: one page after the other.
            goes_on = len(self._seen) == len(self._asked) and not last.is_last
        return self._asking(following(self._end, self._most, self._overlap)) if goes_on else None

    def _asking(self, ask: Ask) -> Ask:
        self._asked.append(ask)
        self._end = ask.end
        return ask

    def take(self, ask: Ask, page: Page) -> None:
        """Take in an answer."""
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
        """True if most pages repeat others. Checked rarely, as it counts all records."""
        is_asked = self.answers >= _MANY_PAGES and self.answers.bit_count() == 1
        return is_asked and self.ids.distinct * 2 < self.ids.count

    def _count(self, page: Page) -> None:
        self.ids.add(page)
        if self._within:
            self._within._count(page)

    def _join(self, number: int) -> None:
        """Compare an answer with the next one, once both are here, and drop the records compared."""
        one, other = self._seen.get(number), self._seen.get(number + 1)
        if one and other:
            is_in_order = shared(one.tail, other.head)
            if is_in_order:
                self._joined.add(number)
            self._order.is_kept = self._order.is_kept and is_in_order is not False
            self._seen[number], self._seen[number + 1] = replace(one, tail=()), replace(other, head=())

    def left(self, overlap: int) -> list[Reading]:
        """Readings still needed to prove completeness; none if it is proven. Call it when no request is in flight.

        Args:
            overlap: how many records each page of that repeats at least.
        """
        if self._inside:
            below = [reading for inside in self._inside for reading in inside.left(overlap)]
            is_again = self._inside[0].call is self.call
            if below or is_again or not self.is_short:
                return below
            return self._again(overlap)
        calls = [self._of_days(*days) for days in self._gaps()]
        # A server that shows a page twice, or hides a record, is not to be believed.
        if self.call in calls or (not calls and self.is_short):
            return self._again(overlap)
        self._inside = [Reading(call, self._date_field, self._most, self._order, overlap, self) for call in calls]
        return self._inside

    def _again(self, overlap: int) -> list[Reading]:
        # Where a page held less than it should, no longer ones.
        held = [seen.rows for seen in self._flawed() if seen.rows]
        self._inside = [Reading(self.call, self._date_field, min([self._most, *held]), self._order, overlap, self)]
        return self._inside

    @property
    def is_short(self) -> bool:
        """True if all answers stated the same total, and fewer distinct records came, including those of earlier tries.

        One that goes for each one that comes leaves the number as it is, and an answer behind: the tries differ then. What
        a server hides, it hides from each of them.
        """
        totals = self._totals()
        return len(self._stated) == len(totals) == 1 and self._first_try().ids.distinct < totals[0]

    def _first_try(self) -> Reading:
        """First reading of the same list that this one repeats; its ids are those of all tries."""
        return self._within._first_try() if self._within and self._within.call is self.call else self

    def _totals(self) -> list[int]:
        return sorted(total for total in self._stated if total is not None)

    def _flawed(self) -> list[Seen]:
        return [seen for seen in self._seen.values() if seen.flaw]

    def _gaps(self) -> list[Days]:
        """Ranges of days that may hold records that were not shown."""
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
        """Call for these days of the list only; the same call if that leaves nothing out."""
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
