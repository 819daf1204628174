"""System tables (`harvest_runs`, ...): declare them, and write rows to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import dlt
from dlt.common.data_types.typing import TDataType
from dlt.common.schema import Schema
from dlt.common.schema.typing import TColumnSchema
from dlt.extract import DltResource

from harvest_warehouse.database import pipeline_state
from harvest_warehouse.database.load_packages import load_pending
from harvest_warehouse.database.run import Run
from harvest_warehouse.warehouse import SCHEMA

Verdict = Literal["exact", "tie", "mismatch", "missing_here", "missing_there", "not_provable", "unresolved"]
"""Verdict on a figure in `harvest_reconciliation`."""

AGREED: tuple[Verdict, ...] = ("exact", "tie")
"""Verdicts of figures that agree with Harvest's."""


@dataclass(frozen=True)
class SystemTable:
    """Declaration of a system table.

    Attributes:
        name: name of the table, with the prefix `harvest_`.
        description: what a row is.
        key: columns that identify a row.
        columns: name, dlt data type and description of each column.
        disposition: dlt write disposition: `merge` replaces a row with the same key, `append` only adds rows.
    """

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[tuple[str, TDataType, str], ...]
    disposition: Literal["append", "merge"] = "append"

    def holding(self, rows: Sequence[dict[str, Any]]) -> DltResource:
        """Wrap rows as a dlt resource; without rows, it still creates the table."""
        hints: dict[str, TColumnSchema] = {
            name: {"name": name, "data_type": data_type, "description": words, "nullable": name not in self.key}
            for name, data_type, words in self.columns
        }
        made: DltResource = dlt.resource(
            list(rows) if rows else [dlt.mark.materialize_table_schema()],
            name=self.name,
            columns=hints,
            primary_key=list(self.key),
            write_disposition=self.disposition,
        )
        return made


def extract_rows(run: Run, *resources: DltResource) -> None:
    """Extract rows of system tables into a load package, as part of the schema with Harvest's tables."""
    pipeline = run.pipeline
    schemas = pipeline.schemas
    schema = schemas[SCHEMA].clone() if SCHEMA in schemas else Schema(SCHEMA)
    pipeline.extract(list(resources), schema=schema, loader_file_format=run.warehouse.kind.load_format)
    # Normalised at once: a package that is only extracted counts as not checked by the access guard, and is dropped.
    pipeline.normalize()


def write_rows(run: Run, *resources: DltResource) -> None:
    """Write rows of system tables at once. Call it while the run holds the lock, with no other package pending.

    Raises:
        DltException: the database refuses.
    """
    extract_rows(run, *resources)
    load_pending(run)
    pipeline_state.record(run)


DELETIONS = SystemTable(
    "harvest_deletions",
    "The rows that were deleted in Harvest, with their last content",
    ("account_id", "table_name", "row_key"),
    (
        ("account_id", "text", "Harvest account"),
        ("table_name", "text", "The table that held the row"),
        ("row_key", "text", "Its key in that table beside the account, several columns joined by /"),
        ("content", "text", "JSON: the row as it was last, without its empty columns, its children as lists"),
        ("because_of", "text", "What it was deleted with (projects/17), where Harvest deletes it together with that"),
        ("found_at", "timestamp", "When it was found missing"),
        ("run_id", "text", "The run that found it (harvest_runs.run_id)"),
        (
            "copied_from",
            "text",
            "Whose copy it is from (airbyte: the schema), where dlt-harvest itself never had the row",
        ),
    ),
    "merge",
)
