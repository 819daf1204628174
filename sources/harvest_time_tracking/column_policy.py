"""Which columns are left empty, and what happens to fields that Harvest adds: decided before anything is written."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from .columns import Table, tables
from .errors import SettingWrong
from .words import printable

OnNew = Literal["add", "ignore", "stop"]

# Last part of the names of the columns that may be empty without a key, a cursor, a filter or a sum going wrong: persons, how
# to reach them, what somebody wrote, pay, pictures, links to files, and times of the day.
_EXCLUDABLE = frozenset(
    (
        *("first_name", "last_name", "title", "email", "telephone", "phone_office", "phone_mobile", "fax", "address"),
        *(
            "sent_by",
            "sent_by_email",
            "sent_from",
            "sent_from_email",
            "recorded_by",
            "recorded_by_email",
            "employee_id",
        ),
        *("notes", "description", "subject", "body", "locked_reason", "purchase_order", "transaction_id"),
        *(
            "cost_rate",
            "billable_rate",
            "hourly_rate",
            "default_hourly_rate",
            "avatar_url",
            "calendar_integration_source",
        ),
        *("client_key", "statement_key", "url", "file_name", "permalink", "service_icon_url", "review_reason"),
        *("started_time", "ended_time"),
    )
)
# Names of persons in records of something else.
_PERSONS = frozenset(("user", "creator", "teammate"))
_TABLES_OF_PERSONS = ("recipients", "teammates")
_PAY = frozenset(("user_cost_rates", "user_billable_rates"))


@dataclass(frozen=True)
class ColumnPolicy:
    """Columns to leave empty, and what to do with new fields.

    Attributes:
        exclude_columns: `table.column` of each column to leave empty, sorted.
        on_new_column: choice by stream, as pairs; the stream `default` stands for those that are not named.
    """

    exclude_columns: tuple[str, ...] = ()
    on_new_column: tuple[tuple[str, OnNew], ...] = ()

    def excluded(self, table_name: str) -> frozenset[str]:
        """Columns of a table that are left empty."""
        pairs = (one.partition(".") for one in self.exclude_columns)
        return frozenset(column for table, _, column in pairs if table == table_name)

    def excluded_below(self, table_name: str) -> tuple[str, ...]:
        """Those of a table and its child tables, as in `exclude_columns`."""
        below = (table_name, f"{table_name}__")
        return tuple(
            one for one in self.exclude_columns if one.partition(".")[0] == below[0] or one.startswith(below[1])
        )

    def on_new(self, stream: str) -> OnNew:
        """What to do with a new field of a stream."""
        chosen = dict(self.on_new_column)
        return chosen.get(stream) or chosen.get("default") or "add"


KEEP_ALL = ColumnPolicy()


def column_policy(exclude_columns: Any, on_new_column: Any, streams: Collection[str]) -> ColumnPolicy:
    """Read the settings `exclude_columns` and `on_new_column`.

    Args:
        exclude_columns: names such as `time_entries.notes`, as a list or separated by commas.
        on_new_column: `add`, `ignore` or `stop`; or one of them by stream, and by `default`.
        streams: names of all streams.

    Raises:
        SettingWrong: a name is unknown, or a column is needed by keys, cursors, sums or the marts.
    """
    listed = exclude_columns.replace(",", " ").split() if isinstance(exclude_columns, str) else exclude_columns or ()
    if not isinstance(listed, Iterable) or isinstance(listed, Mapping):
        raise SettingWrong(
            f'exclude_columns is a list, such as ["time_entries.notes"], got {printable(str(listed))!r}.'
        )
    names = sorted({_checked(str(one).strip(" '\"[]")) for one in listed})
    return ColumnPolicy(tuple(names), _choices(on_new_column, streams))


def excludable(table: Table) -> tuple[str, ...]:
    """Columns of a table that may be left empty."""
    return tuple(name for name in table.columns if _is_excludable(table.name, name))


def _is_excludable(table_name: str, name: str) -> bool:
    *parents, last = name.split("__")
    if last == "name":
        return bool(_PERSONS.intersection(parents[-1:])) or (not parents and table_name.endswith(_TABLES_OF_PERSONS))
    return last in _EXCLUDABLE or (name == "amount" and table_name in _PAY)


def _checked(name: str) -> str:
    table_name, _, column = name.partition(".")
    column = column.replace(".", "__")
    table = tables().get(table_name)
    if table is None:
        raise SettingWrong(
            f"exclude_columns: there is no table {printable(table_name)!r}.{_hint(table_name, tables())} A column is written as "
            "table.column."
        )
    if column not in table.columns:
        raise SettingWrong(
            f"exclude_columns: {table_name} has no documented column {printable(column)!r}.{_hint(column, table.columns)} Fields that "
            "Harvest does not document are kept out by on_new_column."
        )
    if not _is_excludable(table_name, column):
        others = ", ".join(excludable(table)) or "none"
        raise SettingWrong(
            f"exclude_columns: {table_name}.{column} cannot be left out: keys, sums, the marts or the comparison with Harvest need it. "
            f"Of {table_name}, these can be: {others}."
        )
    return f"{table_name}.{column}"


def _choices(given: Any, streams: Collection[str]) -> tuple[tuple[str, OnNew], ...]:
    given = _parsed(given) if isinstance(given, str) and given.strip().startswith("{") else given
    chosen: Mapping[str, Any] = given if isinstance(given, Mapping) else {"default": given or "add"}
    for stream, choice in chosen.items():
        if stream != "default" and stream not in streams:
            raise SettingWrong(
                f"on_new_column: there is no stream {printable(str(stream))!r}.{_hint(str(stream), streams)}"
            )
        if choice not in get_args(OnNew):
            raise SettingWrong(f"on_new_column is add, ignore or stop, got {printable(str(choice))!r}.")
    # As if nothing were set: the state of a run by default knows nothing of it.
    pairs = sorted((stream, cast("OnNew", choice)) for stream, choice in chosen.items())
    return () if pairs == [("default", "add")] else tuple(pairs)


def _parsed(text: str) -> Any:
    """A table as it is written in an environment variable: as in a TOML file, or as JSON."""
    with suppress(tomllib.TOMLDecodeError):
        return tomllib.loads(f"value = {text.strip()}")["value"]
    with suppress(ValueError):
        return json.loads(text)
    return text


def _hint(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]}?" if close else ""
