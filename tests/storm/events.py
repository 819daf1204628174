"""Events of a storm, drawn from one seed: days of changes, faults and kills."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from harvest_simulator import Fault
from harvest_simulator.changes import billing_acts, setup_acts, work_acts
from harvest_simulator.changes.changes import NotPossible
from harvest_simulator.changes.dice import Act, Dice
from harvest_simulator.faults.faults import Faults
from harvest_simulator.http.request_log import Request
from harvest_simulator.simulator import Simulator

# Faults that a client with retries survives, unless all eight attempts meet them.
PASSING = (
    Fault.RATE_LIMITED,
    Fault.RATE_LIMITED_DATE,
    Fault.RATE_LIMITED_BARE,
    Fault.SERVER_ERROR,
    Fault.BAD_GATEWAY,
    Fault.UNAVAILABLE,
    Fault.RESET,
    Fault.SHORT_BODY,
    Fault.TRUNCATED_JSON,
    Fault.HTML_200,
    Fault.SLOW,
)
# Faults that persist for a whole run, on one path.
STAYING = (Fault.FORBIDDEN, Fault.FORBIDDEN, Fault.FORBIDDEN, Fault.UNAUTHORIZED, Fault.SERVER_ERROR, Fault.RESET)
# Wrong `Date` headers of responses.
DATES = (Fault.CLOCK_AHEAD, Fault.CLOCK_BEHIND, Fault.ODD_DATE, Fault.UNREADABLE_DATE, Fault.DATE_OF_YEAR_202)
# Only one clock is wrong, never both: then the time could not be known.
WRONG_CLOCKS: tuple[dict[str, Any], ...] = (
    *({"ahead_seconds": seconds} for seconds in (-86_400, -3_600, -240, 240, 3_600, 86_400)),
    *({"dated": date} for date in DATES),
)
TRICKLES = (Fault.TRICKLE, Fault.TRICKLING_HEAD)
# Responses never seen from Harvest.
ODDITIES = (*TRICKLES, Fault.ENDLESS_LINK, Fault.ENDLESS_ROWS, Fault.HUGE_TOTAL, Fault.GZIP_BOMB, Fault.UNKNOWN_FIELD)
PATHS = (
    "time_entries", "expenses", "invoices", "estimates", "clients", "contacts", "projects", "tasks", "users", "roles",
    "user_assignments", "task_assignments", "expense_categories", "invoices/*/payments", "invoices/*/messages",
    "estimates/*/messages", "users/*/billable_rates", "users/*/cost_rates", "users/*/project_assignments", "reports/*",
)  # fmt: skip
# Approximate number of file and network events in a sync of a tiny account.
_EVENTS = 4_400
# Lists with several pages, if pages are small.
LONG_LISTS = ("time_entries", "expenses", "user_assignments", "task_assignments", "invoices", "projects", "tasks")


@dataclass(frozen=True)
class Kill:
    """SIGKILL some milliseconds after the n-th file or network event of the run."""

    at_event: int
    then_ms: int = 0


@dataclass(frozen=True)
class FullDisk:
    """Full disk: no file can grow beyond the database's size plus `room_bytes`, or be opened for writing after an event."""

    room_bytes: int | None = None
    at_event: int | None = None


