"""Driver of a storm: run the product on a simulated account day by day, check the invariants after each, then recover."""

from __future__ import annotations

import os
import shutil
import tempfile
from calendar import day_name
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from harvest_simulator.simulator import Simulator
from harvest_time_tracking.sizes import ReadSizes
from harvest_warehouse.marts.models import raw_tables
from harvest_warehouse.warehouse import Target
from mart_truth import KEYS, Books, differences
from mart_truth.dimensions import ZONES
from storm import invariants
from storm.counts import Counts
from storm.databases import Coast, Files, Shore
from storm.events import Day, Gusts, disturb, forecast
from storm.history import UNSEEN_SECONDS, WatchedSimulator
from storm.process import Run, RunEnd, SharedClock, asking, command_of
from storm.snapshot import Snapshot
from support.accounts import assert_equals_truth

# Long and unique, so that every leak is found.
TOKEN = "9182736.pt.Kd7sWq2xLm5vRt8yNc3bZf6hJg1pXe4uAo0i"
_TODAY = date(2026, 3, 16)
_FILES = Files()
_CALM = Day(seed=0, hours=24.0, command="calm", is_built=True)


class InvariantBroken(AssertionError):
    """An invariant was broken, or the tables were not equal to Harvest after recovery."""


@dataclass(frozen=True)
class Setup:
    """Initial conditions of a storm: the account, the sizes of reads, and whether it was loaded before."""

    account_seed: int = 1
    sizes: ReadSizes = field(default_factory=ReadSizes)
    is_loaded: bool = True


def outset_of(seed: int) -> Setup:
    """Draw the initial conditions from the seed, independently of the events."""
    rng = Random(f"outset:{seed}")
    sizes = ReadSizes(
        per_page=rng.choice((20, 40, 2_000)),
        pages_at_once=rng.choice((2, 40)),
        pages_of_a_window=rng.choice((1, 2)),
        portion=rng.choice((1, 4, 150)),
    )
    return Setup(rng.choice((1, 2)), sizes, rng.random() < 0.75)


