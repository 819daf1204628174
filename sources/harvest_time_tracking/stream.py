"""Definition of catalogue entries: the closed list of facts by which the streams of Harvest differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Limit = Literal["general", "reports"]
WindowLength = Literal["month", "day"]

ANY_ARRAY = "*"
"""Value of `data_key` for answers whose key is not documented: the only array in the answer."""


@dataclass(frozen=True)
class Parent:
    """Link of a stream to its parents: it is read once for each row of another stream.

    Attributes:
        stream: the stream whose rows are the parents; their `id` stands in the path.
        key: the column that carries the parent's id in each row.
        only: which parents can have children at all; None for all.
        alive: those whose children are likely to change though they themselves do not: they are asked first. None for none.
    """

    stream: str
    key: str
    only: ParentFilter | None = None
    alive: ParentFilter | None = None


@dataclass(frozen=True)
class ParentFilter:
    """Filter of parents: those for which any of the stated facts holds.

    Attributes:
        differs: pairs of fields whose values differ.
        filled: fields that are neither null nor missing.
        holds: fields and a value that they equal or, where they are lists, contain.
    """

    differs: tuple[tuple[str, str], ...] = ()
    filled: tuple[str, ...] = ()
    holds: tuple[tuple[str, object], ...] = ()

    def admits(self, record: Mapping[str, object]) -> bool:
        """True if `record`, a parent as the API answered it, passes the filter."""
        return (
            any(record.get(one) != record.get(other) for one, other in self.differs)
            or any(record.get(name) is not None for name in self.filled)
            or any(_contains(record.get(name), value) for name, value in self.holds)
        )


def _contains(value: object, wanted: object) -> bool:
    return wanted in value if isinstance(value, list) else value == wanted


@dataclass(frozen=True)
class Owner:
    """Owning stream: rows change with their owner's record, without `updated_at`, and are deleted with it.

    Attributes:
        stream: the stream of the owning records; it must have `updated_since`.
        filter: the filter that brings an owner's rows.
    """

    stream: str
    filter: str

    @property
    def column(self) -> str:
        """Column with the owner's id: the filter `project_id` is about the id of the object `project`."""
        return f"{self.filter.removesuffix('_id')}__id"


@dataclass(frozen=True)
class Mirrored:
    """List of which a stream by parents is a projection: the same records under the same ids, changed and deleted together.

    Attributes:
        stream: the stream of the list; it must have `updated_since`.
        parent: the object in its records that is the parent.
    """

    stream: str
    parent: str


@dataclass(frozen=True)
class Embedded:
    """Denormalised copy of another stream's record inside a record; it changes without the record's `updated_at`.

    Attributes:
        at: the object that holds the copy; `line_items.project` for one in the records of a list.
        stream: the stream whose record it is.
        fields: the fields of the object, and for each the columns of the other table that it comes from, joined by a
            space where there are several.
        on: pairs of columns, here and of the other table, that find the record. Empty: the object's own id.
        only_where: a field of the object, and the value it has where `fields` are copies.
        only_known: True where a null of the other table is no news: the copy may show what holds instead.
    """

    at: str
    stream: str
    fields: Mapping[str, tuple[str, ...]]
    on: tuple[tuple[str, str], ...] = ()
    only_where: tuple[str, bool] | None = None
    only_known: bool = False

    def table_of(self, table_name: str) -> str:
        """Name of the table that holds the copy, `table_name` being that of the records."""
        return "__".join([table_name, *self.at.split(".")[:-1]])

    @property
    def prefix(self) -> str:
        """Prefix of the names of the copy's columns."""
        return f"{self.at.rpartition('.')[2]}__"

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """Pairs of columns, here and there, that join the copy to its record within the account."""
        return self.on or ((f"{self.prefix}id", "id"),)


@dataclass(frozen=True)
class Stream:
    """Catalogue entry of one readable endpoint of Harvest.

    Attributes:
        name: the stream's name, and its table's unless `table` says otherwise.
        path: below `base_url`; `{name}` is filled with the parent's id, or with each of the `argument`'s values.
        data_key: the key of the list in the answer; None where the answer is one object; `ANY_ARRAY` where the key is
            not documented.
        key: the columns that identify a row within its account.
        docs: Harvest's own page.
        parent: the stream it is read by, if any.
        has_updated_since: whether `updated_since` brings only what changed. Without it, the rows of the account (or of
            the parent, or of the window) are replaced as a whole.
        date_field: the date that `from` and `to` filter on and by which the list is sorted.
        live: a filter for records that change from read to read without moving `updated_at`: read in each run.
        owner: the records that decide about the rows: rows whose owner changed are read again.
        mirrors: the list whose records the rows show once more: parents of which it tells a change are asked again.
        embeds: the copies of other streams' records that its records hold.
        kept: the columns (or lists of texts) of which Harvest knows the present value only: their past is worth keeping.
        window: reports are read month by month; `day` stamps a report without dates with the day it was read.
        table: the table its rows go to, where that is another stream's.
        argument: the source's argument that lists the values for `path`; nothing is read without it.
        limit: which of Harvest's two rate limits counts its requests.
        permission: what the token's owner must be, in words.
        feature: the switch in `company` that turns it off.
        is_default: False where it is read only when it is asked for by name.
        is_optional: True where an account may not have the endpoint at all: a 404 is then a skip.
    """

    name: str
    path: str
    data_key: str | None
    key: tuple[str, ...] = ("id",)
    docs: str = ""
    parent: Parent | None = None
    has_updated_since: bool = False
    date_field: str | None = None
    live: Mapping[str, str] = field(default_factory=dict)
    owner: Owner | None = None
    mirrors: Mirrored | None = None
    embeds: tuple[Embedded, ...] = ()
    kept: tuple[str, ...] = ()
    window: WindowLength | None = None
    table: str | None = None
    argument: str | None = None
    limit: Limit = "general"
    permission: str = "administrator"
    feature: str | None = None
    is_default: bool = True
    is_optional: bool = False

    @property
    def table_name(self) -> str:
        """Name of the table that the rows go to."""
        return self.table or self.name

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Columns that identify a row in a table that several accounts may share."""
        return ("account_id", *(name for name in self.key if name != "account_id"))

    @property
    def scope(self) -> tuple[str, ...]:
        """Columns of the scope within which a read replaces all rows; empty if rows are merged one by one by `key`."""
        if self.window == "month":
            return ("account_id", "from_date", "to_date")
        if self.window == "day":
            return ("account_id", "snapshot_date")
        if self.parent:
            return ("account_id", self.parent.key)
        if self.has_updated_since or self.argument:
            return ()
        return ("account_id",)
