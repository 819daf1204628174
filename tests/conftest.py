"""What every test gets: a dlt of its own, and simulated accounts on demand."""

from __future__ import annotations

import gc
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts import Account, sync_from
from harvest_simulator import Simulator
from harvest_warehouse.settings import Warehouse
from marts import Shop


def pytest_configure() -> None:
    """Let programs under test be interrupted: a shell that runs us in the background had them ignore it."""
    # dlt copies its schemas over and over: looking for cycles in that each time is a tenth of the whole.
    gc.set_threshold(200_000, 20, 20)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_dlt_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's own dlt is read or written, and nothing is sent home."""
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    # Where a test expects equality, no child waits for its turn.
    monkeypatch.setenv("SOURCES__HARVEST_TIME_TRACKING__CHILDREN_WITHIN_RUNS", "1")
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
def synced_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of the account that `open_account()` opens, after its first sync: made once, for copying."""
    folder = tmp_path_factory.mktemp("synced")
    simulator = Simulator(size="tiny")
    with simulator.serving() as url:
        warehouse = Warehouse(folder, pipelines_dir=folder / "pipelines")
        sync_from(Account(simulator, url, folder), warehouse)
    return warehouse.file


@pytest.fixture
def synced(open_account: Callable[..., Account], synced_database: Path, tmp_path: Path) -> tuple[Account, Warehouse]:
    """An account that was synced, an hour later."""
    account, warehouse = open_account(), Warehouse(tmp_path)
    shutil.copy(synced_database, warehouse.file)
    account.pipeline = warehouse.pipeline()
    account.simulator.clock.sleep(3_600)
    return account, warehouse


@pytest.fixture(scope="session")
def tiny_shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The tiny company with what the marts need of it, loaded once: for copying."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.load()
    return shop