@dataclass(frozen=True)
class Day:
    """Events of a day: between one run and the next, and during the run.

    Attributes:
        seed: seed of the changes.
        hours: hours that the clock advances before the run.
        changes: number of changes before the run.
        late_seconds: delay of the commit of some of these changes; 0 for none.
        command: command to run.
        streams: streams named in a load.
        rate: share of requests that meet a passing fault.
        spell: a path, and the fault of every request for it.
        between: lists that change between two of their pages.
        meanwhile: numbers of the requests before which something changes.
        requests_each: number of requests per concurrent change of a time entry; None for no such changes.
        most_rows: largest page size served, whatever `per_page` requests.
        unsaid: paging keys missing in every response.
        ahead_seconds: lead of the client's clock over Harvest's; negative for a lag.
        dated: fault of the `Date` header of every response; None for correct ones.
        odd: a path, a response never seen from Harvest, and how many requests for the path get it.
        token_lost_at: number of the request before which the token is revoked; it is restored after the run.
        role: role of the token's owner during the run, if not administrator.
        role_at: number of the request before which the role changes.
        kill: when the run is killed; None for never.
        disk: when the disk is full; None for never.
        is_twice: whether two runs are started at once.
        is_folder_lost: whether dlt's working folder is deleted before the run.
        is_copy_kept: whether the database is copied before the run.
        is_copy_restored: whether the last copy, if any, replaces the database before the run.
        is_built: whether the run builds the marts at its end.
    """

    seed: int
    hours: float = 24.0
    changes: int = 0
    late_seconds: int = 0
    command: str = "sync"
    streams: tuple[str, ...] = ()
    rate: float = 0.0
    spell: tuple[str, Fault] | None = None
    between: tuple[str, ...] = ()
    meanwhile: tuple[int, ...] = ()
    requests_each: float | None = None
    most_rows: int = 2_000
    unsaid: tuple[str, ...] = ()
    ahead_seconds: int = 0
    dated: Fault | None = None
    odd: tuple[str, Fault, int] | None = None
    token_lost_at: int | None = None
    role: str | None = None
    role_at: int = 1
    kill: Kill | None = None
    disk: FullDisk | None = None
    is_twice: bool = False
    is_folder_lost: bool = False
    is_copy_kept: bool = False
    is_copy_restored: bool = False
    is_built: bool = False

    @property
    def is_quiet(self) -> bool:
        """True if Harvest does not change during the run and retries get everything: then a successful run must be complete.

        An odd response may make the run fail, but it must not succeed with something missing.
        """
        return not any(
            (
                *(self.spell, self.between, self.meanwhile, self.requests_each, self.token_lost_at),
                *(self.role, self.kill, self.disk, self.is_twice),
            )
        )


def forecast(seed: int) -> tuple[Day, ...]:
    """Draw the days of one storm."""
    rng = Random(f"storm:{seed}")
    return tuple(with_manners(day_of(rng)) for _ in range(rng.choice((2, 3, 3, 4))))


def with_manners(day: Day) -> Day:
    """Day with further events that are independent of the rest, drawn from the day's own seed.

    Paging, concurrent changes, wrong clocks, and responses never seen from Harvest.
    """
    rng = Random(f"manners:{day.seed}")
    return replace(
        day,
        requests_each=rng.choice((None, None, None, None, 1.0, 4.0)),
        most_rows=rng.choice((2_000, 2_000, 2_000, 30, 12)),
        unsaid=rng.choice(((), (), (), (), (), ("total_entries",), ("total_entries", "total_pages"))),
        # With a wrong clock, the cursors of a run with restricted access could not be identified.
        **({} if (wrong := rng.choice((*[{}] * 12, *WRONG_CLOCKS))) and day.role else wrong),
        odd=rng.choice((None, None, (rng.choice(PATHS), rng.choice(ODDITIES), rng.choice((1, 3, 1 << 30))))),
    )


