"""Target of a command: the database that an account is loaded into, and the dlt pipeline to it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dlt.common.pipeline import get_dlt_pipelines_dir

from harvest_time_tracking import SettingWrong
from harvest_warehouse.destinations import DEFAULT, Destination
from harvest_warehouse.destinations.connect import chosen, connected, destination
from harvest_warehouse.settings.account import PIPELINE

DATASET = "harvest_time_tracking_data"
FILE = "harvest_time_tracking.duckdb"
MARTS = "harvest_marts"
SCHEMA = "harvest_time_tracking_source"
"""Name of the dlt schema, after the source; system tables are part of it, so that `pipeline.dataset()` includes them."""


@dataclass(frozen=True)
class Target:
    """Database that an account is loaded into, and the dlt pipeline to it. Opens no connection.

    Attributes:
        folder: folder where the command runs, and where the database is if it is a file.
        file_name: name of the database file, if the database is one.
        pipeline_name: name of the dlt pipeline and of its working folder.
        dataset_name: database schema with the tables.
        pipelines_dir: folder for dlt's working folders; None for dlt's default (`DLT_DATA_DIR`).
        marts_name: database schema with the marts.
        destination: name of the destination: one in `destinations`, or one configured in dlt with the type of one.
    """

    folder: Path
    file_name: str = FILE
    pipeline_name: str = PIPELINE
    dataset_name: str = DATASET
    pipelines_dir: Path | None = None
    marts_name: str = MARTS
    destination: str = DEFAULT

    @cached_property
    def kind(self) -> Destination:
        """Definition of the destination. Raises SettingWrong as `destinations.connect.destination` does."""
        return destination(self.destination)

    @property
    def file(self) -> Path:
        """Path of the database file, if the database is one."""
        return self.folder / self.file_name

    @property
    def name(self) -> str:
        """Short name of the database: its file's name, or its destination's."""
        return self.file_name if self.kind.is_file else self.destination

    @property
    def place(self) -> str:
        """Location of the database as text for messages, without secrets."""
        return connected(self.destination, self.dataset_name, self.file, "writing")[1]

    def command(self, name: str) -> str:
        """Command line of a verb for this destination, as text for messages."""
        elsewhere = "" if self.destination == DEFAULT else f" --destination {self.destination}"
        return f"`dlt-harvest {name}{elsewhere}`"

    @property
    def lock_file(self) -> Path:
        """Path of the run lock file: beside the database file, else beside dlt's working folder."""
        if self.kind.is_file:
            return self.folder / f".{self.file_name}.lock"
        return self.working_folders / f".{self.pipeline_name}.{self.destination}.{self.dataset_name}.lock"

    @property
    def working_folder_lock(self) -> Path:
        """Path of the lock file for dlt's working folder, which all of a user's databases share."""
        return self.working_folders / f".{self.pipeline_name}.lock"

    def refuse_odd_folders(self) -> None:
        """Refuse folders whose names dlt or DuckDB would misinterpret, before anything is read from Harvest.

        Patch: dlt >=1.31,<1.32; no upstream issue known;
        can go when `test_dlt_cannot_load_from_a_folder_with_a_quote_or_a_percent_sign` fails.
        Patch: DuckDB >=1.4,<2; see https://github.com/duckdb/duckdb/pull/21527 (on purpose);
        can go when `test_duckdb_takes_a_question_mark_in_a_folder_for_settings` fails.

        Raises:
            SettingWrong: such a folder; the message names it and the characters in question.
        """
        working = str(self.working_folders.absolute())
        if odd := re.search(r"'|%[0-9A-Fa-f]{2}", working):
            raise SettingWrong(
                f"dlt's working folder {working} has {odd[0]!r} in its name, and dlt cannot load from there: set DLT_DATA_DIR "
                "to a folder without it."
            )
        if self.kind.is_file and "?" in str(self.file.absolute()):
            raise SettingWrong(
                f"The folder {self.file.absolute().parent} has '?' in its name, and what follows it would be taken for "
                "settings of the database: run this in another folder."
            )

    @property
    def working_folders(self) -> Path:
        """Folder in which dlt keeps its working folders."""
        return self.pipelines_dir or _pipelines_dir(self.folder)


def user_target(folder: Path, destination_name: str | None = None) -> Target:
    """Target for the user's own warehouse.

    Args:
        folder: folder where the command runs.
        destination_name: overrides the configured destination.

    Raises:
        SettingWrong: the destination is unknown, not installed or not configured, or a folder's name cannot be used.
    """
    warehouse = Target(folder, destination=chosen(destination_name))
    _ = warehouse.place
    warehouse.refuse_odd_folders()
    return warehouse


def _pipelines_dir(folder: Path) -> Path:
    """dlt's default folder if it is writable (in some containers it is not), else one beside the database."""
    own = Path(get_dlt_pipelines_dir())
    existing = next(path for path in (own, *own.parents) if path.exists())
    return own if os.access(existing, os.W_OK) else folder / ".dlt" / "pipelines"
