"""A run holds its lock as long as it believes it does, and keeps its file open no longer than a step needs it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from harvest_warehouse.database import DatabaseBusy
from harvest_warehouse.database.run import Run
from harvest_warehouse.load.access_guard import AccessGuard
from harvest_warehouse.sync import SyncReport, sync
from harvest_warehouse.sync.sync import _Sync
from harvest_warehouse.warehouse import Target
from support.accounts import Account, some_ids, sync_from

HOLDING = """
import sys
from pathlib import Path
from harvest_warehouse.warehouse import Target
from harvest_warehouse.database.lock import exclusive_lock
with exclusive_lock(Target(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_run_that_is_interrupted_while_it_closes_its_file_no_longer_believes_it_holds_the_lock(
    synced: tuple[Account, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, warehouse = synced
    run, close = Run(warehouse), Run.disconnect

    def interrupted(self: Run) -> None:
        was_open = self._database is not None
        close(self)
        if was_open:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "disconnect", interrupted)
        with pytest.raises(KeyboardInterrupt), run.locked(), run.database() as database:
            database.rows("select 1")
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(warehouse.folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DatabaseBusy), run.locked():
            pass
    finally:
        other.kill()
        other.wait()


def test_the_file_is_closed_while_harvest_is_asked_whether_the_token_still_sees_as_much(
    synced: tuple[Account, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    account, warehouse = synced
    account.simulator.store.delete_time_entry(some_ids(account, "time_entries", 3)[1])
    looked: list[str] = []
    look_again = AccessGuard.look_again

    def look(self: AccessGuard) -> Any:
        # Refused while this process has it open for writing.
        duckdb.connect(str(warehouse.file), read_only=True).close()
        looked.append("again")
        return look_again(self)

    monkeypatch.setattr(AccessGuard, "look_again", look)
    account.simulator.enforce_limits = False
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    assert sync(warehouse, client.settings, client=client, build_marts=False).is_equal
    assert len(looked) > 1, "before what was read is written, and before deleted rows are moved"


@pytest.mark.nightly
def test_what_another_database_left_pending_in_the_working_folder_is_not_written_after_a_repair(
    synced: tuple[Account, Target],
    open_account: Callable[..., Account],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account, warehouse = synced
    other = open_account("other", account_id="999", seed=2)
    elsewhere = Target(tmp_path / "elsewhere", pipelines_dir=warehouse.pipelines_dir)
    elsewhere.folder.mkdir()
    follow_repair = _Sync.follow_repair

    def interrupted_elsewhere(self: _Sync, report: SyncReport, *, build_marts: bool) -> SyncReport:
        def interrupted(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(dlt.Pipeline, "load", interrupted)
            with pytest.raises(KeyboardInterrupt):
                sync_from(other, elsewhere)
        assert self._run.new_pipeline().list_normalized_load_packages()
        with duckdb.connect(str(warehouse.file)) as database:
            # As after a repair that brought another fee: history has something to write.
            database.execute("update harvest_time_tracking_data.projects_history set fee = coalesce(fee, 0) + 1")
        return follow_repair(self, report, build_marts=build_marts)

    account.simulator.set_rounding("up", 30)
    monkeypatch.setattr(_Sync, "follow_repair", interrupted_elsewhere)
    sync_from(account, warehouse, repair=True, reread_requests=0)
    with duckdb.connect(str(warehouse.file)) as database:
        accounts = database.execute(
            "select distinct account_id from harvest_time_tracking_data.time_entries"
        ).fetchall()
    assert accounts == [(account.simulator.account_id,)]