class Driver:
    """Driver of one storm: one account and one database, from the start to recovery."""

    def __init__(self, folder: Path, shore: Shore, url: str, simulator: WatchedSimulator, outset: Setup) -> None:
        self.folder, self.shore, self.url, self.simulator, self.outset = folder, shore, url, simulator, outset
        self.counts = Counts()
        self.log: list[str] = []
        self.warehouse = Target(folder, pipelines_dir=folder / "dlt", destination=shore.destination)
        self._runs = 0
        self._is_copied = False
        self._left_since: int | None = None
        self._stock: Snapshot | None = None
        self._work: list[str] = []

    def live(self, day: Day) -> None:
        """Play one day with its run, and check the invariants.

        Raises:
            InvariantBroken: an invariant was broken.
        """
        self._tell(str(day))
        self.simulator.clock.sleep(day.hours * 3_600)
        with self.simulator.store.committing_late(day.late_seconds):
            self._changed(disturb(self.simulator, day.seed, day.changes))
        if day.is_quiet or day.role:
            # Leave a gap: a change in the same second as a read counts as concurrent. And no second may belong both to a run
            # with restricted access and to another run.
            self.simulator.clock.sleep(UNSEEN_SECONDS if day.role else 1)
        self._strike_files(day)
        before = self._taken()
        self.simulator.look()
        now = len(self.simulator.chronicle.moments) - 1
        began = now if self._left_since is None else self._left_since
        struck = self._weather(day)
        self.simulator.begin_run()
        landings = [run.ended() for run in [self._start(day) for _ in range(1 + day.is_twice)]]
        self._calm_down(day)
        self._count(day, landings, struck)
        is_ended = 0 in (landing.code for landing in landings) and not day.streams
        # A run starts from what an interrupted one left, so it is judged from that one's start until a run ends.
        self._judge(day, before, now if is_ended else began, landings)
        self._left_since = None if is_ended else began

    def reach_calm(self) -> None:
        """Recover: without faults, with all timers stopped and an hour later, one run must make everything equal.

        Raises:
            InvariantBroken: it did not, or an invariant was broken.
        """
        self.simulator.clock.sleep(3_600)
        store = self.simulator.store
        for entry in list(store.time_entries.values()):
            if entry.timer_started_at is not None:
                store.stop_timer(entry.id)
        self.live(_CALM)
        try:
            assert_equals_truth(_Copy(self.simulator, self._taken()))  # type: ignore[arg-type]
        except AssertionError as error:
            raise InvariantBroken(f"in the calm, not equal to Harvest: {error}") from None
        self._compare_marts()

    def _compare_marts(self) -> None:
        """Compare every table of the marts with the same table computed from the truth."""
        marts = self.shore.stock(self.warehouse.marts_name)
        truth = self.simulator.truth()
        [account] = marts.tables["dim_account"]
        # The end of a run is recorded by the real clock.
        as_of = account["loaded_at"].astimezone(ZoneInfo(ZONES[truth["users_me"][0]["timezone"]])).date()
        books = Books(truth, as_of, list(day_name).index(truth["company"][0]["week_start_day"]))
        for name in KEYS:
            if name != "mart_data_quality" and (
                differing := differences(name, marts.tables[name], getattr(books, name)())
            ):
                raise InvariantBroken(f"in the calm, {name} is not what follows from Harvest: {differing[:5]}")

    def _start(self, day: Day) -> Run:
        self._runs += 1
        number, clock = self._runs, self.simulator.clock
        if day.disk and day.disk.room_bytes is not None:
            # Enough for the log of the run, which belongs to the test and not to the product.
            size = max(4_000_000, self.shore.size())
            day = replace(day, disk=replace(day.disk, room_bytes=size + day.disk.room_bytes))

        def act() -> Any:
            clock.in_child(number)  # type: ignore[attr-defined]
            asks = asking(self.url, self.simulator.account_id, TOKEN, clock, self.outset.sizes, day)
            return command_of(day, self.warehouse, asks, lambda step: print(f"step: {step}", flush=True))()

        return Run(act, self.folder, day, number)

    def _strike_files(self, day: Day) -> None:
        if day.is_copy_restored and self._is_copied:
            self.shore.restore()
            self._stock = None
            self.counts.add("database: restored to an older copy")
        if day.is_copy_kept and self.shore.is_there():
            self.shore.keep()
            self._is_copied = True
        if day.is_folder_lost and (self.folder / "dlt").exists():
            shutil.rmtree(self.folder / "dlt")
            self.counts.add("working folder: lost")

    def _weather(self, day: Day) -> Gusts:
        simulator = self.simulator
        gusts = Gusts(day.seed, day.rate, day.odd)
        for path in day.between:
            simulator.faults.between_pages(path, lambda path=path: self._between(day, path))  # type: ignore[misc]
        if day.spell:
            path, kind = day.spell
            simulator.faults.at({"path": path}, kind, times=1 << 30)
        gusts.blow(simulator.faults)
        if day.dated:
            simulator.faults.at(lambda _: True, day.dated, times=1 << 30)
        simulator.set_paging(day.most_rows, day.unsaid)
        if day.requests_each:
            # Concurrent changes take time.
            simulator.latency = (0.2, 0.2)
            self._work = simulator.start_work(day.requests_each, day.seed)
        for number in day.meanwhile:
            simulator.at_request(number, lambda number=number: self._meanwhile(day, number))  # type: ignore[misc]
        if day.token_lost_at:
            simulator.at_request(day.token_lost_at, self._lose_token)
        if day.role:
            simulator.at_request(day.role_at, lambda: self._change_role(day.role))
        return gusts

    def _between(self, day: Day, path: str) -> None:
        self._changed(disturb(self.simulator, f"{day.seed}:{path}", 3))
        self.counts.add("change between two pages")

    def _meanwhile(self, day: Day, number: int) -> None:
        self.simulator.clock.sleep(number % 3)
        self._changed(disturb(self.simulator, f"{day.seed}:{number}", 2))
        self.counts.add("change while it runs")

    def _lose_token(self) -> None:
        self.simulator.revoke_token()
        self.counts.add("token revoked")

    def _change_role(self, role: Any) -> None:
        self.simulator.as_role(role)
        self.counts.add(f"permission withdrawn: {role}")

    def _calm_down(self, day: Day) -> None:
        self.simulator.faults.clear()
        self.simulator.end_run()
        if day.role:
            self.simulator.clock.sleep(1)
        self.simulator.end_work()
        self.simulator.latency = None
        self.counts.add("change by people at work", len(self._work))
        self.log += [f"  {line}" for line in self._work]
        self._work = []
        self.simulator.set_paging()
        self.simulator.restore_token()
        self.simulator.as_role("administrator")
        self.simulator.look()

    def _changed(self, done: list[str]) -> None:
        self.counts.add("change", len(done))
        self.log += [f"  {line}" for line in done]

    def _count(self, day: Day, landings: list[RunEnd], gusts: Gusts) -> None:
        for kind, times in gusts.struck.items():
            self.counts.add(f"fault: {kind.name}", times)
        self.counts.add("run")
        if day.spell:
            self.counts.add(f"fault for a whole run: {day.spell[1].name}")
        self._count_manners(day)
        for landing in landings:
            self.counts.add("killed" if landing.code is None else f"run ended with {landing.code}")
        if day.is_twice:
            self.counts.add("two runs at once")
            if 1 in (landing.code for landing in landings):
                self.counts.add("two runs at once: one left")
        if day.kill and landings[0].code is None and "writing" in landings[0].said:
            self.counts.add("killed after it began to write")
        if day.disk and (landings[0].is_full_disk_met or os.strerror(27) in landings[0].said):
            self.counts.add("disk full")

    def _count_manners(self, day: Day) -> None:
        if day.most_rows < self.outset.sizes.per_page:
            self.counts.add("run with shorter pages than it asks for")
        if day.unsaid:
            self.counts.add("run without totals")
        if day.ahead_seconds:
            self.counts.add(f"run by a clock {'ahead' if day.ahead_seconds > 0 else 'behind'}")
        if day.dated:
            self.counts.add(f"run with answers of a wrong date: {day.dated.name}")

    def _judge(self, day: Day, before: Snapshot, began: int, landings: list[RunEnd]) -> None:
        self._tell(f"  ended with {[landing.code for landing in landings]}")
        self._stock = None
        step = invariants.Step(
            before,
            self._taken(),
            self.simulator.chronicle,
            began,
            "".join(landing.said for landing in landings),
            self.folder,
            (TOKEN, *self.shore.secrets),
            tuple(landing.code for landing in landings),
            is_whole=day.is_quiet and day.command != "load" and landings[0].code == 0,
            marts=self.shore.stock(self.warehouse.marts_name) if day == _CALM else None,
        )
        breaches = invariants.broken(step)
        if day.command == "calm" and landings[0].code != 0:
            breaches.append(f"the calm run ended with {landings[0].code}: {landings[0].said[-3_000:]}")
        if breaches:
            raise InvariantBroken("\n".join(breaches[:10]))

    def _taken(self) -> Snapshot:
        """Snapshot of the database, cached until something may have changed it."""
        self._stock = self._stock or self.shore.stock(self.warehouse.dataset_name)
        return self._stock

    def _tell(self, line: str) -> None:
        self.log.append(line)


