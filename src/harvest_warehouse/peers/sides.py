"""Read a table in another product's layout from either side, ours or the old copy, in one form that can be compared.

Each side gives the keys with a digest of the other columns, in one order, so that a million equal rows are compared without
reading them; whole rows are read only where digests differ. Databases may write a number in two ways, so a differing digest
proves nothing: values are compared (`same`).
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlglot
from sqlglot import exp

from harvest_warehouse.database import Database
from harvest_warehouse.destinations.dialect import HOME
from harvest_warehouse.peers.layouts import Column, PeerTable

Key = tuple[Any, ...]

_ROWS = 20_000
# Between columns in a digest: a sign that text does not have.
_BETWEEN = "\x1f"


def compared_columns(table: PeerTable) -> tuple[Column, ...]:
    """Columns whose values both products take from Harvest."""
    return tuple(
        column
        for column in table.columns
        if (not column.is_null and not column.source.endswith("]")) or column.source.endswith("[]")
    )


@dataclass(frozen=True)
class Side:
    """One side of a comparison: a query for a table's rows, and what of it is compared.

    Attributes:
        database: connection to the database of that side.
        rows: query for the rows.
        key: columns that identify a row; none if the table has one row.
        columns: columns that are compared, the key included.
    """

    database: Database
    rows: exp.Query
    key: tuple[Column, ...]
    columns: tuple[Column, ...]

    def digests(self) -> Iterator[tuple[Key, int]]:
        """Key and digest (64 bits) of each row, in the order of `place_of`."""
        keys = [self._canonical(column) for column in self.key] or ["1"]
        texts = [f"coalesce({self._text(column)}, '')" for column in self.columns if column not in self.key] or ["''"]
        # A null and an empty text differ.
        nulls = [
            f"case when \"{column.name}\" is null then '0' else '1' end"
            for column in self.columns
            if column not in self.key
        ]
        digest = f"md5({f' || {_literal(_BETWEEN)} || '.join([*texts, ' || '.join(nulls) or _literal('')])})"
        order = [f"md5({key})" if column.kind == "text" else key for key, column in zip(keys, self.key, strict=False)]
        known = " and ".join(f'"{column.name}" is not null' for column in self.key)
        rest = f" where {known} order by {', '.join(order)}" if order else ""
        query = self._query(", ".join([*keys, digest]), self.rows, rest)
        for portion in self.database.portions(query, _ROWS):
            for *key, digest in portion:
                yield tuple(key), int(digest[:16], 16)

    def whole(self, keys: Sequence[Key]) -> dict[Key, dict[str, Any]]:
        """Rows by key, for some keys."""
        where = ""
        if self.key:
            first = dict.fromkeys(exp.convert(key[0]).sql(HOME) for key in keys)
            where = f" where {self._canonical(self.key[0])} in ({', '.join(first)})"
        found, wanted = {}, set(keys)
        for row in self._read(where):
            key = tuple(row[column.name] for column in self.key) or (1,)
            if key in wanted:
                found[key] = row
        return found

    def place_of(self, key: Key) -> Key:
        """Where a key stands in the order of digests: the same on both sides, whatever their collations."""
        return tuple(
            _md5(value) if column.kind == "text" else value for value, column in zip(key, self.key, strict=False)
        )

    def versions(self, by: Sequence[str], *, is_newest: bool) -> Side:
        """The same with the newest version of each row, by the largest of these columns; or with all others."""
        names = [column.name for column in self.key]
        partition = f"partition by {_listed(names)} " if names else ""
        order = ", ".join(f'"{name}" desc' for name in by or names) or "1"
        number = self._query(f"*, row_number() over ({partition}order by {order}) as place", self.rows)
        which = "place = 1" if is_newest else "place > 1"
        return Side(self.database, self._query("*", number, f" where {which}"), self.key, self.columns)

    def all_rows(self) -> Iterator[dict[str, Any]]:
        """All rows."""
        yield from self._read("")

    def _read(self, rest: str) -> Iterator[dict[str, Any]]:
        names = [column.name for column in self.columns]
        listed = ", ".join(self._canonical(column) for column in self.columns)
        for portion in self.database.portions(self._query(listed, self.rows, rest), _ROWS):
            yield from (dict(zip(names, values, strict=True)) for values in portion)

    @staticmethod
    def _query(listed: str, rows: exp.Query, rest: str = "") -> exp.Query:
        query = sqlglot.parse_one(f"select {listed} from x as compared{rest}", read=HOME)
        [table] = query.find_all(exp.Table)
        table.replace(rows.copy().subquery("compared", copy=False))
        if not isinstance(query, exp.Query):
            raise TypeError("Not a select statement.")
        return query

    def _canonical(self, column: Column) -> str:
        """SQL expression for a column's value in the form that is compared."""
        name = f'"{column.name}"'
        if column.kind == "json":
            return self.database.json_text(column.name)
        if column.kind == "timestamptz":
            return f"replace(substring({self.database.utc_text(name)}, 1, 19), ' ', 'T')"
        return f"cast({name} as {'decimal(38, 9)' if column.kind == 'decimal' else column.kind})"

    def _text(self, column: Column) -> str:
        value = self._canonical(column)
        if column.kind == "boolean":
            return f"case when {value} then 'true' when not {value} then 'false' end"
        return f"cast({value} as text)"


class Standing:
    """Keys and digests of one side, read to the end, since both may share a connection: as numbers, which take little memory.

    Attributes:
        repeated: number of rows whose key was there before.
    """

    def __init__(self, side: Side) -> None:
        is_number = [column.kind for column in side.key] == ["bigint"]
        self._numbers = array("q")
        self._keys: list[Key] = []
        self._digests = array("Q")
        self.repeated = 0
        last: Key | None = None
        for key, digest in side.digests():
            self.repeated += key == last
            last = key
            if is_number:
                self._numbers.append(key[0])
            else:
                self._keys.append(key)
            self._digests.append(digest)

    def __len__(self) -> int:
        return len(self._digests)

    def key(self, at: int) -> Key:
        """Key of the row at a place."""
        return self._keys[at] if self._keys else (self._numbers[at],)

    def digest(self, at: int) -> int:
        """Digest of the row at a place."""
        return self._digests[at]


def same(one: Any, other: Any, kind: str) -> bool:
    """Whether two values are equal: numbers by value, JSON by what both sides have."""
    if one == other:
        return True
    if one is None or other is None:
        # An object of which all is null, and none.
        return kind == "json" and _is_nothing(one) and _is_nothing(other)
    if kind == "decimal":
        return Decimal(one) == Decimal(other)
    if kind == "json" or (kind == "text" and str(one).startswith("{") and str(other).startswith("{")):
        return _same_json(_parsed(one), _parsed(other))
    return False


def _same_json(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return all(_same_json(one[name], other[name]) for name in one.keys() & other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same_json, one, other))
    return bool(one == other)


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def _is_nothing(value: Any) -> bool:
    read = _parsed(value)
    return read is None or (isinstance(read, dict) and all(map(_is_nothing, read.values())))


def _md5(value: object) -> str:
    return hashlib.md5(str(value).encode(), usedforsecurity=False).hexdigest()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _literal(text: str) -> str:
    return exp.Literal.string(text).sql(HOME)
