"""How far the database has come, against what dlt's working folder believes.

dlt keeps the position of each stream in both, and trusts the newer. Here only the database's word counts: the folder may
belong to another database file of the same user, and the file may be a restored copy.
"""

from __future__ import annotations

from datetime import datetime

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.pipeline.state_sync import load_pipeline_state_from_destination

from harvest_time_tracking import HarvestError, tables
from harvest_time_tracking.reading.stream_state import cursors
from harvest_warehouse.database.run import Run
from harvest_warehouse.warehouse import SCHEMA, Warehouse

# The mark of the database that the pending packages were made for, and the account that they are of.
_BASE = "harvest_base"
_ACCOUNT = "harvest_account"


class NotOurs(HarvestError):
    """Tables of somebody else's are where ours would be."""


def has_unfinished(run: Run, account_id: str | None = None) -> bool:
    """Whether load packages wait that were made for this database as it is now, so that they can be loaded as they are.

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
    """Take up the database's position where the folder has another, and note it for the packages to come.

    Packages that still wait were made for another database, or for this one in another state: they are thrown away, and
    what is in them is asked for again.
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
    """Before a first load: tables of somebody else's that have the names of ours would get our columns, and our rows.

    Only after `adopt_database_state`, and where tables and dlt's note of them are made at once: else they may be ours, of a run that was killed.

    Raises:
        NotOurs: where there are some.
    """
    pipeline, warehouse = run.pipeline, run.warehouse
    if pipeline.default_schema_name or not run.is_loaded():
        return
    with run.database() as database:
        there = set(database.names())
        known = f"select 1 from _dlt_version where schema_name = '{SCHEMA}' limit 1"
        if "_dlt_version" in there and database.rows(known):
            return
    makes_both_at_once = pipeline.destination.capabilities().supports_ddl_transactions
    if makes_both_at_once and (strange := sorted(there & set(tables()))):
        raise NotOurs(
            f"{warehouse.place} has tables in the schema {warehouse.dataset_name} that have the names of Harvest's and are "
            f"somebody else's: {', '.join(strange)}. Rename or move them, or run this in another folder. Nothing was changed."
        )


def record(run: Run) -> None:
    """The database has everything that the folder has: packages to come are made for it as it is now."""
    run.pipeline.set_local_state_val(_BASE, _mark(run.warehouse, run.pipeline.state.get("_version_hash")))


def loaded_since(run: Run, account_id: str) -> dict[str, datetime]:
    """Since when, by Harvest's clock, each stream of an account has every change. Only after `adopt_database_state`."""
    sources = run.pipeline.state.get("sources", {})
    return cursors(sources.get(SCHEMA, {}), account_id)


def _position(run: Run) -> str | None:
    """The version of dlt's state in the database; None where it has none."""
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


def _mark(warehouse: Warehouse, version: str | None) -> str:
    return f"{warehouse.place}|{version}"


def _local(pipeline: dlt.Pipeline, name: str) -> str | None:
    """What was noted in the working folder of the pending packages; None where nothing was."""
    try:
        value: str = pipeline.get_local_state_val(name)
    except KeyError:
        return None
    return value
