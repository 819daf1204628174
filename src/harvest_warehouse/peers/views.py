"""Make views or tables with another product's names, columns and types, in a schema of their own, and keep them up to date.

What was made is remembered in the table `harvest_views`, so that each sync makes it again where our tables changed, and a copy
to another destination makes it there.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlglot
from dlt.common.exceptions import DltException
from dlt.destinations.exceptions import DestinationConnectionError
from sqlglot import exp

from harvest_time_tracking import HarvestError, SettingWrong, printable
from harvest_warehouse.database import Database, pipeline_state
from harvest_warehouse.database.read_only import not_ours, unopened
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.runs import VERSION
from harvest_warehouse.database.system_tables import SystemTable, write_rows
from harvest_warehouse.destinations.dialect import HOME
from harvest_warehouse.peers.accounts import chosen_account
from harvest_warehouse.peers.layouts import Layout, PeerTable, layout
from harvest_warehouse.peers.select import peer_query, raw_columns
from harvest_warehouse.warehouse import Target

VIEWS = SystemTable(
    "harvest_views",
    "The schemas with tables in another product's layout, which each sync keeps up to date",
    ("account_id", "schema_name"),
    (
        ("account_id", "text", "Harvest account whose rows they have"),
        ("schema_name", "text", "The schema that they are in"),
        ("layout", "text", "Whose layout: airbyte, fivetran or stitch"),
        ("is_tables", "bool", "True for tables, false for views"),
        ("digest", "text", "Digest of their definition: another one means that they are to be made again"),
        ("made_at", "timestamp", "When they were made first"),
    ),
    "merge",
)
_NEXT = "__next"


class ViewsFailed(HarvestError):
    """Views or tables in another product's layout could not be made. The earlier ones stay."""


@dataclass(frozen=True)
class Made:
    """Views or tables in another product's layout.

    Attributes:
        like: name of the layout.
        schema: database schema that they are in.
        account_id: account whose rows they have.
        is_tables: whether they are tables.
    """

    like: str
    schema: str
    account_id: str
    is_tables: bool


@dataclass(frozen=True)
class ViewsReport:
    """Result of making them.

    Attributes:
        made: what was made.
        place: location of the database.
        tables: their names.
        empty: those without rows, since their stream was never loaded.
        is_new: False if nothing had to be made again.
        seconds: duration.
    """

    made: Made
    place: str
    tables: tuple[str, ...]
    empty: tuple[str, ...]
    is_new: bool
    seconds: float

    @property
    def layout(self) -> Layout:
        """The layout."""
        return layout(self.made.like)


def views(
    warehouse: Target, like: str, *, schema: str = "", account_id: str = "", is_tables: bool = False
) -> ViewsReport:
    """Make views or tables in another product's layout, and remember them, so that each sync keeps them up to date.

    Args:
        warehouse: target with Harvest's tables.
        like: name of the layout.
        schema: database schema for them; the layout's own if empty.
        account_id: account whose rows they have; the only one if empty.
        is_tables: whether to make tables, which each sync fills again, instead of views.

    Raises:
        SettingWrong: no such layout or account, nothing was loaded, or the schema holds tables of somebody else.
        DatabaseBusy: another run is writing into the same database.
        DatabaseUnreachable: the database does not respond.
        ViewsFailed: the database refused.
    """
    wanted = layout(like)
    run = Run(warehouse)
    if not run.is_loaded():
        raise SettingWrong(f"{warehouse.place} is not there yet: run {warehouse.command('sync')} in this folder first.")
    with run.locked(), _refusals(warehouse), run.database() as database:
        if not database.names():
            raise SettingWrong(not_ours(warehouse))
        made = Made(like, _checked(warehouse, schema or wanted.schema), chosen_account(database, account_id), is_tables)
        if pipeline_state.has_unfinished(run):
            raise SettingWrong(
                f"The last run into {warehouse.place} was interrupted: run {warehouse.command('sync')}, and try again then."
            )
        known = {there.schema: there for there in remembered(database)}
        _refuse_others(database, made, known)
        earlier = known.get(made.schema)
        database.beside(made.schema).make_marts()
        if earlier and earlier.is_tables != made.is_tables:
            _drop(database, earlier)
        if earlier != made:
            # Before they are made: what is left of a run that was stopped would else count as somebody else's.
            _remember(run, made)
        try:
            report, digest = _make(warehouse, database, made)
        except DltException:
            if earlier is None:
                with suppress(DltException):
                    _forget(database, made)
            raise
        _note(database, report, digest)
    return report


