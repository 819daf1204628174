"""Answer requests by path and query: permissions, filters, paging, rendering. No network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harvest_simulator.account import correspondence
from harvest_simulator.account.rows import TimeEntry, User
from harvest_simulator.changes.store import Store
from harvest_simulator.http import filters
from harvest_simulator.http.endpoints import Endpoint, find_endpoint
from harvest_simulator.http.lists import LISTS, Listing
from harvest_simulator.http.paging import Manners, SortKey, page_of, read_paging
from harvest_simulator.http.permissions import ANY_MANAGER, Viewer
from harvest_simulator.http.render import Renderer
from harvest_simulator.http.reports import Reports
from harvest_simulator.http.responses import Answer, Refusal, not_authorized, not_found, not_routable, not_valid
from harvest_simulator.http.serialization import Json
from harvest_simulator.http.time_off import PaidTimeOff
from harvest_simulator.http.visibility import sees_invoice, sees_person, sees_project, sees_work

# Number of filtered lists to cache for further pages.
_KEPT_LISTS = 8
_VISIBLE = {
    "time_entries": sees_work,
    "expenses": sees_work,
    "projects": sees_project,
    "users": sees_person,
    "invoices": sees_invoice,
}


class Api:
    """API on the store's rows. `pto` is None in accounts without paid time off; `manners` are deviations in paging."""

    def __init__(self, store: Store, renderer: Renderer, pto: PaidTimeOff | None) -> None:
        self.store = store
        self.renderer = renderer
        self.reports = Reports(store)
        self.pto = pto
        self.manners = Manners()
        self._kept: dict[tuple[Any, ...], Sequence[Any]] = {}
        self._kept_as_of = -1

    def answer(self, viewer: Viewer, url: str, path: str, query: dict[str, str]) -> Answer:
        """Answer a request; `url` is its full URL without query, for links. Refusals are returned as answers."""
        try:
            found = find_endpoint(path)
            if found is None:
                raise not_routable()
            endpoint, ids = found
            self.renderer.refresh()
            return self._answer(viewer, endpoint, ids, url, query)
        except Refusal as refusal:
            return refusal.answer

    def _answer(
        self, viewer: Viewer, endpoint: Endpoint, ids: tuple[int, ...], url: str, query: dict[str, str]
    ) -> Answer:
        if endpoint.needed is not None and not viewer.may(endpoint.needed):
            raise not_authorized()
        if endpoint.feature is not None and not self.store.company.features[endpoint.feature]:
            raise not_authorized()
        if endpoint.parent is not None:
            self._check_parent(viewer, endpoint.parent, ids[0])
        if endpoint.listing is not None:
            return self._list(viewer, endpoint.listing, ids[0] if ids else 0, url, query)
        if endpoint.special is not None:
            return self._special(viewer, endpoint.special, ids, url, query)
        return Answer(data=self._single(viewer, endpoint, ids))

    def _check_parent(self, viewer: Viewer, table: str, row_id: int) -> None:
        row = getattr(self.store, table).get(row_id)
        if row is None:
            raise not_found()
        is_visible = _VISIBLE.get(table)
        if is_visible is not None and not is_visible(self.store, viewer, row):
            raise not_authorized()

    def _single(self, viewer: Viewer, endpoint: Endpoint, ids: tuple[int, ...]) -> Json:
        if endpoint.table is None or endpoint.render is None:
            raise not_routable()
        rows: Mapping[int, Any] = getattr(self.store, endpoint.table)
        if endpoint.table in ("billable_rates", "cost_rates"):
            rows = {rate.id: rate for rate in rows.get(ids[0], ())}
        row = rows.get(ids[-1])
        if row is None or (len(ids) > 1 and getattr(row, endpoint.parent_field) != ids[0]):
            raise not_found()
        is_visible = _VISIBLE.get(endpoint.table)
        if is_visible is not None and not is_visible(self.store, viewer, row):
            # A row that the viewer may not see does not exist for them.
            raise not_found()
        return self._censor(viewer, row, endpoint.render(self.renderer, row))

    def _list(self, viewer: Viewer, name: str, parent_id: int, url: str, query: dict[str, str]) -> Answer:
        listing = LISTS[name]
        asked = read_paging(url, query, self.manners.most_rows)
        rows = self._rows(viewer, name, listing, parent_id, query)
        page = page_of(asked, rows, listing.cursor_key)
        shown = [self._censor(viewer, row, listing.render(self.renderer, row)) for row in page.rows]
        return Answer(data={listing.data_key: shown, **self.manners.envelope(page.envelope)}, row_count=len(shown))

    def _rows(
        self, viewer: Viewer, name: str, listing: Listing, parent_id: int, query: dict[str, str]
    ) -> Sequence[Any]:
        """Rows visible to this viewer with these filters, in order; cached until something changes."""
        said = {key: kept.read(key, query[key]) for key, kept in listing.filters.items() if query.get(key)}
        place = (name, parent_id, viewer, tuple(sorted(said.items(), key=lambda item: item[0])))
        if self._kept_as_of != self.store.version:
            self._kept.clear()
            self._kept_as_of = self.store.version
        if place in self._kept:
            return self._kept[place]
        if listing.rows_between is not None:
            rows = listing.rows_between(self.store, said.pop("from", None), said.pop("to", None))
        else:
            rows = listing.rows(self.store, parent_id)
        for key, value in said.items():
            is_match = listing.filters[key].is_match
            rows = [row for row in rows if is_match(self.store, row, value)]
        if listing.is_visible is not None and not viewer.is_administrator:
            rows = [row for row in rows if listing.is_visible(self.store, viewer, row)]
        if len(self._kept) >= _KEPT_LISTS:
            self._kept.pop(next(iter(self._kept)))
        kept = self._kept[place] = list(rows)
        return kept

    def _censor(self, viewer: Viewer, row: object, shown: Json) -> Json:
        """Hide money that the viewer may not see: keys of users are removed, fields of entries are null."""
        if viewer.is_administrator:
            return shown
        if isinstance(row, User):
            if not viewer.sees_rates:
                del shown["default_hourly_rate"]
            del shown["cost_rate"]
        elif isinstance(row, TimeEntry):
            if not viewer.sees_rates:
                shown["billable_rate"] = None
            shown["cost_rate"] = None
        return shown

    def _special(self, viewer: Viewer, special: str, ids: tuple[int, ...], url: str, query: dict[str, str]) -> Answer:
        """Answer endpoints that are neither a plain list nor a plain row."""
        if special == "pto":
            return self._paid_time_off(viewer, url, query)
        if special.startswith("report_"):
            return self._page(url, query, self.reports.answer(special, viewer, query), "results", None)
        if special in ("my_project_assignments", "project_assignments", "teammates"):
            return self._list_of_person(viewer, special, ids[0] if ids else viewer.user_id, url, query)
        single: dict[str, Callable[[], Json]] = {
            "company": self.renderer.company,
            "me": lambda: self.me(viewer),
            "message_preview": lambda: self._preview(ids[0], query),
        }
        return Answer(data=single[special]())

    def _list_of_person(self, viewer: Viewer, special: str, user_id: int, url: str, query: dict[str, str]) -> Answer:
        if special == "my_project_assignments":
            return self._list(viewer, "my_project_assignments", user_id, url, query)
        if special == "project_assignments":
            if user_id != viewer.user_id and not viewer.may(ANY_MANAGER):
                raise not_authorized()
            return self._list(viewer, "user_project_assignments", user_id, url, query)
        if "manager" not in self.store.users[user_id].access_roles:
            raise not_valid("User is not a manager")
        return self._list(viewer, "user_teammates", user_id, url, query)

    def _page(self, url: str, query: dict[str, str], rows: Sequence[Any], data_key: str, key: SortKey | None) -> Answer:
        page = page_of(read_paging(url, query, self.manners.most_rows), rows, key)
        envelope = self.manners.envelope(page.envelope)
        return Answer(data={data_key: list(page.rows), **envelope}, row_count=len(page.rows))

    def me(self, viewer: Viewer) -> Json:
        """Render the viewer's own user, with the token's present rights."""
        row = self.store.users[viewer.user_id]
        shown = self.renderer.user(row)
        shown["access_roles"] = list(viewer.access_roles)
        return self._censor(viewer, row, shown)

    def _preview(self, invoice_id: int, query: dict[str, str]) -> Json:
        invoice = self.store.invoices[invoice_id]
        return {
            "invoice_id": invoice.id,
            "subject": f"Invoice #{invoice.number} from {self.store.company.name}",
            "body": correspondence.invoice_body(self.store, invoice, "Invoice"),
            "reminder": filters.read_flag("reminder", query.get("reminder", "false")),
            "thank_you": filters.read_flag("thank_you", query.get("thank_you", "false")),
        }

    def _paid_time_off(self, viewer: Viewer, url: str, query: dict[str, str]) -> Answer:
        if self.pto is None:
            raise not_found()
        path = url[url.index("/v2/pto/") :]
        data_key, found = self.pto.answer(path, query, viewer.user_id)
        if data_key is None:
            return Answer(data=found)
        return self._page(url, query, found, data_key, None)
