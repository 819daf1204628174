"""The warehouse for those who only read: a connection that can change nothing, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dlt.destinations.exceptions import DestinationConnectionError

from harvest_time_tracking import HarvestError, SettingWrong
from harvest_warehouse.database import Database, open_database
from harvest_warehouse.settings import Warehouse


class NotReadable(HarvestError):
    """The database is there, and cannot be opened now."""


@contextmanager
def reading(warehouse: Warehouse, *tables: str) -> Iterator[Database]:
    """A connection that can write nothing, for as long as the block lasts: keep it short, it holds up those who write.

    Args:
        warehouse: where the tables are.
        tables: of the marts, without which there is no point in going on.

    Raises:
        SettingWrong: where nothing was loaded or built yet.
        NotReadable: where another program has the database.
    """
    if not warehouse.is_there():
        raise SettingWrong(
            f"{warehouse.place} is not there yet: run `dlt-harvest sync` in this folder first (for the demo's, "
            "`dlt-harvest demo`)."
        )
    try:
        with open_database(warehouse, "reading") as database:
            missing = sorted(set(tables) - set(database.tables())) if tables else []
            if missing:
                raise SettingWrong(
                    f"The marts are not built yet ({missing[0]} is missing): run `dlt-harvest build` first."
                )
            yield database
    except DestinationConnectionError as error:
        said = str(error.__cause__ or error)
        if warehouse.kind.is_busy(said):
            raise NotReadable(
                f"{warehouse.place} is being written, or open in another program: try again when that has ended. ({said})"
            ) from error
        raise NotReadable(f"{warehouse.place} cannot be opened: {said}") from error