def refresh_views(run: Run) -> tuple[ViewsReport, ...]:
    """Make again what is remembered, where our tables changed; tables are filled again. A step of a run that holds the lock.

    Raises:
        ViewsFailed: the database refused.
    """
    reports, refused = [], []
    with _refusals(run.warehouse), run.database("building") as database:
        for made in remembered(database):
            try:
                with _refusals(run.warehouse):
                    report, digest = _make(run.warehouse, database, made)
            except ViewsFailed as error:
                # Those in other schemas are made all the same.
                refused.append(f"Schema {made.schema}: {error}")
                continue
            _note(database, report, digest)
            reports.append(report)
    if refused:
        raise ViewsFailed(" ".join(refused))
    return tuple(reports)


def drop_views(warehouse: Target, schema: str) -> Made:
    """Drop the views or tables in a schema, and forget them. What else is in the schema stays.

    Raises:
        SettingWrong: there are none.
        ViewsFailed: the database refused, for example because other views depend on them.
    """
    run = Run(warehouse)
    if not run.is_loaded():
        raise SettingWrong(f"{warehouse.place} is not there yet: run {warehouse.command('sync')} in this folder first.")
    with run.locked(), _refusals(warehouse), run.database() as database:
        made = next((there for there in remembered(database) if there.schema == schema), None)
        if made is None:
            raise SettingWrong(f"There is nothing to drop: dlt-harvest made no views or tables in the schema {schema}.")
        _forget(database, made)
    return made


def remembered(database: Database) -> tuple[Made, ...]:
    """What was made, by schema."""
    if not database.columns(VIEWS.name):
        return ()
    rows = database.rows(f"select layout, schema_name, account_id, is_tables from {VIEWS.name} order by schema_name")
    return tuple(Made(like, schema, account_id, bool(is_tables)) for like, schema, account_id, is_tables in rows)


def _remember(run: Run, made: Made) -> None:
    """Remember what is to be made: without a digest, the next sync makes it again."""
    pipeline_state.adopt_database_state(run, made.account_id)
    row: dict[str, Any] = {"account_id": made.account_id, "schema_name": made.schema, "layout": made.like}
    write_rows(run, VIEWS.holding([{**row, "is_tables": made.is_tables, "digest": "", "made_at": datetime.now(UTC)}]))


def _note(database: Database, report: ViewsReport, digest: str) -> None:
    """Note that it was made."""
    if report.is_new:
        database.run(
            [f"update {VIEWS.name} set digest = :digest where schema_name = :schema"],
            {"digest": digest, "schema": report.made.schema},
        )


def _forget(database: Database, made: Made) -> None:
    _drop(database, made)
    database.run([f"delete from {VIEWS.name} where schema_name = :schema"], {"schema": made.schema})


def _drop(database: Database, made: Made) -> None:
    """Drop what is there: the schema itself may be gone, and a run that was stopped leaves tables under the next name."""
    there, kind = database.beside(made.schema), "table" if made.is_tables else "view"
    if found := sorted(_names(made).intersection(there.marts_tables())):
        there.run([f'drop {kind} if exists marts."{name}"' for name in found])


def _names(made: Made) -> set[str]:
    """Names that are made or used on the way."""
    return {name + suffix for name in layout(made.like).tables for suffix in ("", *([_NEXT] if made.is_tables else []))}


