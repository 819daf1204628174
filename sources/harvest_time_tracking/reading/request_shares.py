"""Divide a run's requests for unchanged parents among the child streams. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from ..errors import SettingWrong

ALL_AT_ONCE = 1_000
"""Number of parents up to which each run reads all of them, unless `children_requests` is set."""
REQUESTS = 200
"""Default number of requests above that: a daily sync of 5,000 invoices and 200 people then takes 300 if 1 % of them changed."""
FEWEST_REQUESTS = 20
"""Smallest allowed number: one request for active parents and one for the others, per child stream."""
_OTHERS_WITHIN_RUNS = 30


@dataclass(frozen=True)
class Split:
    """Pair of numbers for a child stream: one for its active parents (children likely to change), one for all others."""

    alive: int = 0
    others: int = 0


NONE = Split()


def check_requests(requests: int | None) -> None:
    """Raise SettingWrong if a number of requests is too small to be divided."""
    if requests is not None and requests != 0 and requests < FEWEST_REQUESTS:
        raise SettingWrong(
            f"children_requests must be 0 (ask for children of changed parents only) or at least {FEWEST_REQUESTS}, so that "
            f"every stream has its turn, got {requests}."
        )


def shares(parents: Mapping[str, Split], requests: int | None, changed: int = 0) -> Mapping[str, Split]:
    """Compute how many unchanged parents of each child stream are read in one run.

    Changed parents are always read and count against `requests`, but at least half of it is left for unchanged ones. Active
    parents come first, but enough is reserved to cover the others within 30 runs, up to half of what is left.

    Args:
        parents: number of parents by child stream.
        requests: requests for all streams together: 0, or at least `FEWEST_REQUESTS`; None for the default.
        changed: number of changed parents.
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
    """Divide requests among streams: at least one each, every further one to the stream with the longest wait per parent."""
    given = {stream: 1 for stream, count in parents.items() if count}
    for _ in range(requests - len(given)):
        given[max(given, key=lambda stream: parents[stream] / given[stream])] += 1
    return given


def in_turn(parents: Sequence[int], changed: Collection[int], share: int, after: int) -> list[int]:
    """Choose the next parents of the round-robin: those after `after` by id, then from the start again.

    A parent that is read because it changed does not move the round-robin on.

    Args:
        parents: ids of all parents.
        changed: ids of those that are read anyway.
        share: how many to choose.
        after: id of the last parent chosen by the round-robin.
    """
    unchanged = set(parents).difference(changed)
    return sorted(unchanged, key=lambda parent: (parent <= after, parent))[:share]
