"""Definition of catalogue entries: every property in which Harvest's streams differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Limit = Literal["general", "reports"]
WindowLength = Literal["month", "day"]

ANY_ARRAY = "*"
"""Value of `data_key` for responses whose key is not documented: their only array."""


@dataclass(frozen=True)
class Parent:
    """Link from a child stream to its parent stream: the child is read once per parent row.

    Attributes:
        stream: the parent stream; the `id` of its rows goes into the path.
        key: column of the child table with the parent's id.
        only: filter for parents that can have children; None for all.
        alive: filter for active parents, whose children are likely to change without the parent's `updated_at`; they are
            read first. None for none.
    """

    stream: str
    key: str
    only: ParentFilter | None = None
    alive: ParentFilter | None = None


@dataclass(frozen=True)
class ParentFilter:
    """Filter of parents: a parent passes if any of the conditions holds.

    Attributes:
        differs: pairs of fields whose values differ.
        filled: fields that are neither null nor missing.
        holds: pairs of a field and a value that it equals or, if it is a list, contains.
    """

    differs: tuple[tuple[str, str], ...] = ()
    filled: tuple[str, ...] = ()
    holds: tuple[tuple[str, object], ...] = ()

    def admits(self, record: Mapping[str, object]) -> bool:
        """True if `record`, a parent as the API returned it, passes the filter."""
        return (
            any(record.get(one) != record.get(other) for one, other in self.differs)
            or any(record.get(name) is not None for name in self.filled)
            or any(_contains(record.get(name), value) for name, value in self.holds)
        )


def _contains(value: object, wanted: object) -> bool:
    return wanted in value if isinstance(value, list) else value == wanted


@dataclass(frozen=True)
class Owner:
    """Owning stream: rows change when their owner does, without a new `updated_at`, and are deleted with it.

    Attributes:
        stream: the owning stream; it must support `updated_since`.
        filter: query parameter that selects the rows of one owner.
    """

    stream: str
    filter: str

    @property
    def column(self) -> str:
        """Column with the owner's id: `project__id` for the filter `project_id`."""
        return f"{self.filter.removesuffix('_id')}__id"


@dataclass(frozen=True)
class Mirrored:
    """List that a child stream is a projection of: the same records and ids, changed and deleted together.

    Attributes:
        stream: the list's stream; it must support `updated_since`.
        parent: the object in its records that refers to the parent.
    """

    stream: str
    parent: str


@dataclass(frozen=True)
class Embedded:
    """Denormalised copy of another stream's record inside a record; it changes without the record's `updated_at`.

    Attributes:
        at: the object that holds the copy; `line_items.project` for one inside a nested list.
        stream: the stream of the original record.
        fields: fields of the object, each with the columns of the original that it is copied from (joined by a space if
            there are several).
        on: join keys, as pairs of a column here and a column of the original. Empty: the object's own id.
        only_where: a condition on the object, as a field and its value, under which `fields` are copies.
        only_known: True to ignore nulls of the original: the copy may hold the value that applies instead.
    """

    at: str
    stream: str
    fields: Mapping[str, tuple[str, ...]]
    on: tuple[tuple[str, str], ...] = ()
    only_where: tuple[str, bool] | None = None
    only_known: bool = False

    def table_of(self, table_name: str) -> str:
        """Name of the table that holds the copy: `table_name` or one of its child tables."""
        return "__".join([table_name, *self.at.split(".")[:-1]])

    @property
    def prefix(self) -> str:
        """Prefix of the names of the copy's columns."""
        return f"{self.at.rpartition('.')[2]}__"

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """Join keys from the copy to its original within the account: pairs of a column here and one there."""
        return self.on or ((f"{self.prefix}id", "id"),)


@dataclass(frozen=True)
class Stream:
    """Catalogue entry of one readable endpoint of Harvest.

    Attributes:
        name: the stream's name, and its table's unless `table` says otherwise.
        path: path below `base_url`; `{name}` is replaced by the parent's id, or by each value of `argument`.
        data_key: key of the list in the response; None if the response is one object; `ANY_ARRAY` if the key is not
            documented.
        key: columns that identify a row within its account.
        docs: Harvest's own page.
        parent: the parent stream, if it is a child stream.
        has_updated_since: whether the endpoint supports `updated_since`. Without it, the rows of the account (or of the
            parent, or of the window) are replaced as a whole.
        date_field: date that `from` and `to` filter on and that the list is sorted by.
        live: filter for records that change without a new `updated_at`; read in every run.
        owner: the owning stream: rows whose owner changed are read again.
        mirrors: the list that its rows are a projection of: a change there means that the parent is read again.
        embeds: denormalised copies of other streams' records in its records.
        kept: columns (or lists of strings) whose history is kept, since Harvest has only the present value.
        window: `month` for a report that is read month by month; `day` for one without dates, stamped with the day it
            was read.
        table: table its rows go to, if it is another stream's.
        argument: argument of the source with the values for `path`; nothing is read without it.
        limit: which of Harvest's two rate limits its requests count against.
        permission: permission that the token's owner needs, as text.
        feature: switch in `company` that turns it off.
        is_default: False if it is read only when selected by name.
        is_optional: True if an account may lack the endpoint: a 404 then skips the stream.
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
        """Primary key of the table, which several accounts may share: `account_id` and `key`."""
        return ("account_id", *(name for name in self.key if name != "account_id"))

    @property
    def scope(self) -> tuple[str, ...]:
        """Merge key: columns of the scope in which a read replaces all rows; empty if rows are merged one by one by `key`."""
        if self.window == "month":
            return ("account_id", "from_date", "to_date")
        if self.window == "day":
            return ("account_id", "snapshot_date")
        if self.parent:
            return ("account_id", self.parent.key)
        if self.has_updated_since or self.argument:
            return ()
        return ("account_id",)