def _make(warehouse: Target, database: Database, made: Made) -> tuple[ViewsReport, str]:
    """Make them, if they are not as they should be; give the digest of their definition, too."""
    began, like, there = time.monotonic(), layout(made.like), database.beside(made.schema)
    raw = raw_columns(database)
    digest = _digest(made, like, raw)
    is_new = made.is_tables or not _is_as_made(database, there, made, digest)
    if is_new:
        there.make_marts()
        queries = {table: peer_query(like, table, made.account_id, database, raw) for table in like.tables.values()}
        _fill(there, queries) if made.is_tables else _define(there, queries)
    empty = tuple(table.name for table in like.tables.values() if not raw[table.base])
    seconds = round(time.monotonic() - began, 3)
    return ViewsReport(made, warehouse.place, tuple(like.tables), empty, is_new, seconds), digest


def _define(there: Database, queries: Mapping[PeerTable, exp.Query]) -> None:
    """Views: replaced in place, since views of others may depend on them."""
    statements = []
    for table, query in queries.items():
        view = sqlglot.parse_one(f'create or replace view marts."{table.name}" as select 1 as one', read=HOME)
        view.set("expression", query)
        statements.append(view)
    there.run(statements)


def _fill(there: Database, queries: Mapping[PeerTable, exp.Query]) -> None:
    """Tables: made beside the earlier ones, and put in their place at once."""
    exchange = []
    for table, query in queries.items():
        following = f"{table.name}{_NEXT}"
        there.run([f'drop table if exists marts."{following}"'])
        there.create(f'marts."{following}"', there.translated(query))
        exchange += [
            f'drop table if exists marts."{table.name}"',
            f'alter table marts."{following}" rename to "{table.name}"',
        ]
    there.run(exchange)


def _is_as_made(database: Database, there: Database, made: Made, digest: str) -> bool:
    """True if views of this definition are there."""
    if not database.columns(VIEWS.name):
        return False
    known = database.rows(
        f"select 1 from {VIEWS.name} where schema_name = :schema and digest = :digest",
        {"schema": made.schema, "digest": digest},
    )
    return bool(known) and set(layout(made.like).tables) <= set(there.marts_tables())


def _digest(made: Made, like: Layout, raw: Mapping[str, Sequence[str]]) -> str:
    """Digest of all that the views are made of."""
    tables = {table.base.partition("__")[0] for table in like.tables.values()}
    columns = sorted((name, sorted(have)) for name, have in raw.items() if name.partition("__")[0] in tables)
    return hashlib.sha256(repr((made, VERSION, like, columns)).encode()).hexdigest()[:16]


def _refuse_others(database: Database, made: Made, known: Mapping[str, Made]) -> None:
    """Refuse a schema with tables that are not ours: it may be the old copy itself."""
    if made.schema in known:
        earlier = known[made.schema]
        if (earlier.like, earlier.account_id) != (made.like, made.account_id):
            raise SettingWrong(
                f"The schema {made.schema} has tables like {earlier.like}'s of account {earlier.account_id} already: drop them "
                f"with `dlt-harvest views --drop --schema {made.schema}`, or choose another name with --schema."
            )
        return
    there = database.beside(made.schema).marts_tables()
    if strange := sorted(_names(made).intersection(there)):
        raise SettingWrong(
            f"The schema {made.schema} has tables of somebody else ({strange[0]}, ...), and nothing is written over: choose another "
            "name with --schema."
        )


def _checked(warehouse: Target, schema: str) -> str:
    staging = f"{warehouse.dataset_name}_staging"
    if schema.lower() in (warehouse.dataset_name, warehouse.marts_name, staging):
        raise SettingWrong(f"The schema {schema} is dlt-harvest's own: choose another name with --schema.")
    if (
        not schema.replace("_", "a").isalnum()
        or not schema.isascii()
        or schema[0].isdigit()
        or schema != schema.lower()
    ):
        raise SettingWrong(
            f"--schema takes a name of lower-case letters, digits and underscores, not {printable(schema)!r}."
        )
    return schema


@contextmanager
def _refusals(warehouse: Target) -> Iterator[None]:
    """Turn the database's errors into ours."""
    try:
        yield
    except DestinationConnectionError as error:
        raise ViewsFailed(unopened(warehouse, error)) from error
    except DltException as error:
        raise ViewsFailed(f"The database refused: {printable(str(error))} The earlier views stay.") from error
