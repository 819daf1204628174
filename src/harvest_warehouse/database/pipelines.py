"""Open dlt's pipeline to a target, and tell whether anything was loaded there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dlt
from dlt.common.exceptions import DltException
from dlt.common.storages.exceptions import SchemaNotFoundError

from harvest_time_tracking import HarvestError, printable
from harvest_warehouse.destinations import Use
from harvest_warehouse.destinations.connect import connected
from harvest_warehouse.destinations.duckdb.client import is_database
from harvest_warehouse.warehouse import Target


class FolderDamaged(HarvestError):
    """dlt's working folder cannot be read."""


def is_loaded(warehouse: Target) -> bool:
    """True if something was loaded into the target: its DuckDB file, or its dataset, exists.

    Raises:
        DltException: the database cannot be reached.
        NoDatabase: the file is not a DuckDB database.
    """
    if warehouse.kind.is_file:
        return is_database(warehouse.file)
    with open_pipeline(warehouse).sql_client() as client:
        return client.has_dataset()


def open_pipeline(warehouse: Target, use: Use = "writing") -> dlt.Pipeline:
    """Create or resume dlt's pipeline to a target, and make it dlt's active one.

    Args:
        warehouse: the target.
        use: use of its connections: `mending` has the highest memory limit, `reading` is read-only.

    Raises:
        FolderDamaged: dlt's working folder cannot be read.
    """
    made = connected(warehouse.destination, warehouse.dataset_name, warehouse.file, use)[0]
    with working_folder_read(warehouse):
        return dlt.pipeline(
            warehouse.pipeline_name,
            destination=made,
            dataset_name=warehouse.dataset_name,
            pipelines_dir=str(warehouse.working_folders),
        )


@contextmanager
def working_folder_read(warehouse: Target) -> Iterator[None]:
    """Translate dlt's errors about unreadable files in its working folder. Raises FolderDamaged.

    Patch: dlt >=1.31,<1.32; see https://github.com/dlt-hub/dlt/issues/2394;
    can go when `test_dlt_does_not_say_that_its_working_folder_is_damaged` fails.
    """
    try:
        yield
    except (ValueError, KeyError, FileNotFoundError) as error:
        if isinstance(error, (DltException, HarvestError)) and not isinstance(error, SchemaNotFoundError):
            raise
        raise FolderDamaged(
            f"dlt's working folder {warehouse.working_folders / warehouse.pipeline_name} is damaged, or half a copy "
            f"({type(error).__name__}: {printable(str(error))}). Delete it, and run this again: everything that matters is in the database, and what "
            "was unfinished is requested again."
        ) from error
