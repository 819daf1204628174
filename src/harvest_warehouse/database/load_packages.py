"""Load pending dlt load packages, including those that an interrupted run left in dlt's working folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dlt
from dlt.common.exceptions import TerminalValueError
from dlt.common.schema import Schema
from dlt.common.schema.utils import get_root_table
from dlt.common.storages import FileStorage
from dlt.common.storages.load_package import PackageStorage, ParsedLoadJobFileName
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.load.exceptions import LoadClientJobRetry
from dlt.pipeline.exceptions import PipelineStepFailed

from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.database.run import Run
from harvest_warehouse.settings.process import give_memory_back

# About ten thousand rows as Parquet.
_SMALL_BYTES = 1_000_000
_TRIES = 5
# Follow-up jobs that dlt creates from a loaded file, to merge or copy it; they are created again when it is loaded again.
_MADE_BY_DLT = {"sql", "reference"}
# Order in which jobs are reset: those that mark a package as interrupted come last, so that a killed reset is repeated.
_STATES = ("completed_jobs", "failed_jobs", "new_jobs", "started_jobs")


def load_pending(run: Run, *, is_left: bool = False) -> tuple[str, ...]:
    """Normalise and load every pending load package; return the ids of those loaded.

    dlt opens a connection for each file, and closing a DuckDB file checkpoints its log, which is half the cost of a small load:
    so the run's connection stays open while small packages are loaded. Large ones fill DuckDB's memory, which closing frees.

    Args:
        run: the run, which holds the lock.
        is_left: whether the packages are from an earlier run.

    Raises:
        DltException: a package cannot be loaded; it stays pending.
    """
    run.pipeline.normalize()
    give_memory_back()
    _drop_halves(run.pipeline)
    loaded = _load(run, is_left=is_left)
    give_memory_back()
    return loaded


def drop_unseen(pipeline: dlt.Pipeline) -> None:
    """Drop extracted packages of a killed run that the access guard had not yet checked.

    Patch: dlt >=1.31,<1.32; no upstream issue known;
    can go when `test_dlt_aborts_no_extracted_package_by_its_id` fails.
    """
    for load_id in pipeline.list_extracted_load_packages():
        shutil.rmtree(Path(pipeline.working_dir) / "normalize" / "extracted" / load_id)


def _load(run: Run, *, is_left: bool) -> tuple[str, ...]:
    pipeline, warehouse = run.pipeline, run.warehouse
    waiting = pipeline.list_normalized_load_packages()
    # A file is never retried alone: it may be loaded, with only the database's confirmation lost.
    # Patch: dlt >=1.31,<1.32; no upstream issue known; can go when `test_dlt_tries_a_file_again_by_itself` fails.
    os.environ["LOAD__RAISE_ON_MAX_RETRIES"] = "1"
    # dlt's default, whatever the user's configuration says: without it, dlt marks a package with failed files as loaded.
    os.environ["LOAD__RAISE_ON_FAILED_JOBS"] = "true"
    for tries_left in reversed(range(_TRIES)):
        _begin_again(pipeline, is_whole=is_left and tries_left == _TRIES - 1)
        try:
            with _connected(run, is_again=tries_left < _TRIES - 1):
                pipeline.load(workers=warehouse.kind.load_workers)
        except PipelineStepFailed as error:
            if not tries_left or not isinstance(error.exception, LoadClientJobRetry):
                raise
            # A package that exceeds the memory limit, say with long texts in many rows, would do so every time: raise the limit.
            run.disconnect()
            pipeline = open_pipeline(warehouse, "mending")
        else:
            break
    return tuple(waiting)


@contextmanager
def _connected(run: Run, *, is_again: bool) -> Iterator[None]:
    """Hold one connection open for all files of small packages on the first try; otherwise dlt opens one for each file.

    Patch: dlt >=1.31,<1.32; no upstream issue known;
    can go when `test_dlt_closes_the_file_with_the_last_connection` fails.
    """
    if is_again or not 0 < _size(run.pipeline) <= _SMALL_BYTES:
        run.disconnect()
        yield
        return
    with run.database():
        yield


def _begin_again(pipeline: dlt.Pipeline, *, is_whole: bool) -> None:
    """Restart interrupted table loads: reset all files of a table with an unfinished file, and have its staging table emptied.

    dlt empties the staging tables once per package, and reloads a file that it did not record as loaded: a run killed in
    between would load its rows twice. The steps are ordered so that a killed restart is itself restarted.

    Patch: dlt >=1.31,<1.32;
    https://github.com/dlt-hub/dlt/issues/3023 and https://github.com/dlt-hub/dlt/pull/3767, which leaves a gap;
    can go when `test_dlt_loads_a_file_twice_where_a_killed_run_had_not_recorded_it` fails.

    Args:
        pipeline: the pipeline with the packages.
        is_whole: restart all tables of all packages: the database may be restored from a backup from before their load began,
            or the working folder from one from before it ended.
    """
    packages = PackageStorage(FileStorage(str(_waiting(pipeline))), "normalized")
    for load_id in packages.list_packages():
        jobs = packages.list_all_jobs_with_states(load_id)
        if not is_whole and not any(
            state == "started_jobs" or (state == "new_jobs" and job.retry_count) for state, job in jobs
        ):
            continue
        schema = packages.load_schema(load_id)
        roots = {job.table_name: get_root_table(schema.tables, job.table_name) for _, job in jobs}
        unfinished = {
            roots[job.table_name]["name"] for state, job in jobs if is_whole or state in ("new_jobs", "started_jobs")
        }
        again = [(state, job) for state, job in jobs if roots[job.table_name]["name"] in unfinished]
        appended = {job.table_name for _, job in again if roots[job.table_name]["write_disposition"] == "append"}
        _take_out(pipeline, schema, load_id, appended)
        package = _waiting(pipeline) / load_id
        if (applied := package / packages.APPLIED_SCHEMA_UPDATES_FILE_NAME).exists():
            # While the schema update is pending, dlt empties the staging tables.
            applied.rename(package / packages.SCHEMA_UPDATES_FILE_NAME)
        for state, job in sorted(again, key=lambda one: _STATES.index(one[0])):
            file = package / state / job.file_name()
            packages.clear_pending_transition(load_id, file.name)
            if job.file_format in _MADE_BY_DLT:
                file.unlink()
            else:
                file.rename(package / "new_jobs" / file.name)


def _take_out(pipeline: dlt.Pipeline, schema: Schema, load_id: str, appended: Collection[str]) -> None:
    """Delete the rows that a load package appended to tables without a staging table, and its row in dlt's loads table."""
    with pipeline.sql_client(schema.name) as client:
        for table, column in [
            *((name, "_dlt_load_id") for name in sorted(appended)),
            (schema.loads_table_name, "load_id"),
        ]:
            # The table may be missing in a restored or new database.
            with suppress(DatabaseUndefinedRelation):
                client.execute_sql(
                    f"DELETE FROM {client.make_qualified_table_name(table)} WHERE {column} = %s", load_id
                )


def _waiting(pipeline: dlt.Pipeline) -> Path:
    return Path(pipeline.working_dir) / "load" / "normalized"


def _size(pipeline: dlt.Pipeline) -> int:
    """Size of all pending job files, in bytes."""
    return sum(path.stat().st_size for path in _jobs(pipeline))


def _jobs(pipeline: dlt.Pipeline) -> Iterator[Path]:
    return _waiting(pipeline).glob("*/*_jobs/*")


def _drop_halves(pipeline: dlt.Pipeline) -> None:
    """Delete half-written job files of a killed run: dlt fails on their names, and will write the jobs again.

    Patch: dlt >=1.31,<1.32; no upstream issue known; can go when `test_dlt_fails_on_a_half_written_job_file` fails.
    """
    for path in _jobs(pipeline):
        try:
            ParsedLoadJobFileName.parse(path.name)
        except TerminalValueError:
            path.unlink()
