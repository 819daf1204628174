"""Where rows can go: what each destination needs beside dlt's own settings of it. A new one is an entry here."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import dlt
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
from dlt.common.destination import Destination as DltDestination
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from harvest_time_tracking import SettingWrong
from harvest_warehouse.duck import PatientDuckDb
from harvest_warehouse.section import given

Use = Literal["writing", "building", "reading"]

DEFAULT = "duckdb"
HOW_TO_CHOOSE = (
    "--destination chooses another, or `destination` under [harvest_warehouse] in .dlt/config.toml "
    "(HARVEST_WAREHOUSE__DESTINATION)."
)


@dataclass(frozen=True)
class Destination:
    """What one destination needs.

    Attributes:
        name: dlt's, and that of our extra which brings what it needs.
        factory: where dlt finds it, where that is not what the name says.
        needs: modules that the extra brings.
        load_format: what files the rows travel in; chosen by measurement (docs/performance.md).
        load_workers: how many files are written at once.
        is_file: whether it is a file in the folder where the command runs, so that nothing is to be configured.
        bounds: of the engine in this process, by what it is used for.
        session: set in its credentials, whatever these say: instants are UTC.
        guards: run on a connection that may only read.
        closed_functions: beginnings of the names of functions that do more than read tables; a query may not call them.
        open_functions: names that begin like these, and are harmless.
        try_lock: a select that is true when the connection got the lock `:key`, a number, and holds it while it lives. None:
            a file's lock stands for it, which other machines do not see.
        lock_settings: run on the connection that holds the lock.
        declares_cursors: whether its driver keeps all rows of an answer in memory, unless a cursor is declared in SQL.
        has_indexes: whether it wants an index on keys.
        busy: what its error says while another program has it to itself.
        who: a select that gives the names of database and user, for the words of a missing permission.
        permissions: the statement that gives what is missing where a step of the trial is refused.
    """

    name: str
    factory: str = ""
    needs: tuple[str, ...] = ()
    load_format: Literal["parquet", "csv", "jsonl", "insert_values"] = "parquet"
    load_workers: int = 4
    is_file: bool = False
    bounds: Mapping[Use, Mapping[str, Any]] = field(default_factory=dict)
    session: Mapping[str, object] = field(default_factory=dict)
    guards: tuple[str, ...] = ()
    closed_functions: tuple[str, ...] = ()
    open_functions: tuple[str, ...] = ()
    try_lock: str | None = None
    lock_settings: tuple[str, ...] = ()
    declares_cursors: bool = False
    has_indexes: bool = False
    busy: str | None = None
    who: str | None = None
    permissions: Mapping[str, str] = field(default_factory=dict)

    def is_busy(self, said: str) -> bool:
        """Whether an error says that another program has the database to itself."""
        return self.busy is not None and self.busy in said.lower()


_WRITING = {"memory_limit": "100MB", "threads": 1}
_BUILDING = {"memory_limit": "1GB", "threads": 2}

DESTINATIONS: Mapping[str, Destination] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            Destination(
                "duckdb",
                # More than one file at once share its bounded memory, and one of them is refused.
                load_workers=1,
                is_file=True,
                # While it writes, a load's memory must not grow with the account; what does not fit goes to disk.
                bounds={"writing": _WRITING, "building": _BUILDING, "reading": _BUILDING},
                # No files, no other databases, and no way to allow them again.
                guards=("SET enable_external_access = false", "SET lock_configuration = true"),
                busy="could not set lock",
            ),
            Destination(
                "postgres",
                factory="harvest_warehouse.postgres.postgres",
                needs=("psycopg2", "adbc_driver_postgresql"),
                # By ADBC's binary COPY: through csv, dlt's other fast way, an empty text would become null.
                load_format="parquet",
                load_workers=2,
                session={"session_timezone": "UTC"},
                guards=("SET default_transaction_read_only = on",),
                # They read the server's files, reach other servers, run text as SQL, or end other people's sessions.
                closed_functions=("pg_", "lo_", "dblink", "set_config", "query_to_", "cursor_to_", "table_to_"),
                open_functions=("pg_typeof", "pg_column_size", "pg_relation_size", "pg_total_relation_size"),
                try_lock="SELECT pg_try_advisory_lock({key})",
                # A machine that vanishes must not keep the lock for the two hours that TCP waits; idle is what it does.
                lock_settings=(
                    "SET tcp_keepalives_idle = 30",
                    "SET tcp_keepalives_interval = 10",
                    "SET tcp_keepalives_count = 3",
                    "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'",
                ),
                declares_cursors=True,
                has_indexes=True,
                who="select current_database(), current_user",
                permissions={
                    "make a schema": "GRANT CREATE ON DATABASE {database} TO {user}",
                    "make a table": "GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}",
                },
            ),
        )
    }
)


def destination(name: str) -> Destination:
    """The entry for a destination's name: one of those here, or one that dlt's configuration gives such a type.

    Raises:
        SettingWrong: where it is unknown, or where what it needs is not installed, with the command that installs it.
    """
    found = DESTINATIONS.get(name)
    if found is None:
        found = DESTINATIONS.get(str(dlt.config.get(f"destination.{name}.destination_type")).rsplit(".", 1)[-1])
    if found is None:
        close = difflib.get_close_matches(name.lower(), DESTINATIONS, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise SettingWrong(f"There is no destination {name!r}.{hint} There are: {', '.join(DESTINATIONS)}.")
    missing = [module for module in found.needs if find_spec(module) is None]
    if missing:
        raise SettingWrong(
            f"The destination {name} needs {' and '.join(missing)}: pip install 'dlt-harvest[{found.name}]' and run this again."
        )
    return found


def chosen(name: str | None = None) -> str:
    """The destination that is meant: the named one, else the configured one, else DuckDB.

    Raises:
        SettingWrong: as `destination` does, and for a setting of [harvest_warehouse] that there is not.
    """
    configured = given("harvest_warehouse", ("destination",)).get("destination")
    name = str(name or configured or DEFAULT)
    destination(name)
    return name


def connected(name: str, dataset_name: str, file: Path, use: Use) -> tuple[DltDestination[Any, Any], str]:
    """dlt's destination, and in words where it is, without any secret.

    Args:
        name: as in `destination`.
        dataset_name: the schema that is opened.
        file: where it is a file.
        use: what for.

    Raises:
        SettingWrong: where it is not configured.
    """
    entry = destination(name)
    if entry.is_file:
        bounds = dict(entry.bounds.get(use, {}))
        credentials = DuckDbCredentials(str(file), read_only=use == "reading", global_config=bounds)
        # Who reads says that the file is taken; who writes waits until those who read have read.
        return (dlt.destinations.duckdb if use == "reading" else PatientDuckDb)(credentials), str(file)
    factory: DltDestination[Any, Any] = _made(entry, name)
    try:
        # As dlt resolves it, in every spelling that it takes.
        found = factory.configuration(factory.spec()._bind_dataset_name(dataset_name=dataset_name))
        place = found.data_location()
    except ConfigFieldMissingException as error:
        raise SettingWrong(_unconfigured(name, error)) from None
    except ConfigurationException as error:
        # Its own words could repeat a connection string.
        raise SettingWrong(
            f"The configuration of the destination {name} cannot be read ({type(error).__name__}): see "
            f"[destination.{name}.credentials] in .dlt/secrets.toml."
        ) from None
    for setting, value in entry.session.items():
        setattr(found.credentials, setting, value)
    return _made(entry, name, found.credentials), f"{name} at {place}"


def _made(entry: Destination, name: str, credentials: object = None) -> DltDestination[Any, Any]:
    made: Any = DltDestination.from_reference(
        entry.factory or entry.name, credentials=credentials, destination_name=name
    )
    return made  # type: ignore[no-any-return]


def _unconfigured(name: str, error: ConfigFieldMissingException) -> str:
    return (
        f"The destination {name} is not configured: {' and '.join(error.fields)} missing. Put it into .dlt/secrets.toml under "
        f"[destination.{name}.credentials], or into DESTINATION__{name.upper()}__CREDENTIALS; docs/destinations.md shows how."
    )
