"""Divide the requests of a run among the streams that are read by parent, for parents not known to have changed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from ..errors import SettingWrong

ALL_AT_ONCE = 1_000
"""Number of parents up to which each run asks all of them, unless a number of requests is set."""
REQUESTS = 200
"""Default number of requests above that: so a day's sync of 5,000 invoices and 200 people takes 300, if 1 % of them changed."""
FEWEST_REQUESTS = 20
"""Smallest allowed number: one for the parents that are alive and one for the others, of each stream."""
_OTHERS_WITHIN_RUNS = 30


@dataclass(frozen=True)
class Split:
    """Pair of numbers: for the parents of a stream that are alive (children likely to change), and for its other parents."""

    alive: int = 0
    others: int = 0


NONE = Split()


def check_requests(requests: int | None) -> None:
    """Raise SettingWrong for a number of requests that is too small to be divided."""
    if requests is not None and requests != 0 and requests < FEWEST_REQUESTS:
        raise SettingWrong(
            f"children_requests must be 0 (ask for children of changed parents only) or at least {FEWEST_REQUESTS}, so that "
            f"every stream has its turn, got {requests}."
        )


def shares(parents: Mapping[str, Split], requests: int | None, changed: int = 0) -> Mapping[str, Split]:
    """Compute how many unchanged parents of each stream are asked in one run.

    Requests for changed parents are made in any case, and count: but half of the number is left for the others. Those that are
    alive come first. The rest keep as many as bring all of them within 30 runs, and no more than half for that.

    Args:
        parents: how many parents each stream has.
        requests: for all streams together: 0, or at least `FEWEST_REQUESTS`; None for what suits the account.
        changed: how many of the parents changed.
    """
    alive = {stream: split.alive for stream, split in parents.items()}
    others = {stream: split.others for stream, split in parents.items()}
    all_alive, all_others = sum(alive.values()), sum(others.values())
    if requests is None:
        requests = REQUESTS if all_alive + all_others > ALL_AT_ONCE else ALL_AT_ONCE
    if not requests:
        return {}
    if all_alive + all_others <= requests:
        return dict(parents)
    left = max(requests - changed, requests // 2, FEWEST_REQUESTS)
    needed = sum(ceil(count / _OTHERS_WITHIN_RUNS) for count in others.values())
    for_others = min(all_others, max(left - all_alive, min(needed, left // 2)))
    dealt_alive, dealt_others = _dealt(alive, left - for_others), _dealt(others, for_others)
    return {stream: Split(dealt_alive.get(stream, 0), dealt_others.get(stream, 0)) for stream in parents}


def _dealt(parents: Mapping[str, int], requests: int) -> dict[str, int]:
    """Divide requests among streams, each to the one whose parents would wait longest, at least one to each."""
    given = {stream: 1 for stream, count in parents.items() if count}
    for _ in range(requests - len(given)):
        given[max(given, key=lambda stream: parents[stream] / given[stream])] += 1
    return given


def in_turn(parents: Sequence[int], changed: Collection[int], share: int, after: int) -> list[int]:
    """Choose the parents that were asked in turn longest ago (round-robin).

    In the order of ids, that is the next after the one whose turn was last. What was read of a parent since, because it changed,
    is no turn.

    Args:
        parents: their ids.
        changed: those that are asked anyway.
        share: how many to choose.
        after: the one whose turn was last.
    """
    unchanged = set(parents).difference(changed)
    return sorted(unchanged, key=lambda parent: (parent <= after, parent))[:share]
