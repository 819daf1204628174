"""What a load would ask of Harvest, worked out before it is asked. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from harvest_time_tracking import Stream
from harvest_time_tracking.pages import page_count
from harvest_time_tracking.session import share_of
from harvest_time_tracking.work import CHILDREN_WITHIN_RUNS, most_requests

_WINDOW_SECONDS = 15.0
# Which share of the parents changes in a day: generous for an agency's invoices and people.
_DAILY_SHARE = 0.02


@dataclass(frozen=True)
class StreamPlan:
    """What will become of one stream.

    Attributes:
        stream: its name.
        is_loading: whether it will load.
        reason: why not, else empty.
        records: how many there are, None where Harvest was not asked or does not say.
        first_requests: how many requests a first load takes.
        daily_requests: how many a load takes that brings a day's changes.
        is_estimate: whether the requests are an upper bound, because they depend on rows that were not read.
    """

    stream: str
    is_loading: bool
    reason: str
    records: int | None
    first_requests: int
    daily_requests: int
    is_estimate: bool


def plan(
    streams: Iterable[Stream],
    counts: Mapping[str, int | None],
    refusals: Mapping[str, str],
    features: Mapping[str, object],
) -> tuple[StreamPlan, ...]:
    """A plan for each stream that is read by default.

    Args:
        streams: the catalogue.
        counts: how many records each list has, where it was asked.
        refusals: why a list was refused, where it was.
        features: the account's switches; empty where they cannot be read.
    """
    plans = []
    for stream in streams:
        if stream.is_default:
            reason = _why_not(stream, refusals, features)
            plans.append(
                StreamPlan(stream.name, False, reason, None, 0, 0, False) if reason else _planned(stream, counts)
            )
    return tuple(plans)


def seconds_for(requests: int, requests_per_15_s: int) -> float:
    """How long the pace alone makes that many requests take; 0 for no pace."""
    return requests / requests_per_15_s * _WINDOW_SECONDS if requests_per_15_s else 0.0


def _why_not(stream: Stream, refusals: Mapping[str, str], features: Mapping[str, object]) -> str:
    if stream.feature and features.get(stream.feature) is False:
        return f"switched off in the account ({stream.feature})"
    if stream.name in refusals:
        return refusals[stream.name]
    if stream.parent and stream.parent.stream in refusals:
        return f"it is read by {stream.parent.stream}: {refusals[stream.parent.stream]}"
    return ""


def _planned(stream: Stream, counts: Mapping[str, int | None]) -> StreamPlan:
    if stream.parent:
        parents = counts.get(stream.parent.stream) or 0
        daily = min(parents, ceil(parents * _DAILY_SHARE) + share_of(parents, CHILDREN_WITHIN_RUNS))
        return StreamPlan(stream.name, True, "", None, parents, daily, True)
    records = counts.get(stream.name)
    pages = page_count(records)
    first = most_requests(records or 0) if stream.date_field else pages
    daily = pages if not stream.has_updated_since else 1 + bool(stream.live)
    return StreamPlan(stream.name, True, "", records, first, daily, False)
