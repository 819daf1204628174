"""Report of the status: per account, the ages of its tables, its last runs, and what of it is proven."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from harvest_warehouse.notify import Outcome
from harvest_warehouse.notify.journal import Running


@dataclass(frozen=True)
class TableStatus:
    """Status of one table that a list of Harvest is read into.

    Attributes:
        stream: name of the list.
        table: name of the table.
        read_at: when the last run began that read it completely; None if none did.
        outcome: outcome in the last run that read it.
        reason: why that was not complete, else empty.
        age: time since `read_at`; None if it was never read completely.
        is_old: whether that is longer than it may be. A list that is skipped, or read only when named, is never old.
    """

    stream: str
    table: str
    read_at: datetime | None
    outcome: str
    reason: str
    age: timedelta | None
    is_old: bool


@dataclass(frozen=True)
class RunStatus:
    """One run, from `harvest_runs`.

    Attributes:
        run_id: id of the run.
        started_at: when it began (aware).
        ended_at: when it had read everything (aware).
        streams: number of lists by outcome.
        rows: number of records that Harvest sent.
        requests: number of requests, retries included.
        retries: how many of these were retries.
    """

    run_id: str
    started_at: datetime
    ended_at: datetime
    streams: Mapping[str, int]
    rows: int
    requests: int
    retries: int

    @property
    def has_failed(self) -> bool:
        """True if it stopped before it had read everything."""
        return bool(self.streams.get("failed") or self.streams.get("stopped"))


@dataclass(frozen=True)
class Proof:
    """Last comparison of each figure with Harvest's reports.

    Attributes:
        compared_at: when the newest comparison was made (aware).
        until: last day that was compared.
        verdicts: number of figures by verdict.
        not_proven: number of figures that do not agree, by report.
    """

    compared_at: datetime
    until: date
    verdicts: Mapping[str, int]
    not_proven: Mapping[str, int]


@dataclass(frozen=True)
class Reread:
    """How much of history was read again lately, whether or not it seemed to have changed.

    Attributes:
        share: share of rows of dated lists in months that were read in full since `since`.
        since: start of what counts as lately.
        oldest: when the month that went unread the longest was read in full; None if nothing is known of one.
    """

    share: float
    since: datetime
    oldest: datetime | None


@dataclass(frozen=True)
class AccountStatus:
    """Status of one account.

    Attributes:
        account_id: the Harvest account.
        tables: its tables, in the order of the catalogue.
        runs: its last runs, newest first.
        loaded_at: when the last run began that did not fail; None if none did.
        age: time since then.
        is_old: whether that, or a table, is older than it may be.
        failures: number of runs that failed since.
        proof: the last comparison with Harvest's reports; None if there was none.
        reread: how much of history was read again lately; None if there is none.
    """

    account_id: str
    tables: tuple[TableStatus, ...]
    runs: tuple[RunStatus, ...]
    loaded_at: datetime | None
    age: timedelta | None
    is_old: bool
    failures: int
    proof: Proof | None
    reread: Reread | None


@dataclass(frozen=True)
class StatusReport:
    """Status of a database.

    Attributes:
        database: location of the database.
        at: time of the report (aware).
        max_age: age from which data is old.
        accounts: status of each account; none if the database cannot be read now.
        unread: why the database cannot be read now; empty if it was read.
        running: runs that are under way on this machine.
        last: last run of each command on this machine, by command.
        failures: number of runs of `sync` on this machine that failed since the last one that did not.
        next_steps: what to do next, as sentences.
    """

    database: str
    at: datetime
    max_age: timedelta
    accounts: tuple[AccountStatus, ...]
    unread: str
    running: tuple[Running, ...]
    last: Mapping[str, Outcome]
    failures: int
    next_steps: tuple[str, ...]

    @property
    def is_old(self) -> bool:
        """True if data is older than it may be, or it cannot be told how old it is."""
        if self.accounts:
            return any(account.is_old for account in self.accounts)
        good = self.last_good
        return good is None or self.at - good.started_at > self.max_age

    @property
    def last_good(self) -> Outcome | None:
        """Last run of `sync` on this machine, if it did not fail."""
        last = self.last.get("sync")
        return last if last and not last.has_failed else None
