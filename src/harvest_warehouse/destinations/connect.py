"""Resolve a destination's name to a dlt destination, configured and ready to connect."""

from __future__ import annotations

import difflib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dlt
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
from dlt.common.destination import Destination as DltDestination
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from harvest_time_tracking import SettingWrong
from harvest_warehouse.destinations.base import Destination, Use
from harvest_warehouse.destinations.duckdb.client import RetryingDuckDb
from harvest_warehouse.destinations.registry import DEFAULT, DESTINATIONS, REFUSED
from harvest_warehouse.settings.section import given


def destination(name: str) -> Destination:
    """Look up a destination by name: a supported one, or a name configured in dlt with the type of one.

    Raises:
        SettingWrong: the destination is unknown or refused, or its dependencies are not installed (with the command to
            install them).
    """
    found = DESTINATIONS.get(name)
    if found is None:
        kind = str(dlt.config.get(f"destination.{name}.destination_type") or name).rsplit(".", 1)[-1]
        if kind in REFUSED:
            raise SettingWrong(f"The destination {name} is not offered. {REFUSED[kind]}")
        found = DESTINATIONS.get(kind)
    if found is None:
        close = difflib.get_close_matches(name.lower(), DESTINATIONS, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise SettingWrong(f"There is no destination {name!r}.{hint} There are: {', '.join(DESTINATIONS)}.")
    missing = [module for module in found.needs if not _is_installed(module)]
    if missing:
        raise SettingWrong(
            f'The destination {name} needs {" and ".join(missing)}: pip install ".[{found.name}]" in the clone, and run this again.'
        )
    return found


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        # Raised if the parent package is missing.
        return False


def chosen(name: str | None = None) -> str:
    """Choose the destination's name: the given one, else the configured one, else DuckDB.

    Raises:
        SettingWrong: as `destination` does, or [harvest_warehouse] has an unknown setting.
    """
    configured = given("harvest_warehouse", ("destination",)).get("destination")
    name = str(name or configured or DEFAULT)
    destination(name)
    return name


def connected(name: str, dataset_name: str, file: Path, use: Use) -> tuple[DltDestination[Any, Any], str]:
    """Configure a dlt destination; return it with its location as text, without secrets.

    Args:
        name: as in `destination`.
        dataset_name: database schema to open.
        file: path of the database, if it is a file.
        use: use of the connection.

    Raises:
        SettingWrong: the destination is not configured, or its configuration is invalid.
    """
    entry = destination(name)
    if entry.is_file:
        credentials = DuckDbCredentials(str(file), **entry.uses[use])
        # A reader reports a locked file at once; a writer waits for readers to finish.
        kind = dlt.destinations.duckdb if use in ("reading", "comparing") else RetryingDuckDb
        return kind(credentials, supports_transactions=entry.is_atomic), str(file)
    factory: DltDestination[Any, Any] = _made(entry, name)
    try:
        # Resolved by dlt, in every form that it accepts; the method is private.
        # Patch: dlt >=1.31,<1.32; no upstream issue known;
        # is to be changed when `test_a_private_name_that_ours_uses_or_overrides_is_there` fails.
        found = factory.configuration(factory.spec()._bind_dataset_name(dataset_name=dataset_name))
    except ConfigFieldMissingException as error:
        raise SettingWrong(_unconfigured(name, error)) from None
    except ConfigurationException as error:
        # dlt's own message could repeat a connection string.
        raise SettingWrong(f"{_unreadable(name)} ({type(error).__name__}). {_QUOTED}") from None
    if _is_cut_in_a_password(found.credentials):
        raise SettingWrong(f"{_unreadable(name)}: its address has more than one @. {_QUOTED}")
    place = found.data_location()
    if within := entry.place_within:
        place = f"{place}/{getattr(found, within, None) or getattr(found.credentials, within)}"
    for setting, value in {**entry.session, **entry.uses.get(use, {})}.items():
        setattr(found.credentials, setting, value)
    return _made(entry, name, found.credentials), f"{name} at {place}"


def _made(entry: Destination, name: str, credentials: object = None) -> DltDestination[Any, Any]:
    made: Any = DltDestination.from_reference(
        entry.factory or entry.name,
        credentials=credentials,
        destination_name=name,
        # dlt itself uses no transaction for merges where DDL is not transactional, although these destinations support it.
        # Patch: dlt >=1.31,<1.32; no upstream issue known;
        # can go when `test_dlt_does_not_say_that_merges_have_transactions` fails.
        supports_transactions=entry.is_atomic,
    )
    return made  # type: ignore[no-any-return]


# dlt ends a password at the first @, and takes the rest of it as the host.
# Patch: dlt >=1.31,<1.32; no upstream issue known; can go when `test_dlt_ends_a_password_at_the_first_at_sign` fails.
_QUOTED = (
    "In an address, a password has %40 for @, %3A for :, %2F for /, %3F for ?, %23 for # and %25 for %; or give host, username, "
    "password and database by themselves."
)


def _unreadable(name: str) -> str:
    return f"The configuration of the destination {name} ([destination.{name}.credentials] in .dlt/secrets.toml) cannot be read"


def _is_cut_in_a_password(credentials: object) -> bool:
    """True if an address was split inside its password: host, database or settings hold an `@`."""
    address: Any = getattr(credentials, "catalog", credentials)
    parts = [getattr(address, part, None) for part in ("host", "database")]
    # Without a database, a `?` in the password was taken as the start of the query string.
    parts += [] if parts[1] else list((getattr(address, "query", None) or {}).values())
    return any("@" in str(part) for part in parts)


def _unconfigured(name: str, error: ConfigFieldMissingException) -> str:
    address: object = dlt.secrets.get(f"destination.{name}.credentials")
    if isinstance(address, str) and address.count("@") > 1:
        return f"{_unreadable(name)}: {' and '.join(error.fields)} missing. {_QUOTED}"
    return (
        f"The destination {name} is not configured: {' and '.join(error.fields)} missing. Put it into .dlt/secrets.toml under "
        f"[destination.{name}.credentials], or into DESTINATION__{name.upper()}__CREDENTIALS; docs/reference/destinations shows how."
    )