@dataclass(frozen=True)
class _Copy:
    """The part of an account that `assert_equals_truth` uses."""

    simulator: Simulator
    stock: Snapshot

    @contextmanager
    def connected(self) -> Iterator[Callable[[str], list[dict[str, Any]]]]:
        yield self.stock.rows


@contextmanager
def underway(outset: Setup, coast: Coast = _FILES) -> Iterator[Driver]:
    """Driver with its initial conditions, in a folder that is deleted with it."""
    root = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # (no byte of it outlives the voyage)
    with tempfile.TemporaryDirectory(prefix="storm-", dir=root) as base:
        folder = Path(base) / "voyage"
        loaded = _loaded(outset.account_seed, coast) if outset.is_loaded else None
        if loaded:
            shutil.copytree(loaded[0], folder)
        else:
            folder.mkdir()
        shore = coast.shore(folder)
        if loaded:
            shore.begin_as(loaded[1])
        with _environment(Path(base), shore), _served(outset.account_seed) as (url, simulator):
            yield Driver(folder, shore, url, simulator, outset)


@contextmanager
def _served(account_seed: int) -> Iterator[tuple[str, WatchedSimulator]]:
    clock = SharedClock(datetime.combine(_TODAY, time(8), UTC))
    simulator = WatchedSimulator(
        seed=account_seed,
        size="tiny",
        today=_TODAY,
        clock=clock,
        access_token=TOKEN,
        enforce_limits=False,
        entries=40,
    )
    # Record the account before the first request.
    simulator.look()
    clock.sleep(3_600)
    simulator.look()
    with simulator.serving() as url:
        yield url, simulator


