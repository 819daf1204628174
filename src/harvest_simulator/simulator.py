"""Simulated Harvest account that can be served, changed and made faulty, and that knows its true content."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Literal

from harvest_simulator.account.arithmetic import Rounding
from harvest_simulator.changes.people_at_work import A_CHANGE_A_SECOND, PeopleAtWork
from harvest_simulator.changes.random_changes import disturb
from harvest_simulator.clock import Clock
from harvest_simulator.company.company import build_company, empty_company
from harvest_simulator.faults.damage import SLOW_SECONDS, instead_of_an_answer, spoil_data
from harvest_simulator.faults.faults import Fault, Faults
from harvest_simulator.faults.malice import telltale, twisted
from harvest_simulator.http.api import Api
from harvest_simulator.http.identity import AUTHORIZE_PATH, TOKEN_PATH, Identity
from harvest_simulator.http.limits import Limits
from harvest_simulator.http.paging import MOST_ROWS_PER_PAGE, Manners
from harvest_simulator.http.permissions import Viewer
from harvest_simulator.http.render import Renderer
from harvest_simulator.http.reports import exact_reports
from harvest_simulator.http.request_log import Request
from harvest_simulator.http.responses import Answer, Refusal, bad_token, no_user_agent, not_found, not_routable
from harvest_simulator.http.serialization import ON_THE_WIRE, Json
from harvest_simulator.http.time_off import PaidTimeOff
from harvest_simulator.server import Asked, Reply, served
from harvest_simulator.truth import Truth

ACCOUNTS_PATH = "/api/v2/accounts"
_UNTOUCHED = frozenset({Fault.RESET, Fault.SHORT_BODY, Fault.TRUNCATED_JSON, Fault.SLOW})


class Simulator:
    """Simulator of one account of a realistic company; the same arguments give the same account.

    `size` is tiny, small, medium or large, `entries` the approximate number of time entries; `empty` makes a brand-new
    account, and `pto` adds paid time off. Unless a clock is given, it is frozen at 09:00 UTC on `today`. `latency` is
    (seconds for a page of 2,000 rows, seconds for a small response), slept on the clock.
    """

    def __init__(
        self,
        seed: int = 1,
        size: str = "small",
        today: date = date(2026, 3, 16),
        clock: Clock | None = None,
        account_id: str = "123456",
        access_token: str = "simulated-token",  # noqa: S107 (opens nothing but this simulator)
        enforce_limits: bool = True,
        latency: tuple[float, float] | None = None,
        entries: int | None = None,
        empty: bool = False,
        pto: bool = False,
    ) -> None:
        self.clock = clock or Clock(datetime.combine(today, time(9), UTC))
        self.account_id = account_id
        self.access_token = access_token
        self.enforce_limits = enforce_limits
        self.latency = latency
        self.requests: list[Request] = []
        self.faults = Faults()
        self.store = (
            empty_company(self.clock, today) if empty else build_company(seed, size, today, self.clock, entries)
        )
        self._api = Api(self.store, Renderer(self.store, ON_THE_WIRE), PaidTimeOff(self.store) if pto else None)
        self._limits = Limits()
        self._is_token_valid = True
        self.identity = Identity(self.clock)
        self._viewer = Viewer(next(iter(self.store.users)), ("administrator",))
        self._truth = Truth(self.store, pto, lambda: self._viewer)
        self._people: PeopleAtWork | None = None

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[str]:
        """Serve on loopback and yield the base URL, http://127.0.0.1:PORT/v2."""
        with served(self, port) as base_url:
            yield base_url

    @property
    def headers(self) -> dict[str, str]:
        """Headers that a client must send: token, account and user agent."""
        return {
            "Authorization": f"Bearer {self.access_token}",
            "Harvest-Account-Id": self.account_id,
            "User-Agent": "harvest-simulator (simulator@northbank.example)",
        }

    def truth(self) -> dict[str, list[Json]]:
        """All records that the API would return now, by stream; decimals as `decimal.Decimal`.

        Records of child streams have the parent's id, such as `invoice_id`.
        """
        return self._truth.exact()

    def write_truth(self, folder: Path) -> None:
        """Write the truth as one file <stream>.jsonl per stream."""
        self._truth.write(folder)

    def report_truth(
        self,
        name: str,
        from_date: date | None = None,
        to_date: date | None = None,
        include_fixed_fee: bool | None = None,
    ) -> list[Json]:
        """Compute the rows of a report, such as report_time_clients, with exact decimals; project_budget takes no dates."""
        query = {}
        if from_date is not None and to_date is not None:
            query = {"from": from_date.isoformat(), "to": to_date.isoformat()}
        if include_fixed_fee is not None:
            query["include_fixed_fee"] = str(include_fixed_fee).lower()
        with self.store.lock:
            administrator = Viewer(self._viewer.user_id, ("administrator",))
            return exact_reports(self.store).answer(name, administrator, query)

    def mutate(self, count: int, seed: int, deletions: bool = False) -> list[str]:
        """Apply `count` random changes across all streams; return a line about each.

        Without `deletions`, no row of any stream is deleted; only the lists of active project assignments get shorter if a
        project or an assignment is archived.
        """
        with self.store.lock:
            return disturb(self.store, count, seed, deletions)

    def as_role(self, role: Literal["administrator", "manager", "member"], access_roles: tuple[str, ...] = ()) -> None:
        """Make the token belong to a person with this role, and these extra rights of a manager, from now on."""
        found = [user.id for user in self.store.users.values() if user.is_active and role == user.access_roles[0]]
        # In a small account without such a person, the first one stands in.
        user_id = found[0] if found else next(iter(self.store.users))
        self._viewer = Viewer(user_id, (role, *access_roles))

    def revoke_token(self) -> None:
        """Revoke the token: from now on, every response is 401."""
        self._is_token_valid = False

    def restore_token(self) -> None:
        """Make the token valid again."""
        self._is_token_valid = True

    def set_feature(self, name: str, is_on: bool) -> None:
        """Switch a feature of the company, such as invoice_feature; endpoints that need it respond with 403 while it is off."""
        if name not in self.store.company.features:
            raise ValueError(f"unknown feature {name!r}")
        with self.store.lock:
            self.store.company.features[name] = is_on

    def set_rounding(self, mode: Literal["up", "nearest", "down"] = "nearest", minutes: int = 15) -> None:
        """Change the account's rounding rule: all rounded_hours and the reports change, but no updated_at."""
        with self.store.lock:
            self.store.version += 1
            self.store.rounding = Rounding(mode, minutes)

    def set_paging(
        self, most_rows: int = MOST_ROWS_PER_PAGE, unsaid: Collection[str] = (), *, is_null: bool = False
    ) -> None:
        """Limit pages to `most_rows` from now on, whatever `per_page` requests, and leave `unsaid` out of the envelope.

        `unsaid` are keys such as total_entries and total_pages; with `is_null` they are null instead of missing.
        """
        self._api.manners = Manners(most_rows, frozenset(unsaid), is_null)

    def start_work(self, requests_each: float = A_CHANGE_A_SECOND, seed: int = 1) -> list[str]:
        """Start concurrent changes: a time entry is edited, created, deleted or moved after `requests_each` requests, on average.

        A change is made after the response was rendered. Returns the list to which a line about each change is added.
        """
        self._people = PeopleAtWork(self.store, requests_each, seed)
        return self._people.done

    def end_work(self) -> None:
        """Stop the concurrent changes."""
        self._people = None

    def reply(self, asked: Asked) -> Reply:
        """Answer one request, with faults. Called by the server's threads."""
        request = Request(self.clock.now(), asked.method, asked.path, dict(asked.query), 0, asked.headers)
        fault = self.faults.take(request)
        answer = instead_of_an_answer(fault, self.clock.now()) if fault is not None else None
        if fault is Fault.TELLTALE:
            answer = telltale(asked.headers)
        if answer is None:
            answer = self._answer(asked)
        if fault is Fault.SLOW:
            self.clock.sleep(SLOW_SECONDS)
        if fault is not None and fault not in _UNTOUCHED and answer.status == 200:
            address = f"http://{asked.host}{asked.target}"
            answer.data = spoil_data(fault, answer.data, address)
            answer.data = twisted(fault, answer.data, address, len(self.requests))
        status = 0 if fault is Fault.RESET else answer.status
        self.requests.append(Request(request.at, asked.method, asked.path, request.query, status, asked.headers))
        if answer.status == 200:
            for act in self.faults.take_interruptions(request):
                act()
            people = self._people
            if people is not None:
                people.answered()
            self._wait(answer.row_count)
        return Reply(answer, fault)

    def _wait(self, row_count: int) -> None:
        if self.latency is not None:
            full_seconds, small_seconds = self.latency
            self.clock.sleep(small_seconds + (full_seconds - small_seconds) * min(1.0, row_count / 2_000))

    def _answer(self, asked: Asked) -> Answer:
        """Check a request in Harvest's order (user agent, token, account, rate limit), then answer it."""
        try:
            headers = {name.lower(): value for name, value in asked.headers.items()}
            if asked.method != ("POST" if asked.path == TOKEN_PATH else "GET"):
                raise not_routable()
            if not headers.get("user-agent", "").strip():
                raise no_user_agent()
            if asked.path in (AUTHORIZE_PATH, TOKEN_PATH):
                return self.identity.answer(asked.path, asked.query, asked.body)
            token = headers.get("authorization", "").removeprefix("Bearer ") or asked.query.get("access_token", "")
            self._check(token, asked.path)
            if asked.path == ACCOUNTS_PATH:
                return Answer(data=self._accounts())
            if headers.get("harvest-account-id", asked.query.get("account_id", "")) != self.account_id:
                raise not_found()
            with self.store.lock:
                if self.enforce_limits:
                    self._limits.admit(asked.path, self.clock)
                return self._api.answer(self._viewer, f"http://{asked.host}{asked.path}", asked.path, asked.query)
        except Refusal as refusal:
            return refusal.answer

    def _check(self, token: str, path: str) -> None:
        """Refuse a token that is neither the person's own nor one of an app that they allowed."""
        is_of_app = self.identity.accepts(token)
        is_refused = is_of_app and self.identity.requires_google and path != ACCOUNTS_PATH
        if not self._is_token_valid or is_refused or not (is_of_app or token == self.access_token):
            raise bad_token()

    def _accounts(self) -> Json:
        """List the token's accounts.

        https://help.getharvest.com/api-v2/authentication-api/authentication/authentication/

        The user's id is that of Harvest ID, not of the account; one of the two accounts belongs to another product.
        """
        user = self.store.users[self._viewer.user_id]
        return {
            "user": {
                "id": 5_000_000 + user.id % 1_000,
                "first_name": user.first_name,
                "last_name": user.last_name,
                "email": user.email,
            },
            "accounts": [
                {"id": 99_887_766, "name": self.store.company.name, "product": "forecast"},
                {"id": int(self.account_id), "name": self.store.company.name, "product": "harvest"},
            ],
        }
