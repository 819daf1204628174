"""Whole runs from Python: the same as the commands, with settings and result objects."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import FunctionType

import pytest

import harvest_warehouse
from harvest_time_tracking import SettingWrong
from harvest_warehouse import Target, build, load, sync, verify
from harvest_warehouse.load import LoadReport
from harvest_warehouse.marts import BuildReport
from support.accounts import Account, assert_equals_truth


@pytest.fixture
def signed_in(synced: tuple[Account, Target], monkeypatch: pytest.MonkeyPatch) -> Account:
    account, _ = synced
    account.simulator.enforce_limits = False
    for name, value in {
        "ACCESS_TOKEN": account.simulator.access_token,
        "ACCOUNT_ID": account.simulator.account_id,
        "BASE_URL": account.url,
        "REQUESTS_PER_15_S": "0",
        "REPORT_REQUESTS_PER_15_MIN": "0",
    }.items():
        monkeypatch.setenv(f"SOURCES__HARVEST_TIME_TRACKING__{name}", value)
    return account


def test_a_sync_by_the_configured_settings_ends_equal_and_prints_nothing(
    signed_in: Account, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    signed_in.simulator.store.create_client("New")
    steps: list[str] = []
    report = sync(on_step=steps.append)
    assert report.is_equal
    assert not report.needs_somebody
    assert isinstance(report.build, BuildReport)
    assert steps
    assert capfd.readouterr().out == ""
    assert_equals_truth(signed_in, ["clients"])


@pytest.mark.nightly
def test_some_lists_a_comparison_and_a_build_of_a_given_target(signed_in: Account, tmp_path: Path) -> None:
    place = Target(tmp_path)
    loaded = load(["clients", "projects"], place)
    assert isinstance(loaded, LoadReport)
    assert [outcome.stream for outcome in loaded.streams] == ["clients", "projects"]
    assert build(place).tables
    signed_in.simulator.set_rounding("up", 30)
    assert not verify(place).is_proven
    repaired = verify(place, repairs=True)
    assert repaired.is_proven
    assert repaired.repaired


def test_a_missing_setting_is_an_error_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(SettingWrong, match="access_token"):
        sync()
    assert not (tmp_path / "harvest_time_tracking.duckdb").exists()


@pytest.mark.parametrize(
    "first", ["import harvest_warehouse.cli", "import harvest_warehouse.sync, harvest_warehouse.verify", ""]
)
def test_a_run_is_a_function_whatever_was_imported_before(first: str) -> None:
    code = f"""
{first}
from harvest_warehouse import Target, build, load, sync, verify
from harvest_warehouse.sync import SyncReport
from harvest_warehouse.verify import VerifyReport
print(*(type(one).__name__ for one in (build, load, sync, verify)), sync.__module__, SyncReport.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["function"] * 4 + ["harvest_warehouse.runs", "SyncReport"]


def test_importing_the_package_does_not_import_dlt() -> None:
    code = "import sys, harvest_warehouse; print('dlt' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_name_that_is_not_there_is_told() -> None:
    assert isinstance(harvest_warehouse.sync, FunctionType)
    with pytest.raises(AttributeError, match="no attribute 'synch'"):
        harvest_warehouse.synch  # noqa: B018
