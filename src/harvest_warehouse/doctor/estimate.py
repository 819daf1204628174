"""Estimate the requests of a load before it is run. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from harvest_time_tracking import Stream
from harvest_time_tracking.http.protocol import WINDOW_SECONDS
from harvest_time_tracking.reading.pages import page_count
from harvest_time_tracking.reading.read_plan import most_requests
from harvest_time_tracking.reading.request_shares import Split, shares

# Share of parents that change in a day: a generous guess for an agency's invoices and people.
_DAILY_SHARE = 0.02


@dataclass(frozen=True)
class StreamPlan:
    """Request estimate for one stream.

    Attributes:
        stream: name of the stream.
        is_loading: whether it will be loaded.
        reason: why not; else empty.
        records: number of records; None if Harvest was not asked or does not state it.
        first_requests: requests of a first load.
        daily_requests: requests of a load of one day's changes.
        is_estimate: whether the daily requests depend on how many parents change, and so are a guess.
    """

    stream: str
    is_loading: bool
    reason: str
    records: int | None
    first_requests: int
    daily_requests: int
    is_estimate: bool


@dataclass(frozen=True)
class ChildrenPlan:
    """Estimate of how many runs it takes to read the children of all parents again, changed or not.

    Attributes:
        parents: number of requests to read the children of all parents once.
        requests: number of such requests per run, if no parent changes.
        runs: number of runs to cover active parents, and the others, in the worst case.
        runs_at_rest: the same, if no parent changes.
    """

    parents: int
    requests: int
    runs: Split
    runs_at_rest: Split


def children_plan(parents: Mapping[str, Split], requests: int | None) -> ChildrenPlan:
    """Estimate in how many runs all child records are read again.

    Args:
        parents: number of parents by child stream.
        requests: the setting `children_requests`.
    """
    at_rest, everything = shares(parents, requests), _sum(parents)
    return ChildrenPlan(
        everything,
        _sum(at_rest),
        _runs(parents, shares(parents, requests, changed=everything)),
        _runs(parents, at_rest),
    )


def _runs(parents: Mapping[str, Split], given: Mapping[str, Split]) -> Split:
    """Number of runs until the children of all parents of all streams are read."""
    alive = [ceil(parents[name].alive / share.alive) for name, share in given.items() if share.alive]
    others = [ceil(parents[name].others / share.others) for name, share in given.items() if share.others]
    return Split(max(alive, default=0), max(others, default=0))


def _sum(splits: Mapping[str, Split]) -> int:
    return sum(split.alive + split.others for split in splits.values())


def plan(
    streams: Iterable[Stream],
    counts: Mapping[str, int | None],
    parents: Mapping[str, Split],
    refusals: Mapping[str, str],
    features: Mapping[str, object],
    children_requests: int | None = None,
) -> tuple[StreamPlan, ...]:
    """Estimate the requests of each default stream.

    Args:
        streams: the catalogue.
        counts: number of records by list, if counted.
        parents: number of parents by child stream.
        refusals: errors of the lists that could not be counted.
        features: the account's feature switches; empty if they cannot be read.
        children_requests: the setting of that name.
    """
    changed = sum(ceil(_DAILY_SHARE * (split.alive + split.others)) for split in parents.values())
    given = shares(parents, children_requests, changed)
    plans = []
    for stream in streams:
        if stream.is_default:
            reason = _why_not(stream, refusals, features)
            plans.append(
                StreamPlan(stream.name, False, reason, None, 0, 0, False)
                if reason
                else _by_parent(stream, parents.get(stream.name, Split()), given.get(stream.name, Split()))
                if stream.parent
                else _planned(stream, counts)
            )
    return tuple(plans)


def seconds_for(requests: int, requests_per_15_s: int) -> float:
    """Seconds that the rate limit alone makes this many requests take; 0 without a limit."""
    return requests / requests_per_15_s * WINDOW_SECONDS["general"] if requests_per_15_s else 0.0


def _why_not(stream: Stream, refusals: Mapping[str, str], features: Mapping[str, object]) -> str:
    if stream.feature and features.get(stream.feature) is False:
        return f"switched off in the account ({stream.feature})"
    if stream.name in refusals:
        return refusals[stream.name]
    if stream.parent and stream.parent.stream in refusals:
        return f"it is read by {stream.parent.stream}: {refusals[stream.parent.stream]}"
    return ""


def _by_parent(stream: Stream, parents: Split, share: Split) -> StreamPlan:
    everything = parents.alive + parents.others
    daily = min(everything, ceil(_DAILY_SHARE * everything) + share.alive + share.others)
    return StreamPlan(stream.name, True, "", None, everything, daily, True)


def _planned(stream: Stream, counts: Mapping[str, int | None]) -> StreamPlan:
    records = counts.get(stream.name)
    pages = page_count(records)
    first = most_requests(records or 0) if stream.date_field else pages
    daily = pages if not stream.has_updated_since else 1 + bool(stream.live)
    return StreamPlan(stream.name, True, "", records, first, daily, False)
