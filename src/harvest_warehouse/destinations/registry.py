"""Registry of destinations: each folder beside this file, with its `ENTRY`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from harvest_warehouse.destinations.base import Destination

DEFAULT = "duckdb"


def _entries() -> Iterator[Destination]:
    package = __name__.rpartition(".")[0]
    folders = [found.name for found in iter_modules(import_module(package).__path__) if found.ispkg]
    # The default destination comes first in every list.
    for name in sorted(folders, key=lambda name: (name != DEFAULT, name)):
        yield import_module(f"{package}.{name}").ENTRY


DESTINATIONS: Mapping[str, Destination] = MappingProxyType({entry.name: entry for entry in _entries()})

_NO_SQLITE = (
    "SQLite keeps a decimal as a floating-point number, wrong beyond 15 digits, and dates and timestamps as text: sums of money would "
    "not be exact. duckdb is a single file too."
)
_NO_MYSQL = (
    "MySQL and MariaDB end a transaction at every statement that creates a table, and lack the filter clause: neither the sync nor the "
    "marts were ever tried there. Sync into postgres."
)
REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "filesystem": "Rows in files cannot be changed or deleted, so changed rows would count twice, and deleted rows would count for "
        "ever. Sync into duckdb, and `dlt-harvest publish` writes all tables there as Parquet, Delta or Iceberg files, in full each time; or sync into "
        "ducklake, whose tables are Parquet files in a folder or bucket.",
        "sqlite": _NO_SQLITE,
        "mysql": _NO_MYSQL,
        "mariadb": _NO_MYSQL,
        "sqlalchemy": f"{_NO_SQLITE} {_NO_MYSQL}",
        "clickhouse": "ClickHouse has no transaction over several tables and no update from another table: a run that dies could leave deleted rows "
        "in both places, or in neither. Sync into postgres, and let ClickHouse read from there.",
    }
)
"""dlt destinations that are not supported, and why."""
