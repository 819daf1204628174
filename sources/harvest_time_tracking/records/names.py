"""Map field names to column names: documented ones keep theirs, every other field gets a unique one."""

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
"""Prefix of the names given here. Fields that begin with it are renamed, so that there is no conflict."""

_NAMING = NamingConvention()
_LONGEST = 60
# What is nested deeper is kept as text: each layer makes names longer, and each list a table.
_DEEPEST = 8
# What dlt puts into each row of a list.
_ROW = ("account_id",)
# dlt puts a value of another type into a column beside, named so.
_VARIANTS = frozenset(f"v_{data_type}" for data_type in DATA_TYPES)


class Names:
    """Renamer of the fields of one table's records, at each depth, to unique names that are valid as column names.

    Args:
        columns: the documented columns; what stands in the place of one is a value, and kept as it came.
        in_lists: whether the records in its lists become rows, too; their columns are under the lists' names.
    """

    def __init__(self, columns: Collection[str], *, in_lists: bool) -> None:
        self._columns = columns
        self._in_lists = in_lists

    def record(self, record: dict[str, Any], taken: Collection[str], path: tuple[str, ...] = ()) -> dict[str, Any]:
        """Rename the fields of a record to their columns' names.

        Args:
            record: as it came.
            taken: names that are columns of ours in a row of its table.
            path: where it stands in the record of a table.
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

    A field that is spelled like a column, as all of Harvest's are, keeps its name, if that is not one of ours or dlt's.
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
