"""Base of all changes: each takes the lock, increments the version, and returns the row's id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import date
from decimal import Decimal
from functools import wraps
from typing import Any, TypeVar, cast

from harvest_simulator.account.tables import Tables

Method = TypeVar("Method", bound=Callable[..., Any])

# Fields that rows store under another name and in another unit than the API.
_OTHER_UNITS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "hours": ("hours_hundredths", lambda hours: round(Decimal(str(hours)) * 100)),
    "weekly_capacity": ("weekly_capacity_seconds", int),
}


class NotPossible(ValueError):
    """Harvest would refuse this change with 422."""


def change(method: Method) -> Method:
    """Decorate a change, so that it runs under the store's lock and increments the version."""

    @wraps(method)
    def changed(self: Tables, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            self.version += 1
            return method(self, *args, **kwargs)

    return cast("Method", changed)


def set_fields(row: Any, values: dict[str, Any]) -> None:
    """Set own fields of a row, by the API's names. Raises TypeError for a field that the row does not have."""
    known = {field.name for field in fields(row)}
    for name, value in values.items():
        own_name, convert = _OTHER_UNITS.get(name, (name, lambda said: said))
        if own_name not in known or own_name == "id":
            raise TypeError(f"{type(row).__name__} has no field {name!r} to set")
        setattr(row, own_name, convert(value))


class Changes(Tables):
    """Base class of all changes: tables with a clock for updated_at."""

    # How long before its commit a change began.
    _late_seconds = 0

    def now_seconds(self) -> int:
        """Time that a change writes into updated_at, in seconds since 1970."""
        return self.clock.now_seconds() - self._late_seconds

    @contextmanager
    def committing_late(self, seconds: int) -> Iterator[None]:
        """Backdate the changes in a block by some seconds, as in a long transaction that is committed late."""
        before, self._late_seconds = self._late_seconds, seconds
        try:
            yield
        finally:
            self._late_seconds = before

    def today(self) -> date:
        """Day of the virtual clock, UTC."""
        return self.clock.today()

    def edit(self, row: Any, values: dict[str, Any]) -> int:
        """Set fields and move updated_at, as a change in Harvest's own interface does."""
        set_fields(row, values)
        row.updated_at = self.now_seconds()
        row_id: int = row.id
        return row_id
