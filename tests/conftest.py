"""What every test gets: a dlt of its own, and simulated accounts on demand."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest
from filelock import FileLock
from hypothesis import settings
from xdist.remote import Producer

from harvest_simulator import Simulator
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.warehouse import Target
from support.accounts import Account, sync_from
from support.dlt_speedups import make_dlt_quick
from support.durations import Stopwatch, function_of, is_quick, seconds_of
from support.scheduling import BySharedFixture, scope_of
from support.shop import Shop

Once = Callable[[str, Callable[[Target], object]], Path]

# Tests guard: the same cases in each run, wherever it is. `make explore` draws new ones, all by the seed that it prints.
settings.register_profile("guard", derandomize=True, database=None)
settings.register_profile("explore", derandomize=False, database=None, print_blob=True)
settings.load_profile("guard")

# Of memory that is a folder: all tests together write a quarter of it.
_MUCH = 4 * 2**30


def pytest_configure(config: pytest.Config) -> None:
    """Do not wait for the disk; and let programs under test be interrupted: a shell that runs us in the background had them ignore it."""
    if os.environ.get("DLT_SPEEDUPS", "1") != "0":
        make_dlt_quick()
    if config.getoption("--store-durations") and "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(Stopwatch())
    if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > _MUCH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/dev/shm")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """For whoever measures."""
    parser.addoption(
        "--store-durations", action="store_true", help="store how long each test took in tests/durations.json"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is quick (`-m fast`) and what is nightly, and begin with what takes longest: else the last one is waited for."""
    scopes: defaultdict[str, float] = defaultdict(float)
    cases: Counter[str] = Counter()
    for item in items:
        cases[function_of(item.nodeid)] += 1
        by_day = item.get_closest_marker("by_day")
        if by_day and cases[function_of(item.nodeid)] > by_day.args[0]:
            item.add_marker("nightly")
        scopes[scope_of(item.nodeid)] += seconds_of(item.nodeid)
        if is_quick(item.nodeid):
            item.add_marker("fast")
    items.sort(key=lambda item: -scopes[scope_of(item.nodeid)])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are processors: tests also wait, for servers, locks and each other."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BySharedFixture:
    """How tests are given to workers."""
    return BySharedFixture(config, log)


@pytest.fixture(scope="session", autouse=True)
def no_dlt_configuration(tmp_path_factory: pytest.TempPathFactory) -> None:
    """dlt reads its configuration files once in a process: here, where there are none, and not those of the first test."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("no-configuration")
        patch.setenv("DLT_DATA_DIR", str(folder))
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        patch.chdir(folder)
        assert dlt.config.get("schema.naming") is None


@pytest.fixture(autouse=True)
def own_dlt_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own dlt is read or written, and nothing is sent home."""
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.delenv("ACCESS_TOKEN", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def open_account(tmp_path: Path) -> Iterator[Callable[..., Account]]:
    """Makes simulated accounts (arguments are the simulator's) that end with the test."""
    servings = []

    def open_one(name: str = "account", **arguments: Any) -> Account:
        simulator = Simulator(**{"size": "tiny", **arguments})
        serving = simulator.serving()
        url = serving.__enter__()
        servings.append(serving)
        return Account(simulator, url, tmp_path, name)

    yield open_one
    for serving in servings:
        serving.__exit__(None, None, None)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Makes a database by what it is given, and only once for all workers: for copying."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def database(name: str, make: Callable[[Target], object]) -> Path:
        folder, making = shared / f"once-{name}", shared / f"making-{name}"
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                shutil.rmtree(making, ignore_errors=True)
                make(Target(making, pipelines_dir=making / "pipelines"))
                making.rename(folder)
        return Target(folder).file

    return database


@pytest.fixture(scope="session")
def synced_database(once: Once) -> Path:
    """The database of the account that `open_account()` opens, after its first sync."""

    def make(warehouse: Target) -> None:
        simulator = Simulator(size="tiny")
        with simulator.serving() as url:
            sync_from(Account(simulator, url, warehouse.folder), warehouse)

    return once("synced", make)


@pytest.fixture
def synced(open_account: Callable[..., Account], synced_database: Path, tmp_path: Path) -> tuple[Account, Target]:
    """An account that was synced, an hour later."""
    account, warehouse = open_account(), Target(tmp_path)
    shutil.copy(synced_database, warehouse.file)
    account.pipeline = open_pipeline(warehouse)
    account.simulator.clock.sleep(3_600)
    return account, warehouse


@pytest.fixture(scope="session")
def tiny_shop(once: Once) -> Shop:
    """The tiny company with what the marts need of it: for copying."""
    return Shop(once("shop", lambda warehouse: Shop(warehouse.folder).load()).parent)


@pytest.fixture(scope="session")
def small_shop(once: Once) -> Shop:
    """The small company with its marts: for copying."""

    def make(warehouse: Target) -> None:
        shop = Shop(warehouse.folder, size="small")
        shop.load()
        shop.build()

    return Shop(once("small", make).parent, size="small")


@pytest.fixture(scope="session")
def proven_shop(once: Once, small_shop: Shop) -> Shop:
    """The small company with its marts, compared with its reports: to be read, or copied."""
    return Shop(once("proven", lambda warehouse: small_shop.copy(warehouse.folder).verify()).parent, size="small")
