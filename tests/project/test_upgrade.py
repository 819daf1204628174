"""A database and a working folder that an earlier version made, gone on with by this one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth, deletions, some_ids
from support.environments import environment
from support.paths import ROOT

pytestmark = pytest.mark.nightly

# 0.1.0 as it was on two days.
EARLIER = {"2026-11-29": "014d118", "2026-11-25": "9d51fdf"}


def wheel_of(commit: str, folder: Path) -> Path:
    """The wheel of a commit of this repository."""
    git = ("git", "-C", str(ROOT))
    there = subprocess.run([*git, "cat-file", "-e", f"{commit}^{{commit}}"], capture_output=True, check=False)
    if there.returncode:
        pytest.skip(f"this clone has no history back to {commit}")
    tree = folder / "tree"
    tree.mkdir()
    archive = subprocess.run([*git, "archive", commit], capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive.stdout, check=True)
    uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", str(folder / "dist"), str(tree)], check=True)
    (built,) = (folder / "dist").glob("*.whl")
    return built


def a_day_ago(file: Path) -> None:
    """Put back what the run noted by this machine's clock: the next one is a night later."""
    with duckdb.connect(str(file)) as database:
        instants = database.execute(
            "select table_schema, table_name, column_name from information_schema.columns "
            "where table_name in ('harvest_runs', 'harvest_rereads') and data_type = 'TIMESTAMP WITH TIME ZONE'"
        ).fetchall()
        assert instants
        for schema, table, column in instants:
            database.execute(f"update {schema}.{table} set {column} = {column} - interval 1 day")


@pytest.mark.parametrize("day", EARLIER)
def test_a_database_of_an_earlier_version_opens_and_goes_on(
    day: str, open_account: Callable[..., Account], tmp_path: Path
) -> None:
    python = environment(tmp_path, str(wheel_of(EARLIER[day], tmp_path)))
    account = open_account(enforce_limits=False)
    section = "SOURCES__HARVEST_TIME_TRACKING__"
    asked = {
        **os.environ,
        f"{section}ACCESS_TOKEN": account.simulator.access_token,
        f"{section}ACCOUNT_ID": account.simulator.account_id,
        f"{section}BASE_URL": account.url,
        f"{section}REQUESTS_PER_15_S": "0",
        f"{section}REPORT_REQUESTS_PER_15_MIN": "0",
    }
    folder = tmp_path / "work"
    folder.mkdir()

    def sync(command: list[str]) -> str:
        done = subprocess.run(
            [*command, "sync"], cwd=folder, env=asked, capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    sync([str(python.with_name("dlt-harvest"))])
    account.simulator.clock.sleep(86_400)
    a_day_ago(Target(folder).file)
    store = account.simulator.store
    store.create_client("New")
    [gone] = some_ids(account, "time_entries", 1)
    store.delete_time_entry(gone)
    account.simulator.requests.clear()
    sync([sys.executable, "-m", "harvest_warehouse.cli"])
    account.pipeline = open_pipeline(Target(folder))
    assert_equals_truth(account)
    [(table, key)] = deletions(account)
    assert (table, str(gone) in key) == ("time_entries", True)
    # It goes on where the earlier one stopped, and does not begin again.
    queries = [request.query for request in account.simulator.requests if request.path == "/v2/invoices"]
    assert any("updated_since" in query for query in queries), queries
