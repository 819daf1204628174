"""What Harvest had: every state of the account that a run could have seen, noted while it is asked."""

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
# A record without what Harvest embeds of others in it, its lists included; comparable, whatever the order.
OwnValues = tuple[frozenset[Any], frozenset[Any]]

DEFAULT = tuple(name for name, stream in STREAMS.items() if stream.is_default)
_PATHS = {name: re.compile("/v2/" + re.sub(r"\{(\w+)\}", r"(?P<\1>\\d+)", STREAMS[name].path)) for name in DEFAULT}


def key_of(stream: str, row: Mapping[str, Any]) -> Key:
    """What identifies a record or a row within its account."""
    return tuple(row[name] for name in STREAMS[stream].key if name != "account_id")


def _embedded_prefixes() -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for stream in STREAMS.values():
        for copy in stream.embeds:
            found.setdefault(copy.table_of(stream.table_name), set()).add(copy.prefix)
    return {table: tuple(prefixes) for table, prefixes in found.items()}


_EMBEDDED = _embedded_prefixes()


# A position may be that much earlier than the first answer: the time that answers take is taken off.
UNSEEN_SECONDS = 60
# What Fault.UNKNOWN_FIELD adds to records: no truth knows of it.
NEWS = "brand_new_"


def own_values(table: str, root: Mapping[str, Any], children: Mapping[str, Iterable[Mapping[str, Any]]]) -> OwnValues:
    """The values of a record that are its own."""
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
    """The account between two changes.

    Attributes:
        at: seconds on the simulator's clock.
        alive: by stream, the keys that are there, and the `updated_at` of each.
    """

    at: float
    alive: Mapping[str, Mapping[Key, str | None]]


@dataclass
class Partial:
    """A run that from its first answer to its last was not shown everything.

    Attributes:
        moment: the number of the moment of its first answer.
        from_at: the earliest position that such a run may leave, in seconds on the simulator's clock.
        to_at: when it had ended.
        heard: by stream, the keys in its answers.
    """

    moment: int
    from_at: float
    to_at: float
    heard: dict[str, set[Key]] = field(default_factory=dict)


class History:
    """All versions of all records, and the moments in which they were there."""

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self.versions: dict[tuple[str, Key], set[OwnValues]] = {}
        self.moments: list[Moment] = []
        self.partial: list[Partial] = []
        self._last: dict[str, dict[Key, Mapping[str, Any]]] = {}

    def note(self, at: float, truth: Mapping[str, list[Mapping[str, Any]]]) -> None:
        """The account is like this now."""
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
        """A record looked like this once."""
        rows = truth_rows(stream, [record], self.account_id)
        table = STREAMS[stream].table_name
        (root,) = rows.pop(table)
        self.versions.setdefault((stream, key), set()).add(own_values(table, root, rows))

    def hear(self, path: str, data: Any, heard: dict[str, set[Key]]) -> None:
        """An answer to somebody who may not see everything: what it says is a version, too; its keys are added to `heard`."""
        for stream, pattern in _PATHS.items():
            if found := pattern.fullmatch(path):
                injected = {name: int(value) for name, value in found.groupdict().items()}
                data_key = STREAMS[stream].data_key
                for record in data[data_key] if data_key else [data]:
                    key = key_of(stream, {**record, **injected})
                    self.add(stream, key, {**record, **injected})
                    heard.setdefault(stream, set()).add(key)

    def before(self, at: float) -> int | None:
        """The number of the moment just before an instant; None where nothing is known of that."""
        return next((number for number in reversed(range(len(self.moments))) if self.moments[number].at < at), None)

    def partial_at(self, at: float) -> Partial | None:
        """The run at that instant, if it was not shown everything."""
        return next((run for run in self.partial if run.from_at <= at <= run.to_at), None)

    def always_alive(self, stream: str, since: int) -> set[Key]:
        """The keys that were there in each moment from the one numbered `since` on."""
        keys = set(self.moments[since].alive[stream])
        return keys.intersection(*(moment.alive[stream] for moment in self.moments[since + 1 :]))


class WatchedSimulator(Simulator):
    """A simulator whose states are noted, and that counts what it is asked."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.chronicle = History(self.account_id)
        self._noted: tuple[object, ...] = ()
        self._asked = 0
        self._acts: dict[int, list[Callable[[], object]]] = {}
        self._run: Partial | None = None
        self._is_partial = True

    def at_request(self, number: int, act: Callable[[], object]) -> None:
        """Call `act` before the request of that number from now on is answered, counted from 1."""
        self._acts.setdefault(self._asked + number, []).append(act)

    def begin_run(self) -> None:
        """What is asked from now on is asked by a new run."""
        self._run, self._is_partial = None, True

    def end_run(self) -> None:
        """It has ended, and nothing happens at any request any more."""
        self._acts.clear()
        if self._run and self._is_partial:
            self._run.to_at = self.clock.now().timestamp()
            self.chronicle.partial.append(self._run)

    def look(self) -> None:
        """Note the account as it is, if anything changed."""
        with self.store.lock:
            # The hours of a running timer are told to the hundredth.
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
