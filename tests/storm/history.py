"""History of the account: every state that a run could have seen, recorded as requests arrive."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harvest_simulator import Simulator
from harvest_simulator.http.responses import Answer
from harvest_simulator.server import Asked
from harvest_time_tracking import STREAMS
from support.accounts import truth_rows

Key = tuple[Any, ...]
# Own values of a record and of its lists, without denormalised copies; comparable in any order.
OwnValues = tuple[frozenset[Any], frozenset[Any]]

DEFAULT = tuple(name for name, stream in STREAMS.items() if stream.is_default)
_PATHS = {name: re.compile("/v2/" + re.sub(r"\{(\w+)\}", r"(?P<\1>\\d+)", STREAMS[name].path)) for name in DEFAULT}


def key_of(stream: str, row: Mapping[str, Any]) -> Key:
    """Key of a record or a row within its account."""
    return tuple(row[name] for name in STREAMS[stream].key if name != "account_id")


def _embedded_prefixes() -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for stream in STREAMS.values():
        for copy in stream.embeds:
            found.setdefault(copy.table_of(stream.table_name), set()).add(copy.prefix)
    return {table: tuple(prefixes) for table, prefixes in found.items()}


_EMBEDDED = _embedded_prefixes()


# How much earlier than its first response a cursor may be, since the duration of responses is subtracted.
UNSEEN_SECONDS = 60
# Prefix of the fields that Fault.UNKNOWN_FIELD adds, which are not in the truth.
NEWS = "brand_new_"


def own_values(table: str, root: Mapping[str, Any], children: Mapping[str, Iterable[Mapping[str, Any]]]) -> OwnValues:
    """Own values of a record, without denormalised copies."""
    lists = (
        (name, frozenset(Counter(_own(name, row) for row in rows).items()))
        for name, rows in children.items()
        if NEWS not in name
    )
    return _own(table, root), frozenset((name, rows) for name, rows in lists if rows)


def _own(table: str, row: Mapping[str, Any]) -> frozenset[Any]:
    prefixes = _EMBEDDED.get(table, ())
    return frozenset(
        (name, value)
        for name, value in row.items()
        if value is not None and not name.startswith(("_dlt_", "_harvest_deleted", NEWS, *prefixes))
    )


@dataclass(frozen=True)
class Moment:
    """State of the account between two changes.

    Attributes:
        at: time in seconds on the simulator's clock.
        alive: `updated_at` by key of the existing records, by stream.
    """

    at: float
    alive: Mapping[str, Mapping[Key, str | None]]


@dataclass
class Partial:
    """Run whose token had restricted access from its first response to its last.

    Attributes:
        moment: number of the state at its first response.
        from_at: earliest cursor that the run may store, in seconds on the simulator's clock.
        to_at: end of the run.
        heard: keys in its responses, by stream.
    """

    moment: int
    from_at: float
    to_at: float
    heard: dict[str, set[Key]] = field(default_factory=dict)


class History:
    """All versions of all records, and the states of the account in which they existed."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self.versions: dict[tuple[str, Key], set[OwnValues]] = {}
        self.moments: list[Moment] = []
        self.partial: list[Partial] = []
        self._last: dict[str, dict[Key, Mapping[str, Any]]] = {}

    def note(self, at: float, truth: Mapping[str, list[Mapping[str, Any]]]) -> None:
        """Record the present state of the account."""
        now = {stream: {key_of(stream, record): record for record in truth[stream]} for stream in DEFAULT}
        for stream, records in now.items():
            before = self._last.get(stream, {})
            for key, record in records.items():
                if before.get(key) != record:
                    self.add(stream, key, record)
        self._last = now
        alive = {
            stream: {key: record.get("updated_at") for key, record in records.items()}
            for stream, records in now.items()
        }
        self.moments.append(Moment(at, alive))

    def add(self, stream: str, key: Key, record: Mapping[str, Any]) -> None:
        """Record a version of a record."""
        rows = truth_rows(stream, [record], self.account_id)
        table = STREAMS[stream].table_name
        (root,) = rows.pop(table)
        self.versions.setdefault((stream, key), set()).add(own_values(table, root, rows))

    def hear(self, path: str, data: Any, heard: dict[str, set[Key]]) -> None:
        """Record the versions in a response to a token with restricted access, and add its keys to `heard`."""
        for stream, pattern in _PATHS.items():
            if found := pattern.fullmatch(path):
                injected = {name: int(value) for name, value in found.groupdict().items()}
                data_key = STREAMS[stream].data_key
                for record in data[data_key] if data_key else [data]:
                    key = key_of(stream, {**record, **injected})
                    self.add(stream, key, {**record, **injected})
                    heard.setdefault(stream, set()).add(key)

    def before(self, at: float) -> int | None:
        """Number of the last state before a time; None if none is known."""
        return next((number for number in reversed(range(len(self.moments))) if self.moments[number].at < at), None)

    def partial_at(self, at: float) -> Partial | None:
        """Run with restricted access at a time; None if there was none."""
        return next((run for run in self.partial if run.from_at <= at <= run.to_at), None)

    def always_alive(self, stream: str, since: int) -> set[Key]:
        """Keys that existed in every state from number `since` on."""
        keys = set(self.moments[since].alive[stream])
        return keys.intersection(*(moment.alive[stream] for moment in self.moments[since + 1 :]))


class WatchedSimulator(Simulator):
    """Simulator that records its history, and counts requests."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.chronicle = History(self.account_id)
        self._noted: tuple[object, ...] = ()
        self._asked = 0
        self._acts: dict[int, list[Callable[[], object]]] = {}
        self._run: Partial | None = None
        self._is_partial = True

    def at_request(self, number: int, act: Callable[[], object]) -> None:
        """Call `act` before request `number` of the run, counted from 1, is answered."""
        self._acts.setdefault(self._asked + number, []).append(act)

    def begin_run(self) -> None:
        """Start a new run: further requests belong to it."""
        self._run, self._is_partial = None, True

    def end_run(self) -> None:
        """End the run, and cancel its pending actions."""
        self._acts.clear()
        if self._run and self._is_partial:
            self._run.to_at = self.clock.now().timestamp()
            self.chronicle.partial.append(self._run)

    def look(self) -> None:
        """Record the state of the account, if anything changed."""
        with self.store.lock:
            # The hours of running timers change by hundredths.
            now = (
                self.store.version,
                int(self.clock.now().timestamp()),
                self._viewer,
                str(self.store.company.features),
            )
            if now != self._noted:
                self._noted = now
                self.chronicle.note(self.clock.now().timestamp(), self.truth())

    def _answer(self, asked: Asked) -> Answer:
        with self.store.lock:
            self._asked += 1
            for act in self._acts.pop(self._asked, ()):
                act()
            self.look()
            answer = super()._answer(asked)
            now = self.clock.now().timestamp()
            self._run = self._run or Partial(len(self.chronicle.moments) - 1, now - UNSEEN_SECONDS + 1, now)
            if self._viewer.is_administrator:
                self._is_partial = False
            elif answer.status == 200:
                self.chronicle.hear(asked.path, answer.data, self._run.heard)
            return answer
