"""Preflight check: try in a scratch schema, which is dropped again, whether the database permits what a sync does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from dlt.common.exceptions import DltException
from dlt.common.utils import uniq_id

from harvest_time_tracking import HarvestError, printable
from harvest_warehouse.database import open_database
from harvest_warehouse.database.lock import exclusive_lock
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.system_tables import SystemTable, write_rows
from harvest_warehouse.warehouse import Target

_LOADED = SystemTable("trial", "A row that is loaded as a sync loads", ("id",), (("id", "bigint", "Its key"),), "merge")
_COLUMNS = "(id bigint, hours decimal(38, 9), note text)"


@dataclass(frozen=True)
class Preflight:
    """Result of the preflight check.

    Attributes:
        done: names of the steps that succeeded.
        failed: name of the step that failed; None if all succeeded.
        said: error message of the database.
        missing: statement that grants the missing permission, if known for the step.
    """

    done: tuple[str, ...]
    failed: str | None = None
    said: str = ""
    missing: str = ""


def preflight(warehouse: Target) -> Preflight:
    """Connect, create a schema and a table in it, write, merge, index, lock, load as dlt does, and drop it all."""
    name = f"harvest_doctor_{uniq_id(4)}"
    with tempfile.TemporaryDirectory() as folder:
        scratch = replace(
            warehouse, pipeline_name=name, dataset_name=name, marts_name=f"{name}_marts", pipelines_dir=Path(folder)
        )
        return _Preflight(warehouse, scratch, name).run()


class _Preflight:
    """State of one preflight check, in a schema of its own or, if it may create none, in the existing ones."""

    def __init__(self, warehouse: Target, scratch: Target, table: str) -> None:
        self._warehouse = warehouse
        self._scratch = scratch
        self._table = table
        self._has_schema = False
        self._done: list[str] = []

    def run(self) -> Preflight:
        """Run the steps until one fails."""
        step = ""
        try:
            for step, take in self._steps():
                take()
                self._done.append(step)
        except (DltException, HarvestError) as error:
            said = _said(error)
            with suppress(DltException):
                self._drop()
            return Preflight(tuple(self._done), step, said, self._missing(step))
        return Preflight(tuple(self._done))

    def _steps(self) -> Iterator[tuple[str, Callable[[], object]]]:
        name = self._table
        yield "connect", lambda: self._run("select 1")
        yield "make a schema", self._make_schema
        yield "make a table", lambda: self._run(f"create table {name} {_COLUMNS}")
        yield "write", lambda: self._run(f"insert into {name} values (1, 1.5, 'written'), (2, 2.5, 'kept')")
        yield (
            "merge",
            lambda: self._run(
                f"delete from {name} where exists (select 1 from {name} as staged where staged.id = {name}.id and staged.id = 1)",
                f"insert into {name} select 1, cast(2.5 as decimal(38, 9)), 'merged'",
                f"update {name} set note = 'changed' where id = 1",
            ),
        )
        if self._warehouse.kind.has_indexes:
            yield "make an index", lambda: self._run(f"create index {name}_by_id on {name} (id)")
        yield "lock", self._lock
        if self._has_schema:
            yield "load", lambda: write_rows(Run(self._scratch), _LOADED.holding([{"id": 1}]))
        yield "drop", self._drop

    def _run(self, *statements: str) -> None:
        with open_database(self._scratch) as database:
            database.run(statements)

    def _make_schema(self) -> None:
        try:
            with open_database(self._scratch) as database:
                database.make_dataset()
            self._has_schema = True
        except DltException:
            # Without the permission to create schemas, the existing ones will do if none is missing.
            self._scratch = self._warehouse
            with open_database(self._warehouse) as database:
                if database.missing_datasets():
                    raise

    def _lock(self) -> None:
        with exclusive_lock(self._scratch):
            pass

    def _drop(self) -> None:
        if self._has_schema:
            with open_database(self._scratch) as database:
                database.drop_datasets()
        else:
            self._run(f"drop table if exists {self._table}")

    def _missing(self, step: str) -> str:
        """Statement that grants the missing permission, with the names of this database."""
        template, who = self._warehouse.kind.permissions.get(step), self._warehouse.kind.who
        if not template or not who:
            return ""
        with open_database(self._warehouse) as database:
            [(name, user)] = database.rows(who)
        return template.format(database=name, user=user, schema=self._warehouse.dataset_name)


def _said(error: BaseException) -> str:
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    # Some errors, such as a driver's own timeout, have no message.
    return printable(next(iter(str(error).strip().splitlines()), "")) or type(error).__name__
