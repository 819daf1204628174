"""Read the warehouse for one tool call: a short connection, one call at a time, with limits on time, rows and characters."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlglot import exp

from harvest_time_tracking import HarvestError, SettingWrong
from harvest_warehouse.database import Database, NotReadable
from harvest_warehouse.database.read_only import reading
from harvest_warehouse.destinations.dialect import HOME
from harvest_warehouse.mcp.answer import Answer, Column, Trust, cells
from harvest_warehouse.mcp.hidden_names import without_names
from harvest_warehouse.mcp.worker import WORKER
from harvest_warehouse.query import QueryReport, query_on
from harvest_warehouse.semantics import semantic_model
from harvest_warehouse.semantics.metric_query import ACCOUNT, narrowed
from harvest_warehouse.warehouse import Target

_SECONDS_OF_WAITING = 8.0
_SECONDS_BETWEEN_TRIES = 0.5
# Texts that people write; what else is text comes from a list of Harvest's or ours.
_WORDS_OF_PEOPLE = re.compile(
    r"name|subject|description|notes|email|number|code|phone|address|content|because_of|query"
)


class Busy(HarvestError):
    """The database is being written, or another call has not ended."""


@dataclass
class WarehouseReader:
    """Reader of one warehouse for the tools.

    Attributes:
        warehouse: target with the marts.
        most_rows: largest number of rows in an answer.
        seconds: time limit of a statement.
        hides_names: whether people's names are replaced by their ids.
    """

    warehouse: Target
    most_rows: int = 200
    seconds: float = 20.0
    hides_names: bool = False
    # DuckDB refuses a second connection with its own settings in one process, so calls take turns.
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def opened(self) -> Iterator[Database]:
        """Open a read-only connection with the marts for the duration of a block; a writer is waited for a few seconds.

        Raises:
            SettingWrong: nothing was loaded, or the marts are not built.
            Busy: the database stays locked.
            NotReadable: the database cannot be opened.
        """
        until = time.monotonic() + _SECONDS_OF_WAITING
        if not self._turn.acquire(timeout=_SECONDS_OF_WAITING):
            raise Busy("Another question is still being answered: ask again in a moment.")
        try:
            with self._entered(until) as database:
                yield database
        finally:
            self._turn.release()

    @contextmanager
    def _entered(self, until: float) -> Iterator[Database]:
        while True:
            opening = reading(self.warehouse, "dim_account")
            try:
                database = opening.__enter__()
                break
            except NotReadable as error:
                if time.monotonic() > until:
                    raise Busy(f"{error} (A load writes for moments only.)") from error
                time.sleep(_SECONDS_BETWEEN_TRIES)
        try:
            yield database
        finally:
            opening.__exit__(None, None, None)

    def limit(self, asked: int) -> int:
        """Number of rows to answer with."""
        return max(1, min(asked, self.most_rows))

    def shown(self, statement: exp.Query) -> exp.Query:
        """A statement of ours without people's names, if these are hidden."""
        return without_names(statement) if self.hides_names else statement

    def own(
        self, database: Database, statement: exp.Query, values: Mapping[str, object], account_id: str, limit: int
    ) -> QueryReport:
        """Run a statement of the semantic model, narrowed to an account."""
        values = {**values, ACCOUNT: account_id}
        return query_on(database, narrowed(self.shown(statement)), limit=limit, seconds=self.seconds, values=values)

    def written(self, statement: str, limit: int) -> QueryReport:
        """Run a statement that somebody else wrote. Raises SettingWrong without texts of rows in its message."""
        try:
            if self.warehouse.kind.speaks == HOME:
                return WORKER.ask(self.warehouse, statement, limit, self.seconds)
            # A database server ends a statement itself, and a connection to it holds up nobody.
            with self.opened() as database:
                return query_on(database, statement, limit=limit, seconds=self.seconds)
        except SettingWrong as error:
            raise SettingWrong(_without_rows(str(error), statement)) from None


def account_of(database: Database, account: str) -> str:
    """The account that is asked for; the only one if `account` is empty.

    Raises:
        SettingWrong: there are several and none is named, or there is no such account.
    """
    accounts = [str(row[0]) for row in database.rows("select account_id from marts.dim_account order by 1")]
    if not account and len(accounts) == 1:
        return accounts[0]
    if account not in accounts:
        raise SettingWrong(f"Name one of the accounts {', '.join(accounts)}.")
    return account


def answer(report: QueryReport, trust: Trust, notes: list[str], sql: str, table: str = "") -> Answer:
    """Answer with the rows of a query, units of its columns, and notes on what was cut."""
    rows, is_cut = cells(report.rows)
    is_cut = is_cut or report.is_cut
    if is_cut:
        notes = [*notes, f"Only the first {len(rows)} rows: never add these up, ask for the sum instead."]
    return Answer(trust, notes, columns(report.columns, table), rows, is_cut, sql)


def columns(names: tuple[str, ...], table: str = "") -> list[Column]:
    """Columns of an answer with their units."""
    model = semantic_model()
    made = []
    for name in names:
        metric = model.metrics.get(name)
        unit = metric.unit if metric else model.unit_of(table, name)
        made.append(Column(name, unit or "", unit is None and bool(_WORDS_OF_PEOPLE.search(name.lower()))))
    return made


def _without_rows(message: str, statement: str) -> str:
    """Message of a database without quoted texts that are not in the statement: they come from rows."""
    return re.sub(
        r"""(['"])(.+?)\1""", lambda found: found[0] if found[2] in statement else f"{found[1]}…{found[1]}", message
    )
