"""Deal the requests of a run to the streams that are read by parent: for parents of which nothing says that they changed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from ..errors import SettingWrong

ALL_AT_ONCE = 1_000
"""Where all parents together are no more, each run asks all of them, unless a number of requests is set."""
REQUESTS = 200
"""Where they are more: so a day's sync of 5,000 invoices and 200 people takes 300 requests, with a hundredth of them changed."""
FEWEST_REQUESTS = 20
"""With fewer, there would not be one for the living and one for the other parents of each stream."""
_OTHERS_WITHIN_RUNS = 30


@dataclass(frozen=True)
class Split:
    """A number for the parents of a stream that are alive, and one for its other parents."""

    alive: int = 0
    others: int = 0


NONE = Split()


def check_requests(requests: int | None) -> None:
    """Raise SettingWrong for a number of requests that cannot be dealt."""
    if requests is not None and requests != 0 and requests < FEWEST_REQUESTS:
        raise SettingWrong(
            f"children_requests must be 0 (ask for children of changed parents only) or at least {FEWEST_REQUESTS}, so that "
            f"every stream has its turn, got {requests}."
        )


def shares(parents: Mapping[str, Split], requests: int | None, changed: int = 0) -> Mapping[str, Split]:
    """Say how many parents of each stream are asked in one run, though they did not change.

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
    """Give each request to the stream whose parents would wait for it longest, and one at least to each."""
    given = {stream: 1 for stream, count in parents.items() if count}
    for _ in range(requests - len(given)):
        given[max(given, key=lambda stream: parents[stream] / given[stream])] += 1
    return given


def in_turn(parents: Sequence[int], changed: Collection[int], share: int, after: int) -> list[int]:
    """Choose the parents whose turn is longest ago.

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
