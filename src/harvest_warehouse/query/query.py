"""Run a read-only SQL query on the warehouse, with bare table names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from dlt.common.exceptions import DltException

from harvest_time_tracking import SettingWrong, printable
from harvest_warehouse.database import Answer, Database, NotReadable
from harvest_warehouse.database.read_only import reading
from harvest_warehouse.destinations.duckdb.client import mended_by
from harvest_warehouse.destinations.interruptible import TookTooLong, interruptible, leave
from harvest_warehouse.query.statement_guard import guarded, question
from harvest_warehouse.warehouse import Target

SECONDS = 300.0
"""Default time limit of a query, in seconds."""
_SHOW_TABLES = ("show tables", "show all tables")
_ROWS_AT_ONCE = 5_000


@dataclass(frozen=True)
class QueryReport:
    """Result of a query.

    Attributes:
        columns: their names, each of them once.
        rows: the rows as the database gave them.
        is_cut: whether there are more rows than these.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool = False


def query(warehouse: Target, statement: str, *, limit: int | None = None, seconds: float = SECONDS) -> QueryReport:
    """Run a query on an account's database, and return its rows in memory.

    Args:
        warehouse: where the tables are. Those of Harvest and those of the marts are found by their bare names.
        statement: one select, with, describe, summarize or show, in the database's own SQL.
        limit: at most so many rows; None for all.
        seconds: how long the database may take; it is then told to stop.

    Raises:
        SettingWrong: for anything that is no question, that names another table or a function that may do more than
            compute, that the database does not understand, or that takes too long.
        NotReadable: where another program has the database.
    """
    with streamed(warehouse, statement, seconds=seconds) as answer:
        rows = list(islice((row for batch in answer.batches for row in batch), None if limit is None else limit + 1))
    is_cut = limit is not None and len(rows) > limit
    return QueryReport(answer.columns, tuple(rows[:limit] if is_cut else rows), is_cut)


@contextmanager
def streamed(warehouse: Target, statement: str, *, seconds: float = SECONDS) -> Iterator[Answer]:
    """Run a query and stream its answer, a few thousand rows at a time. Takes and raises what `query` does.

    Ctrl-C, SIGTERM and the time limit end it, and what the database's server does for it.
    """
    with reading(warehouse) as database:
        known = database.tables()
        if statement.strip().rstrip("; ").lower() in _SHOW_TABLES:
            listed: list[tuple[Any, ...]] = sorted((table.db, name) for name, table in known.items())
            yield Answer(("schema_name", "table_name"), iter([listed]))
            return
        tree = guarded(question(statement, database.dialect), known)
        asking = database.asking(tree, seconds, _ROWS_AT_ONCE)
        answer = _waited(database, asking, asking.__enter__, seconds)
        try:
            yield Answer(_distinct(answer.columns), _batches(database, asking, answer, seconds))
        finally:
            if not database.is_left:
                asking.__exit__(None, None, None)


def limited(answer: Answer, limit: int | None) -> Answer:
    """Limit an answer to its first rows; all of them if the limit is None or 0."""
    if not limit:
        return answer
    rows = islice((row for batch in answer.batches for row in batch), limit)
    return Answer(answer.columns, iter(lambda: list(islice(rows, _ROWS_AT_ONCE)), []))


def _batches(database: Database, asking: object, answer: Answer, seconds: float) -> Iterator[list[tuple[Any, ...]]]:
    while batch := _waited(database, asking, lambda: next(answer.batches, []), seconds):
        yield batch


def _waited(database: Database, asking: object, work: Any, seconds: float) -> Any:
    def unended() -> None:
        # DuckDB hears nothing while it plans, or within one function of one row.
        database.leave()
        leave((database, asking))

    try:
        return interruptible(work, database.cancel, seconds, unended)
    except TookTooLong:
        raise SettingWrong(_too_long(seconds)) from None
    except RecursionError:
        raise SettingWrong("This statement is nested too deeply for the database.") from None
    except DltException as error:
        if "statement timeout" in str(error):
            raise SettingWrong(_too_long(seconds)) from None
        if hint := mended_by(str(error)):
            raise NotReadable(f"The database says: {printable(str(error))}{hint}") from error
        raise SettingWrong(f"The database rejected it: {printable(str(error))}") from error


def _too_long(seconds: float) -> str:
    return f"The query took longer than {seconds:g} seconds and was stopped: simplify it, or allow more with --timeout."


def _distinct(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Number duplicate column names: as JSON, one would hide the other."""
    names: list[str] = []
    for column in columns:
        name, number = column, 2
        while name in names:
            name, number = f"{column}_{number}", number + 1
        names.append(name)
    return tuple(names)
