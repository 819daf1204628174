"""Map field names to column names: documented fields keep theirs, every other field gets a unique one."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from dlt.common.data_types import DATA_TYPES
from dlt.common.normalizers.naming.snake_case import NamingConvention

from ..columns import GONE
from .coercion import as_text

OURS = "harvest_"
"""Prefix of generated names. Fields that begin with it are renamed too, so that names never collide."""

_NAMING = NamingConvention()
_LONGEST = 60
# Deeper nesting is kept as text: each level makes names longer, and each list would become a table.
_DEEPEST = 8
# Columns that dlt adds to each row of a child table.
_ROW = ("account_id",)
# Suffixes of dlt's variant columns, for values of another type.
_VARIANTS = frozenset(f"v_{data_type}" for data_type in DATA_TYPES)


class Names:
    """Renamer of the fields of one table's records, at every depth, to unique and valid column names.

    Args:
        columns: documented columns; an object in the place of one is kept unchanged.
        in_lists: whether records in lists become rows of child tables; their columns are prefixed by the list's name.
    """

    def __init__(self, columns: Collection[str], *, in_lists: bool) -> None:
        self._columns = columns
        self._in_lists = in_lists

    def record(self, record: dict[str, Any], taken: Collection[str], path: tuple[str, ...] = ()) -> dict[str, Any]:
        """Rename the fields of a record to their columns' names.

        Args:
            record: the record as received.
            taken: names of columns that are added to its row, such as `account_id`.
            path: path of the object inside the table's record.
        """
        return {
            name: self._value(value, (*path, name))
            for name, value in ((own_name(field, taken), value) for field, value in record.items())
        }

    def _value(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict) and "__".join(path) not in self._columns:
            return as_text(value) if len(path) == _DEEPEST else self.record(value, (), path)
        if isinstance(value, list) and self._in_lists:
            return as_text(value) if len(path) == _DEEPEST else [self._item(item, path) for item in value]
        return value

    def _item(self, item: Any, path: tuple[str, ...]) -> Any:
        return self.record(item, _ROW, path) if isinstance(item, dict) else self._value(item, (*path, "list"))


def own_name(field: str, taken: Collection[str] = ()) -> str:
    """Column name of a field: deterministic, and different from that of any other field.

    A field with a valid column name, as all of Harvest's have, keeps it, unless it is reserved here or by dlt.
    """
    if not _is_plain(field) or field.startswith(OURS):
        return _made_up(field)
    is_ours = field in taken or field in _VARIANTS or field == GONE or field.startswith("_dlt_")
    return f"{OURS}{field.lstrip('_')}" if is_ours else field


@lru_cache(10_000)
def _is_plain(field: str) -> bool:
    """True if a field's name is valid as a column name."""
    return 0 < len(field) <= _LONGEST and bool(field.strip()) and _NAMING.normalize_identifier(field) == field


def _made_up(field: str) -> str:
    """Normalised name of a field, with a hash that makes it unique."""
    spelled = _NAMING.normalize_identifier(field[:_LONGEST]) if field.strip() else "unnamed"
    mark = blake2b(field.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{OURS}{spelled[: _LONGEST - 20].strip('_')}_{mark}"
