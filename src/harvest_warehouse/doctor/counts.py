"""Count an account's records with few requests: those of each list, and the parents of child streams."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from harvest_time_tracking import STREAMS, Client, HarvestError, Ledger, Session, Stream
from harvest_time_tracking.reading.calls import list_calls
from harvest_time_tracking.reading.pages import Pages
from harvest_time_tracking.reading.request_shares import Split
from harvest_time_tracking.reading.run_cache import ParentIndex

_A_MOMENT_SECONDS = 0.002
_PARENTS = frozenset(stream.parent.stream for stream in STREAMS.values() if stream.parent and stream.is_default)


@dataclass(frozen=True)
class Counts:
    """Counts of an account's records.

    Attributes:
        records: number of records by list; None if Harvest does not state it.
        parents: number of parents by child stream.
        refusals: errors of the lists that could not be counted.
    """

    records: Mapping[str, int | None]
    parents: Mapping[str, Split]
    refusals: Mapping[str, str]


def counts(client: Client, features: Mapping[str, object]) -> Counts:
    """Count each list with one small request; parent lists are read, since a count does not tell which may have children.

    Args:
        client: HTTP client.
        features: the account's feature switches; empty if they cannot be read.
    """
    records: dict[str, int | None] = {}
    rolls: dict[str, ParentIndex] = {}
    refusals: dict[str, str] = {} if features else {"company": "only administrators may read it"}
    lists = [stream for stream in STREAMS.values() if stream.is_default and not stream.parent and stream.data_key]
    asked = [stream for stream in lists if not stream.feature or features.get(stream.feature) is not False]
    start = client.settings.start_date
    futures = {}
    for stream in asked:
        if stream.name not in _PARENTS:
            params = {"from": start.isoformat()} if stream.date_field and start else {}
            futures[stream.name] = client.in_background(client.count, stream.path, params)
    for stream in asked:
        try:
            if stream.name in futures:
                records[stream.name] = futures[stream.name].result()
            else:
                rolls[stream.name] = _read(client, stream)
                records[stream.name] = rolls[stream.name].size
        except HarvestError as error:
            refusals[stream.name] = str(error)
    parents = {
        stream.name: rolls[stream.parent.stream].split(stream)
        for stream in STREAMS.values()
        if stream.parent and stream.is_default and stream.parent.stream in rolls
    }
    return Counts(records, parents, refusals)


def _read(client: Client, stream: Stream) -> ParentIndex:
    roll = Session(STREAMS).begin(stream, is_whole=True)
    pages = Pages(client, stream, Ledger().open(stream.name, stream.table_name), {})
    for step in pages.settled(list_calls(stream, client.settings.account_id, None, client.settings.start_date)):
        if step is None:
            time.sleep(_A_MOMENT_SECONDS)
        else:
            roll.note(step.page.records, step.page.date)
    return roll
