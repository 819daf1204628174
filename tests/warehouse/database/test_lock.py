"""Two runs never write into one database at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harvest_time_tracking import Secret, Settings
from harvest_warehouse.database import DatabaseBusy
from harvest_warehouse.database.lock import exclusive_lock, wait_for_lock
from harvest_warehouse.database.run import Run
from harvest_warehouse.load import load
from harvest_warehouse.load.load import settle
from harvest_warehouse.sync import sync
from harvest_warehouse.warehouse import Target
from support.accounts import Account

HOLDING = """
import sys
from pathlib import Path
from harvest_warehouse.warehouse import Target
from harvest_warehouse.database.lock import exclusive_lock
with exclusive_lock(Target(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_run(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process that has the turn."""
    command = [sys.executable, "-c", HOLDING, str(tmp_path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    "run", [load, sync, lambda warehouse, settings: settle(Run(warehouse), settings)], ids=["load", "sync", "settle"]
)
def test_a_second_run_leaves_at_once_and_asks_harvest_nothing(
    open_account: Callable[..., Account], tmp_path: Path, other_run: subprocess.Popen[str], run: Callable[..., object]
) -> None:
    account = open_account()
    settings = account.client().settings
    with pytest.raises(DatabaseBusy, match=r"Another run is writing into .*harvest_time_tracking\.duckdb"):
        run(Target(tmp_path), settings)
    assert account.simulator.requests == []
    assert not Target(tmp_path).file.exists()


def test_a_run_that_was_killed_has_given_its_turn_back(tmp_path: Path, other_run: subprocess.Popen[str]) -> None:
    other_run.kill()
    other_run.wait()
    with exclusive_lock(Target(tmp_path)):
        pass


def test_a_run_on_another_database_leaves_too_as_it_would_write_what_the_first_one_read(
    tmp_path: Path, other_run: subprocess.Popen[str]
) -> None:
    elsewhere = Target(tmp_path / "elsewhere")
    with pytest.raises(DatabaseBusy, match=r"A run on another database is using dlt's working folder .*DLT_DATA_DIR"):
        settle(Run(elsewhere), Settings(Secret("token"), "777"))
    assert not elsewhere.file.exists()


def test_another_database_with_a_working_folder_of_its_own_is_not_concerned(
    tmp_path: Path, other_run: subprocess.Popen[str]
) -> None:
    with exclusive_lock(Target(tmp_path, "other.duckdb", pipelines_dir=tmp_path / "other")):
        pass


def test_who_has_the_turn_may_take_it_again(tmp_path: Path) -> None:
    with exclusive_lock(Target(tmp_path)):
        with exclusive_lock(Target(tmp_path)):
            pass
        with pytest.raises(subprocess.TimeoutExpired):
            # The inner one did not give it back.
            subprocess.run([sys.executable, "-c", WAITING, str(tmp_path)], timeout=3, check=True)


WAITING = """
import sys, time
from pathlib import Path
from harvest_warehouse.warehouse import Target
from harvest_warehouse.database.lock import DatabaseBusy, exclusive_lock
while True:
    try:
        with exclusive_lock(Target(Path(sys.argv[1]))):
            break
    except DatabaseBusy:
        time.sleep(0.1)
"""


def test_who_has_begun_waits_for_another_run_and_says_so_once(tmp_path: Path, other_run: subprocess.Popen[str]) -> None:
    told, slept = [], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            other_run.kill()
            other_run.wait()

    with wait_for_lock(Target(tmp_path), lambda: told.append("waits"), sleep=sleep, monotonic=lambda: sum(slept)):
        pass
    assert (told, len(slept)) == (["waits"], 3)


def test_who_has_begun_waits_no_longer_than_an_hour(tmp_path: Path, other_run: subprocess.Popen[str]) -> None:
    slept: list[float] = []
    waiting = wait_for_lock(Target(tmp_path), lambda: None, sleep=slept.append, monotonic=lambda: sum(slept))
    with pytest.raises(DatabaseBusy), waiting:
        pass
    assert 3_600 <= sum(slept) < 3_610