@contextmanager
def _environment(base: Path, shore: Shore) -> Iterator[None]:
    """Environment with dlt folders and configuration of its own."""
    wanted = {
        "DLT_DATA_DIR": str(base / "data"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        **shore.environment,
    }
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


_LOADED: dict[tuple[int, Coast], tuple[Path, Shore]] = {}
_FOLDERS = ExitStack()


def _loaded(account_seed: int, coast: Coast) -> tuple[Path, Shore]:
    """Folder and database of an account that was loaded once, created on first use."""
    if (account_seed, coast) not in _LOADED:
        base = Path(_FOLDERS.enter_context(tempfile.TemporaryDirectory(prefix="storm-loaded-")))
        folder = base / "voyage"
        folder.mkdir()
        shore = coast.shore(folder)
        warehouse = Target(folder, pipelines_dir=folder / "dlt", destination=shore.destination)
        with _environment(base, shore), _served(account_seed) as (url, simulator):
            # In this process, so that forked runs inherit the imported modules and caches.
            day = Day(seed=0)
            asks = asking(url, simulator.account_id, TOKEN, simulator.clock, ReadSizes(), day)
            command_of(day, warehouse, asks, lambda _: None)()
        _LOADED[account_seed, coast] = folder, shore
    return _LOADED[account_seed, coast]


def prepare(seeds: Iterable[int], coast: Coast = _FILES) -> None:
    """Load the accounts that these storms start with; forked processes then inherit modules and caches as well."""
    raw_tables()  # (reads what the marts are made of: once, not again in each run)
    for account_seed in sorted({outset_of(seed).account_seed for seed in seeds}):
        _loaded(account_seed, coast)


def run_storm(seed: int, say: Callable[[str], None] = lambda _: None, coast: Coast = _FILES) -> Counts:
    """Run one storm, with recovery at its end.

    Raises:
        InvariantBroken: with a log of all events, and the command that repeats it.
    """
    say(f"seed {seed}")
    with underway(outset_of(seed), coast) as voyage:
        try:
            for day in forecast(seed):
                voyage.live(day)
            voyage.reach_calm()
        except AssertionError as error:
            told = "\n".join([f"seed {seed}", str(voyage.outset), *voyage.log])
            again = f"make storm SEEDS={seed} DESTINATION={voyage.shore.destination}"
            raise InvariantBroken(f"{told}\n\n{error}\n\nOnce more: {again}") from None
        return voyage.counts