def day_of(rng: Random) -> Day:
    """Draw one day: some changes, a run, and mostly one fault."""
    trouble = rng.choice(
        ("nothing", "faults", "faults", "spell", "between", "token", "role", "kill", "kill", "kill", "disk", "twice")
    )
    command = rng.choices(("sync", "sync --repair", "load"), (75, 10, 15))[0]
    return Day(
        seed=rng.randrange(1 << 30),
        hours=rng.choice((0.0, 0.01, 0.5, 3.0, 24.0, 24.0, 24.0, 72.0, 200.0)),
        changes=rng.choice((0, 3, 10, 25, 40)),
        late_seconds=rng.choice((0, 0, 0, 5, 600, 5_400)),
        command=command,
        streams=tuple(rng.sample(("time_entries", "clients", "projects", "invoices", "invoice_payments"), 2))
        if command == "load"
        else (),
        rate=rng.choice((0.05, 0.15, 0.3)) if trouble == "faults" else rng.choice((0.0, 0.0, 0.03)),
        spell=(rng.choice(PATHS), rng.choice(STAYING)) if trouble == "spell" else None,
        between=tuple(rng.sample(LONG_LISTS, 2)) if trouble == "between" or rng.random() < 0.1 else (),
        meanwhile=tuple(rng.sample(range(1, 160), 4)) if trouble == "between" or rng.random() < 0.1 else (),
        token_lost_at=rng.choice((1, 3, 10, 20, 40, 70)) if trouble == "token" else None,
        role=rng.choice(("manager", "member")) if trouble == "role" else None,
        role_at=rng.choice((1, 1, 5, 20, 60, 90, 110, 130)),
        kill=Kill(rng.randrange(30, _EVENTS), rng.choice((0, 0, 0, 3, 20))) if trouble == "kill" else None,
        disk=_disk(rng) if trouble == "disk" else None,
        is_twice=trouble == "twice",
        is_folder_lost=rng.random() < (0.5 if trouble == "kill" else 0.1),
        is_copy_kept=rng.random() < 0.3,
        is_copy_restored=rng.random() < 0.15,
        is_built=rng.random() < 0.1,
    )


def _disk(rng: Random) -> FullDisk:
    if rng.random() < 0.5:
        return FullDisk(room_bytes=rng.choice((0, 20_000, 300_000, 1_000_000)))
    return FullDisk(at_event=rng.randrange(30, _EVENTS))


def _edit_twice_in_a_second(it: Dice) -> str:
    entry = it.entry()
    it.store.edit_time_entry(entry.id, notes=it.word())
    return f"wrote the note of time entry {it.store.edit_time_entry(entry.id, notes=it.word())} twice in a second"


def _back_date(it: Dice) -> str:
    entry = it.entry()
    day = entry.spent_date - timedelta(days=it.rng.choice((30, 90, 400)))
    return f"back-dated time entry {it.store.edit_time_entry(entry.id, spent_date=day, notes=it.word())} to {day}"


def _bill_by_hand(it: Dice) -> str:
    entry = it.entry()
    return f"marked time entry {it.store.mark_time_entry_billed(entry.id, not entry.is_billed)} by hand"


def _move_expense(it: Dice) -> str:
    row = it.pick(list(it.store.expenses.values()))
    day = row.spent_date + timedelta(days=it.rng.choice((-40, -3, 2)))
    return f"moved expense {it.store.edit_expense(row.id, spent_date=day)} to {day}"


def _reissue(it: Dice) -> str:
    row = it.pick(list(it.store.invoices.values()))
    day = row.issue_date + timedelta(days=it.rng.choice((-40, -3, 2)))
    return f"moved invoice {it.store.edit_invoice(row.id, issue_date=day)} to {day}"


def _restate(it: Dice) -> str:
    user_id = it.pick(list(it.store.users))
    since = it.store.today() - timedelta(days=it.rng.choice((10, 60)))
    count = it.store.restate_rate(user_id, Decimal(it.rng.randrange(60, 300)), since)
    return f"restated the rate of {count} time entries of user {user_id}"


def _teammates(it: Dice) -> str:
    manager = it.pick([user.id for user in it.store.users.values() if "manager" in user.access_roles])
    members = it.rng.sample(list(it.store.users), min(2, len(it.store.users)))
    return f"gave user {it.store.set_teammates(manager, sorted(members))} teammates {members}"


def _edit_user(it: Dice) -> str:
    user_id = it.pick(list(it.store.users))
    return f"changed the week of user {it.store.edit_user(user_id, weekly_capacity=it.rng.randrange(20, 40) * 3600)}"


def _decline(it: Dice) -> str:
    sent = [row.id for row in it.store.estimates.values() if row.state == "sent"]
    return f"declined estimate {it.store.decline_estimate(it.pick(sent))}"


def _delete_task(it: Dice) -> str:
    used = {entry.task_id for entry in it.store.time_entries.values()}
    return f"deleted task {it.store.delete_task(it.pick([task for task in it.store.tasks if task not in used]))}"


