"""Truth of an account: all records that the API would return now, which a copy must equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson

from harvest_simulator.changes.store import Store
from harvest_simulator.http.lists import LISTS
from harvest_simulator.http.permissions import Viewer
from harvest_simulator.http.render import Renderer
from harvest_simulator.http.serialization import EXACT, ON_THE_WIRE, Json, Numbers
from harvest_simulator.http.time_off import PaidTimeOff

# Streams that are lists without a parent.
_PLAIN = (
    "clients",
    "contacts",
    "users",
    "roles",
    "projects",
    "tasks",
    "user_assignments",
    "task_assignments",
    "time_entries",
    "expenses",
    "expense_categories",
    "invoices",
    "invoice_item_categories",
    "estimates",
    "estimate_item_categories",
)
# Child streams: the parents' table, and the field that the parent's id is added as.
_NESTED = {
    "invoice_messages": ("invoices", "invoice_id"),
    "invoice_payments": ("invoices", "invoice_id"),
    "estimate_messages": ("estimates", "estimate_id"),
    "user_billable_rates": ("users", "user_id"),
    "user_cost_rates": ("users", "user_id"),
    "user_project_assignments": ("users", "user_id"),
    "user_teammates": ("users", "manager_user_id"),
}


class Truth:
    """Truth of every stream of the account; `token_user` returns the token's owner, for users/me."""

    def __init__(self, store: Store, has_pto: bool, token_user: Callable[[], Viewer]) -> None:
        self.store = store
        self.has_pto = has_pto
        self.token_user = token_user

    def exact(self) -> dict[str, list[Json]]:
        """Records by stream; money and hours as Decimal, everything else as in JSON."""
        with self.store.lock:
            return {name: list(records) for name, records in self._streams(EXACT)}

    def write(self, folder: Path) -> None:
        """Write one file <stream>.jsonl per stream, with JSON numbers."""
        folder.mkdir(parents=True, exist_ok=True)
        with self.store.lock:
            for name, records in self._streams(ON_THE_WIRE):
                with (folder / f"{name}.jsonl").open("wb") as file:
                    for record in records:
                        file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))

    def _streams(self, numbers: Numbers) -> Iterator[tuple[str, Iterator[Json]]]:
        renderer = Renderer(self.store, numbers)
        renderer.refresh()
        yield "company", iter([renderer.company()])
        yield "users_me", iter([renderer.user(self.store.users[self.token_user().user_id])])
        for name in _PLAIN:
            yield name, self._plain(renderer, name)
        for name, (table, parent_key) in _NESTED.items():
            yield name, self._nested(renderer, name, table, parent_key)
        if self.has_pto:
            streams = PaidTimeOff(self.store, numbers).streams()
            yield from ((name, iter(records)) for name, records in streams.items())

    def _plain(self, renderer: Renderer, name: str) -> Iterator[Json]:
        listing = LISTS[name]
        return (listing.render(renderer, row) for row in listing.rows(self.store, 0))

    def _nested(self, renderer: Renderer, name: str, table: str, parent_key: str) -> Iterator[Json]:
        listing = LISTS[name]
        parents: dict[int, Any] = getattr(self.store, table)
        for parent_id in parents:
            for row in listing.rows(self.store, parent_id):
                yield {**listing.render(renderer, row), parent_key: parent_id}
