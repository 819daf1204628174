"""Reconcile dlt's local pipeline state with the state stored in the database.

dlt keeps the state of each stream in both, and trusts the newer. Here only the database's state counts: the working folder
may belong to another database file of the same user, and the file may be a restored copy.
"""

from __future__ import annotations

from datetime import datetime

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.pipeline.state_sync import load_pipeline_state_from_destination

from harvest_time_tracking import HarvestError, tables
from harvest_time_tracking.reading.stream_state import cursors
from harvest_warehouse.database.run import Run
from harvest_warehouse.warehouse import SCHEMA, Target

# The mark of the database that the pending packages were made for, and the account that they are of.
_BASE = "harvest_base"
_ACCOUNT = "harvest_account"


class ForeignTables(HarvestError):
    """Tables that dlt-harvest did not create have the names of its tables."""


def has_unfinished(run: Run, account_id: str | None = None) -> bool:
    """True if pending load packages were made for the database in its present state, so that they can be loaded.

    Args:
        run: whose packages, and the database.
        account_id: the account that a new database is for; None for any.
    """
    pipeline, warehouse = run.pipeline, run.warehouse
    if not pipeline.has_pending_data:
        return False
    position = _position(run)
    if not position and account_id not in (None, _local(pipeline, _ACCOUNT)):
        # Nothing but the account tells one database in which nothing is yet from the next.
        return False
    now = _mark(warehouse, position)
    # The package with the rows may be there already, and only the one that tells of the run still wait.
    return now in (_local(pipeline, _BASE), _mark(warehouse, pipeline.state.get("_version_hash")))


def adopt_database_state(run: Run, account_id: str) -> None:
    """Adopt the pipeline state stored in the database, and record it as the base of the load packages to come.

    Packages still pending were made for another database, or for this one in another state: they are discarded, and what is
    in them is asked for again.

    Patch: dlt >=1.31,<1.32; no upstream issue known;
    can go when `test_dlt_keeps_its_own_state_where_the_databases_is_older` fails.
    """
    pipeline = run.pipeline
    if pipeline.has_pending_data or _position(run) != pipeline.state.get("_version_hash"):
        pipeline.drop()
        pipeline = run.new_pipeline()
    # Brings the state from the database; with no database, begins anew.
    pipeline.sync_destination()
    pipeline.set_local_state_val(_BASE, _mark(run.warehouse, _position(run)))
    pipeline.set_local_state_val(_ACCOUNT, account_id)


def refuse_foreign_tables(run: Run) -> None:
    """Refuse a first load into tables of the same names that dlt-harvest did not create.

    Only after `adopt_database_state`, and only where DDL is transactional: else the tables may be ours, of a run that was killed.

    Raises:
        ForeignTables: where there are some.
    """
    pipeline, warehouse = run.pipeline, run.warehouse
    if pipeline.default_schema_name or not run.is_loaded():
        return
    with run.database() as database:
        there = set(database.names())
        known = "select 1 from _dlt_version where schema_name = :schema limit 1"
        if "_dlt_version" in there and database.rows(known, {"schema": SCHEMA}):
            return
    makes_both_at_once = pipeline.destination.capabilities().supports_ddl_transactions
    if makes_both_at_once and (strange := sorted(there & set(tables()))):
        raise ForeignTables(
            f"{warehouse.place} has tables in the schema {warehouse.dataset_name} that are named like Harvest's but "
            f"belong to something else: {', '.join(strange)}. Rename or move them, or run this in another folder. Nothing was changed."
        )


def record(run: Run) -> None:
    """Record the pipeline state that the database has now as the base of the load packages to come."""
    run.pipeline.set_local_state_val(_BASE, _mark(run.warehouse, run.pipeline.state.get("_version_hash")))


def loaded_since(run: Run, account_id: str) -> dict[str, datetime]:
    """Cursor of each stream, by Harvest's clock: later changes may not be loaded. Only after `adopt_database_state`."""
    sources = run.pipeline.state.get("sources", {})
    return cursors(sources.get(SCHEMA, {}), account_id)


def _position(run: Run) -> str | None:
    """Version hash of the pipeline state stored in the database; None if it has none."""
    if not run.is_loaded():
        return None
    pipeline = run.pipeline
    if not pipeline.default_schema_name:
        # A new working folder: dlt itself looks what the database has.
        pipeline.sync_destination()
    if not pipeline.default_schema_name:
        return None
    with pipeline.destination_client() as client:
        if not client.is_storage_initialized():
            return None
        try:
            state = load_pipeline_state_from_destination(pipeline.pipeline_name, client)
        except DestinationUndefinedEntity:
            # A run was killed before it made the tables.
            return None
    return state["_version_hash"] if state else None


def _mark(warehouse: Target, version: str | None) -> str:
    return f"{warehouse.place}|{version}"


def _local(pipeline: dlt.Pipeline, name: str) -> str | None:
    """Value recorded in the working folder with the pending packages; None if there is none."""
    try:
        value: str = pipeline.get_local_state_val(name)
    except KeyError:
        return None
    return value