def _delete_user(it: Dice) -> str:
    busy = {row.user_id for table in (it.store.time_entries, it.store.expenses) for row in table.values()}
    first = next(iter(it.store.users))
    idle = [user_id for user_id in it.store.users if user_id not in busy and user_id != first]
    return f"deleted user {it.store.delete_user(it.pick(idle))}"


def _delete_role(it: Dice) -> str:
    return f"deleted role {it.store.delete_role(it.pick(list(it.store.roles)))}"


def _take_off_project(it: Dice) -> str:
    return f"deleted user assignment {it.store.delete_user_assignment(it.pick(list(it.store.user_assignments)))}"


def _delete_estimate_message(it: Dice) -> str:
    messages = [row.id for rows in it.store.estimate_messages.values() for row in rows]
    return f"deleted estimate message {it.store.delete_estimate_message(it.pick(messages))}"


ACTS: tuple[Act, ...] = (
    *work_acts.ACTS,
    *setup_acts.ACTS,
    *billing_acts.ACTS,
    _edit_twice_in_a_second,
    _back_date,
    _bill_by_hand,
    _move_expense,
    _reissue,
    _restate,
    _teammates,
    _edit_user,
    _decline,
)
DELETIONS: tuple[Act, ...] = (
    *work_acts.DELETIONS,
    *setup_acts.DELETIONS,
    *billing_acts.DELETIONS,
    _delete_task,
    _delete_user,
    _delete_role,
    _take_off_project,
    _delete_estimate_message,
)


def disturb(simulator: Simulator, seed: int | str, count: int) -> list[str]:
    """Change the account, a third of the times by a deletion; return a line per change. Changes that Harvest refuses are skipped."""
    dice = Dice(simulator.store, 0)
    dice.rng = Random(f"changes:{seed}")
    done: list[str] = []
    with simulator.store.lock:
        for _ in range(count):
            act = dice.rng.choice(DELETIONS if dice.rng.random() < 0.3 else ACTS)
            try:
                done.append(act(dice))
            except NotPossible:
                continue
        if dice.rng.random() < 0.02 * count:
            simulator.set_rounding(dice.rng.choice(("up", "nearest", "down")), dice.rng.choice((6, 15, 30)))
            done.append("changed the rounding rule")
    return done


@dataclass
class Gusts:
    """Passing faults, drawn by request and attempt, so that the same requests meet the same faults in any order.

    Includes the day's `odd` responses.
    """

    seed: int
    rate: float
    odd: tuple[str, Fault, int] | None = None
    kinds: Sequence[Fault] = PASSING
    struck: Counter[Fault] = field(default_factory=Counter)
    _tries: Counter[str] = field(default_factory=Counter)
    _drawn: Fault | None = None

    def blow(self, faults: Faults) -> None:
        """Inject the faults from now on, until they are cleared."""
        if self.rate:
            faults.at(self._draw, self.kinds[0], times=1)
            for kind in self.kinds:
                faults.at(lambda _, kind=kind: self._is_due(kind), kind, times=1 << 30)  # type: ignore[misc]
        if self.odd:
            path, odd, times = self.odd
            faults.at(lambda request: self._is_odd(request, path, odd), odd, times)

    def _is_odd(self, request: Request, path: str, kind: Fault) -> bool:
        is_odd = fnmatchcase(request.path, f"/v2/{path}")
        self.struck[kind] += is_odd
        return is_odd

    def _draw(self, request: Request) -> bool:
        """Draw the fault of a request for the matchers after this one; never matches itself."""
        asked = f"{request.path}?{sorted(request.query.items())}"
        self._tries[asked] += 1
        drawn = hashlib.sha256(f"{self.seed}:{asked}:{self._tries[asked]}".encode()).digest()
        is_due = int.from_bytes(drawn[:4], "big") < self.rate * (1 << 32)
        self._drawn = self.kinds[drawn[4] % len(self.kinds)] if is_due else None
        return False

    def _is_due(self, kind: Fault) -> bool:
        if self._drawn is not kind:
            return False
        self.struck[kind] += 1
        return True
