"""Files of `deploy` for orchestrators, given to the orchestrators themselves, each in an environment of its own."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import time
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dlt._workspace.deployment.manifest import manifest_from_module

from harvest_time_tracking import SettingWrong
from harvest_warehouse.deploy import deploy
from harvest_warehouse.warehouse import Target
from support.accounts import Account
from support.environments import environment
from support.paths import ROOT

NAME = "SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN"


@pytest.fixture
def postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://harvest:verysecret@db.example/harvest")


def written(folder: Path, kind: Any, destination: str = "postgres") -> Path:
    deploy(Target(folder, destination=destination), kind, folder / kind, at=time(4, 30))
    return folder / kind


def test_kestra_gets_a_flow_that_waits_for_the_run_before_it(postgres: None, tmp_path: Path) -> None:
    flow = yaml.safe_load((written(tmp_path, "kestra") / "dlt_harvest.yaml").read_text(encoding="utf-8"))
    assert set(flow) == {"id", "namespace", "concurrency", "pluginDefaults", "tasks", "triggers"}
    assert flow["concurrency"] == {"limit": 1, "behavior": "QUEUE"}
    assert [task["commands"] for task in flow["tasks"]] == [["sync"], ["verify"]]
    [defaults] = flow["pluginDefaults"]
    assert {task["type"] for task in flow["tasks"]} == {defaults["type"]}
    assert defaults["values"]["env"][NAME] == f"{{{{ secret('{NAME}') }}}}"
    [trigger] = flow["triggers"]
    assert (trigger["cron"], trigger["timezone"]) == ("30 4 * * *", "Etc/UTC")


@pytest.mark.parametrize("kind", ["kestra", "dlthub"])
def test_where_the_disk_is_lost_a_database_file_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SettingWrong, match="loses its disk"):
        written(tmp_path, kind, "duckdb")
    assert not (tmp_path / kind).exists()


def test_dlthub_finds_two_jobs_one_after_the_other(
    postgres: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(written(tmp_path, "dlthub"))
    manifest, warnings = manifest_from_module("__deployment__", isolated=True)
    assert warnings == []
    sync, verify = sorted(
        (job for job in manifest["jobs"] if "harvest" in job["job_ref"]), key=lambda job: job["job_ref"]
    )
    assert sync["triggers"][0] == "schedule:30 4 * * *"
    assert verify["triggers"][0] == f"job.success:{sync['job_ref']}"
    assert [job["execute"]["concurrency"] for job in (sync, verify)] == [1, 1]


@pytest.mark.nightly
def test_dagster_takes_the_definitions_and_runs_one_at_a_time(tmp_path: Path) -> None:
    to = written(tmp_path, "dagster", "duckdb")
    done = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "--python-file", "definitions.py"],
        cwd=to, capture_output=True, text=True, check=False, env={**os.environ, "DAGSTER_HOME": str(to)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    with dg.DagsterInstance.from_config(str(to)) as instance:
        concurrency = instance.get_concurrency_config()
    assert concurrency.pool_config.default_pool_limit == 1


@pytest.mark.nightly
@pytest.mark.parametrize("airflow", ["apache-airflow>=2.9,<3", "apache-airflow>=3"])
def test_in_airflow_figures_that_differ_fail_the_comparison_alone(tmp_path: Path, airflow: str) -> None:
    python = environment(tmp_path, airflow)
    file = written(tmp_path, "airflow", "duckdb") / "dlt_harvest_dag.py"
    command = tmp_path / "command"
    command.write_text(
        f'#!/bin/sh\necho "$1 $PWD $HARVEST_WAREHOUSE__DESTINATION" >> {tmp_path}/log\ntest "$1" = sync || exit 3\n'
    )
    command.chmod(0o755)
    text = file.read_text(encoding="utf-8")
    assert text.count(f'COMMAND = "{Path(sys.executable).with_name("dlt-harvest")}"') == 1
    file.write_text(text.replace(str(Path(sys.executable).with_name("dlt-harvest")), str(command)), encoding="utf-8")
    home = tmp_path / "home"
    asked = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(file.parent),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PATH": f"{python.parent}:{os.environ['PATH']}",
    }
    for words in (["db", "migrate"], ["dags", "test", "dlt_harvest", "2026-03-01"]):
        done = subprocess.run(
            [str(python), "-m", "airflow", *words], env=asked, capture_output=True, text=True, check=False, timeout=300
        )
    assert "exit code 3" in done.stdout + done.stderr
    with sqlite3.connect(home / "airflow.db") as database:
        states = dict(database.execute("select task_id, state from task_instance"))
    assert states == {"sync": "success", "verify": "failed"}
    shown = "from dlt_harvest_dag import dag; print(dag.max_active_runs, dag.catchup)"
    limit = subprocess.run(
        [str(python), "-c", shown], cwd=file.parent, env=asked, capture_output=True, text=True, check=True
    )
    assert limit.stdout.splitlines()[-1] == "1 False"
    assert (tmp_path / "log").read_text().splitlines() == [f"sync {tmp_path} duckdb", f"verify {tmp_path} duckdb"]


@pytest.mark.nightly
def test_in_prefect_figures_that_differ_fail_the_comparison_alone(
    open_account: Callable[..., Account], tmp_path: Path
) -> None:
    python = environment(tmp_path, "prefect>=3", "--editable", str(ROOT))
    flow = written(tmp_path, "prefect", "duckdb")
    account = open_account(enforce_limits=False)
    section = "SOURCES__HARVEST_TIME_TRACKING__"
    asked = {
        **os.environ,
        f"{section}ACCESS_TOKEN": account.simulator.access_token,
        f"{section}ACCOUNT_ID": account.simulator.account_id,
        f"{section}BASE_URL": account.url,
        f"{section}REQUESTS_PER_15_S": "0",
        f"{section}REPORT_REQUESTS_PER_15_MIN": "0",
        "PREFECT_HOME": str(tmp_path / "prefect-home"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # The whole suite may run beside it.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "DO_NOT_TRACK": "1",
        "PYTHONPATH": str(flow),
    }
    program = """
import json
from dlt_harvest_flow import harvest
state = harvest(return_state=True)
print(json.dumps([state.type.value, str(state.message)]))
"""

    def run() -> tuple[str, str]:
        done = subprocess.run(
            [str(python), "-c", program],
            cwd=tmp_path,
            env=asked,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        kind, message = json.loads(done.stdout.splitlines()[-1])
        return kind, message

    assert run()[0] == "COMPLETED"
    account.simulator.set_rounding("up", 30)
    kind, message = run()
    assert kind == "FAILED"
    assert "Not every figure is proven" in message
    assert "in Harvest" in message
