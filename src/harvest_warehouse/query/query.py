"""Run a read-only SQL query on the warehouse, with unqualified table names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from dlt.common.exceptions import DltException
from sqlglot import exp

from harvest_time_tracking import SettingWrong, printable
from harvest_warehouse.database import Answer, Database, NotReadable
from harvest_warehouse.database.read_only import reading
from harvest_warehouse.destinations.duckdb.client import mended_by
from harvest_warehouse.destinations.interruptible import TookTooLong, interruptible, leave
from harvest_warehouse.query.statement_guard import guarded, of_account, question
from harvest_warehouse.warehouse import Target

SECONDS = 300.0
"""Default time limit of a query, in seconds."""
_SHOW_TABLES = ("show tables", "show all tables")
_ROWS_AT_ONCE = 5_000


@dataclass(frozen=True)
class QueryReport:
    """Result of a query.

    Attributes:
        columns: column names, made unique.
        rows: rows as the database returned them.
        is_cut: whether there are more rows.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool = False


def query(
    warehouse: Target, statement: str, *, limit: int | None = None, seconds: float = SECONDS, account_id: str = ""
) -> QueryReport:
    """Run a query on an account's database, and return its rows in memory.

    Args:
        warehouse: target with the tables; unqualified names find those of Harvest and of the marts.
        statement: one select, with, describe, summarize or show statement, in the database's own dialect.
        limit: maximum number of rows; None for all.
        seconds: time limit, after which the query is cancelled.
        account_id: account whose rows alone the query sees; empty for all.

    Raises:
        SettingWrong: nothing was loaded, or the statement is not read-only, uses a table of another schema or a function
            that is not allowed, is refused by the database, or takes too long.
        NotReadable: the database cannot be opened, or its file is damaged.
    """
    with streamed(warehouse, statement, seconds=seconds, account_id=account_id) as answer:
        return _whole(answer, limit)


def query_on(
    database: Database,
    statement: str | exp.Query,
    *,
    limit: int | None = None,
    seconds: float = SECONDS,
    values: Mapping[str, object] | None = None,
) -> QueryReport:
    """Run a query on an open read-only connection, for several queries of one state. Arguments and errors as in `query`.

    Args:
        database: connection from `reading`.
        values: if given, the statement is of our own: in DuckDB's SQL on `marts.`, with a value for each `:name` in it.
    """
    with _answered(database, statement, seconds, values) as answer:
        return _whole(answer, limit)


def _whole(answer: Answer, limit: int | None) -> QueryReport:
    rows = list(islice((row for batch in answer.batches for row in batch), None if limit is None else limit + 1))
    is_cut = limit is not None and len(rows) > limit
    return QueryReport(answer.columns, tuple(rows[:limit] if is_cut else rows), is_cut)


@contextmanager
def streamed(warehouse: Target, statement: str, *, seconds: float = SECONDS, account_id: str = "") -> Iterator[Answer]:
    """Run a query and stream its result, a few thousand rows at a time. Arguments and errors as in `query`.

    Ctrl-C, SIGTERM and the time limit cancel it, on the database server too.
    """
    with reading(warehouse) as database, _answered(database, statement, seconds, account_id=account_id) as answer:
        yield answer


@contextmanager
def _answered(
    database: Database,
    statement: str | exp.Query,
    seconds: float,
    values: Mapping[str, object] | None = None,
    account_id: str = "",
) -> Iterator[Answer]:
    known = database.tables()
    text = statement if isinstance(statement, str) and values is None else database.translated(statement, values)
    if text.strip().rstrip("; ").lower() in _SHOW_TABLES:
        listed: list[tuple[Any, ...]] = sorted((table.db, name) for name, table in known.items())
        yield Answer(("schema_name", "table_name"), iter([listed]))
        return
    tree = guarded(question(text, database.dialect), known)
    if account_id:
        tree = of_account(tree, known, account_id)
    asking = database.asking(tree, seconds, _ROWS_AT_ONCE)
    answer = _waited(database, asking, asking.__enter__, seconds)
    try:
        yield Answer(_distinct(answer.columns), _batches(database, asking, answer, seconds))
    finally:
        if not database.is_left:
            asking.__exit__(None, None, None)


def limited(answer: Answer, limit: int | None) -> Answer:
    """Limit a result to its first rows; all of them if the limit is None or 0."""
    if not limit:
        return answer
    rows = islice((row for batch in answer.batches for row in batch), limit)
    return Answer(answer.columns, iter(lambda: list(islice(rows, _ROWS_AT_ONCE)), []))


def _batches(database: Database, asking: object, answer: Answer, seconds: float) -> Iterator[list[tuple[Any, ...]]]:
    while batch := _waited(database, asking, lambda: next(answer.batches, []), seconds):
        yield batch


def _waited(database: Database, asking: object, work: Any, seconds: float) -> Any:
    def unended() -> None:
        # DuckDB cannot be interrupted while it plans, or within a single function call.
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
    """Number duplicate column names: in JSON output, one would replace the other."""
    names: list[str] = []
    for column in columns:
        name, number = column, 2
        while name in names:
            name, number = f"{column}_{number}", number + 1
        names.append(name)
    return tuple(names)
