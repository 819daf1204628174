"""`dlt-harvest deploy`: files that their own tools read, filled in for a folder, with names of secrets and no value."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from harvest_time_tracking import SettingWrong
from harvest_warehouse.deploy import KINDS, deploy
from harvest_warehouse.warehouse import Target
from support.consoles import run

TOKEN = "1234567.pt.verysecret"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with settings and a token, on PostgreSQL."""
    section = "SOURCES__HARVEST_TIME_TRACKING__"
    monkeypatch.setenv(f"{section}ACCESS_TOKEN", TOKEN)
    monkeypatch.setenv(f"{section}ACCOUNT_ID", "4711")
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://harvest:verysecret@db.example/harvest")
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text('[harvest_marts]\nhome_currency = "EUR"\n', encoding="utf-8")
    return tmp_path


def written(folder: Path, kind: Any, **how: Any) -> Path:
    to = folder / "to" / kind
    deploy(Target(folder, destination="postgres"), kind, to, at=time(4, 30), **how)
    return to


@pytest.mark.parametrize("kind", KINDS)
def test_every_place_is_filled_in_and_no_file_has_a_value_of_a_secret(folder: Path, kind: Any) -> None:
    for file in written(folder, kind).iterdir():
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"@\w+(:lines)?@", text), file.name
        assert "verysecret" not in text
        assert "4711" not in text
        assert os.access(file, os.X_OK) == (file.suffix == ".sh")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cron"])
def test_every_secret_that_is_set_here_has_its_name_there(folder: Path, kind: Any) -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in written(folder, kind).iterdir())
    assert "SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN" in text
    assert "DESTINATION__POSTGRES__CREDENTIALS" in text


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
def test_systemd_takes_the_units(folder: Path) -> None:
    to = written(folder, "systemd")
    checked = subprocess.run(
        ["systemd-analyze", "verify", *(str(file) for file in to.glob("dlt-harvest.*"))],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in checked.stderr.splitlines() if "dlt-harvest" in line]
    assert (checked.returncode, ours) == (0, []), checked.stderr
    calendar = subprocess.run(
        ["systemd-analyze", "calendar", "*-*-* 04:30:00"], capture_output=True, text=True, check=True
    )
    assert "Next elapse" in calendar.stdout
    assert "OnCalendar=*-*-* 04:30:00" in (to / "dlt-harvest.timer").read_text(encoding="utf-8")


def test_the_units_are_installed_and_only_missing_secrets_are_asked_for(folder: Path, tmp_path: Path) -> None:
    script, root = written(folder, "systemd") / "install.sh", tmp_path / "root"
    there = root / "etc" / "dlt-harvest" / "DESTINATION__POSTGRES__CREDENTIALS"
    there.parent.mkdir(parents=True)
    there.write_text("there already", encoding="utf-8")
    given = "a token \\ $x\n4711\n"
    done = subprocess.run(
        ["sh", str(script)], input=given, env={"DESTDIR": str(root), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    files = {file.name: file for file in there.parent.iterdir()}
    assert {name: file.read_text(encoding="utf-8") for name, file in files.items()} == {
        "SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN": "a token \\ $x",
        "SOURCES__HARVEST_TIME_TRACKING__ACCOUNT_ID": "4711",
        "DESTINATION__POSTGRES__CREDENTIALS": "there already",
    }
    token = files["SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN"]
    assert token.stat().st_mode & 0o077 == 0
    assert "a token" not in done.stdout + done.stderr
    units = root / "etc" / "systemd" / "system"
    assert {file.name for file in units.iterdir()} == {"dlt-harvest.service", "dlt-harvest.timer"}


def test_the_service_reads_its_secrets_from_files(folder: Path, tmp_path: Path) -> None:
    """The line of ExecStart, run by a shell as systemd runs it, with a command that shows its environment."""
    [line] = [
        line
        for line in (written(folder, "systemd") / "dlt-harvest.service").read_text(encoding="utf-8").splitlines()
        if line.startswith("ExecStart=")
    ]
    script = re.fullmatch(r"ExecStart=/bin/sh -c '(.*)'", line)
    assert script
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    names = re.findall(r"(\w+)=\"", script[1])
    for name in names:
        (credentials / name).write_text(f"value of {name}\n", encoding="utf-8")
    shown = re.sub(r"exec \S+ sync --repair", "exec env", script[1].replace("$$", "$"))
    done = subprocess.run(
        ["/bin/sh", "-c", shown], env={"CREDENTIALS_DIRECTORY": str(credentials), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert len(names) == 3
    assert {name: found[name] for name in names} == {name: f"value of {name}" for name in names}


def test_the_entrypoint_takes_secrets_from_files(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f'{TOKEN} $x `y` "z"\n', encoding="utf-8")
    entrypoint = written(folder, "container") / "entrypoint.sh"
    environment = {"ACCESS_TOKEN__FILE": str(tmp_path / "token"), "PATH": os.environ["PATH"]}
    shown = [str(entrypoint), "sh", "-c", 'printf %s "$ACCESS_TOKEN"']
    done = subprocess.run(shown, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f'{TOKEN} $x `y` "z"'


def test_the_image_is_not_root_and_writes_into_one_volume(folder: Path) -> None:
    lines = (written(folder, "container") / "Containerfile").read_text(encoding="utf-8").splitlines()
    words = [line.split(maxsplit=1) for line in lines if re.match(r"[A-Z]+ ", line)]
    last = dict(words)
    assert last["USER"] == "10001:10001"
    assert last["VOLUME"] == "/work"
    assert last["CMD"] == '["sync"]'
    assert "dlt-harvest[postgres,dashboard]==" in last["ARG"]
    known = ["FROM", "ARG", "COPY", "RUN", "USER", "VOLUME", "WORKDIR", "ENV", "STOPSIGNAL", "ENTRYPOINT", "CMD"]
    assert {word for word, _ in words} <= set(known)


def test_compose_has_a_database_a_sync_and_the_dashboard_behind_a_login(folder: Path) -> None:
    to = written(folder, "compose")
    document = yaml.safe_load((to / "compose.yaml").read_text(encoding="utf-8"))
    services = document["services"]
    assert set(services) == {"postgres", "sync", "dashboard", "login"}
    # Only the login is reached from outside of it.
    assert [name for name, service in services.items() if "ports" in service] == ["login"]
    for name in ("sync", "dashboard"):
        assert services[name]["read_only"] is True
        assert services[name]["user"] == "10001:10001"
        assert services[name]["environment"]["HARVEST_WAREHOUSE__DESTINATION"] == "postgres"
    text = (to / "compose.yaml").read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    given = {line.partition("=")[0] for line in (to / "secrets.env").read_text(encoding="utf-8").splitlines()}
    assert asked == given
    assert (to / "config.toml").read_text(encoding="utf-8") == '[harvest_marts]\nhome_currency = "EUR"\n'
    # The header that the dashboard asks for.
    assert "X-Dlt-Harvest-Proxy" in (to / "Caddyfile").read_text(encoding="utf-8")


def test_the_night_of_compose_syncs_and_ends_at_once_when_it_is_told_to(folder: Path, tmp_path: Path) -> None:
    """Its shell script, with a clock that has come to the time and a command that notes that it was called."""
    document = yaml.safe_load((written(folder, "compose") / "compose.yaml").read_text(encoding="utf-8"))
    [script] = document["services"]["sync"]["command"]
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, text in {
        "sleep": f"echo slept >> {tmp_path}/log",
        "dlt-harvest": f"echo $* >> {tmp_path}/log; kill -TERM $PPID",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        (tools / name).chmod(0o755)
    environment = {"PATH": f"{tools}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-c", script.replace("$$", "$")], env=environment, timeout=60, check=False)
    assert done.returncode == 0
    assert (tmp_path / "log").read_text(encoding="utf-8") == "slept\nsync --repair\n"


def test_kubernetes_runs_one_at_a_time_with_a_read_only_root(folder: Path) -> None:
    to = written(folder, "kubernetes")
    cron, claim = yaml.safe_load_all((to / "cronjob.yaml").read_text(encoding="utf-8"))
    assert (cron["apiVersion"], cron["kind"], claim["kind"]) == ("batch/v1", "CronJob", "PersistentVolumeClaim")
    assert cron["spec"]["schedule"] == "30 4 * * *"
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    secrets = {one["name"] for one in container["env"] if "valueFrom" in one}
    assert secrets == {
        "SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN",
        "SOURCES__HARVEST_TIME_TRACKING__ACCOUNT_ID",
        "DESTINATION__POSTGRES__CREDENTIALS",
    }
    volumes = {one["name"] for one in pod["volumes"]}
    assert {one["name"] for one in container["volumeMounts"]} == volumes


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl")
def test_kustomize_puts_the_settings_in_and_names_them(folder: Path) -> None:
    to = written(folder, "kubernetes")
    done = subprocess.run(["kubectl", "kustomize", str(to)], capture_output=True, text=True, check=True)
    made = {one["kind"]: one for one in yaml.safe_load_all(done.stdout)}
    assert set(made) == {"ConfigMap", "CronJob", "PersistentVolumeClaim"}
    volumes = made["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"]
    [name] = [one["configMap"]["name"] for one in volumes if "configMap" in one]
    assert name == made["ConfigMap"]["metadata"]["name"]
    assert "home_currency" in made["ConfigMap"]["data"]["config.toml"]


def test_the_line_of_cron_says_what_failed_and_ends_with_its_exit_code(folder: Path, tmp_path: Path) -> None:
    lines = (written(folder, "cron") / "dlt-harvest.cron").read_text(encoding="utf-8").splitlines()
    [line] = [line for line in lines if "sync" in line and not line.startswith("#")]
    assert line.startswith("30 4 * * * cd ")
    command = re.sub(r"\S+/dlt-harvest sync --repair", f"sh {tmp_path}/failing", line.split(maxsplit=5)[5])
    (tmp_path / "failing").write_text("echo it failed >&2; exit 3\n", encoding="utf-8")
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "it failed\n")
    # cron ends a command at a percent sign.
    assert "%" not in line


def test_files_that_are_there_stay_unless_they_may_be_replaced(folder: Path) -> None:
    to = written(folder, "cron")
    (to / "dlt-harvest.cron").write_text("mine", encoding="utf-8")
    with pytest.raises(SettingWrong, match=r"dlt-harvest\.cron already"):
        written(folder, "cron")
    assert (to / "dlt-harvest.cron").read_text(encoding="utf-8") == "mine"
    written(folder, "cron", replaces=True)
    assert "sync" in (to / "dlt-harvest.cron").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", ["systemd", "cron"])
def test_a_folder_whose_name_they_misread_is_refused(tmp_path: Path, kind: Any) -> None:
    with pytest.raises(SettingWrong, match="in its name"):
        deploy(Target(tmp_path / "a b"), kind, tmp_path / "to")


def test_the_command_lists_the_files_and_the_secrets(folder: Path) -> None:
    printed = run("deploy", "systemd", "--to", "to", "--at", "23:05")
    assert printed.code == 0
    assert b"dlt-harvest.timer" in printed.out
    assert b"DESTINATION__POSTGRES__CREDENTIALS" in printed.out
    assert "OnCalendar=*-*-* 23:05:00" in Path("to/dlt-harvest.timer").read_text(encoding="utf-8")


def test_the_workflow_waits_for_the_run_before_it_and_has_its_secrets_from_github(folder: Path) -> None:
    text = (written(folder, "github-actions") / "harvest.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    # YAML 1.1 reads `on` as true.
    assert workflow[True]["schedule"] == [{"cron": "30 4 * * *"}]
    assert workflow["concurrency"] == {"group": "dlt-harvest", "cancel-in-progress": False}
    [*actions, install, sync] = workflow["jobs"]["sync"]["steps"]
    assert all(re.search(r"@[0-9a-f]{40}$", step["uses"]) for step in actions)
    assert "dlt-harvest[postgres,dashboard]==" in install["run"]
    name = "DESTINATION__POSTGRES__CREDENTIALS"
    assert sync["env"][name] == f"${{{{ secrets.{name} }}}}"


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="there is no actionlint")
def test_actionlint_takes_the_workflow(folder: Path) -> None:
    file = written(folder, "github-actions") / "harvest.yml"
    done = subprocess.run(["actionlint", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_database_file_is_refused_where_the_disk_is_lost(tmp_path: Path) -> None:
    with pytest.raises(SettingWrong, match="loses its disk"):
        deploy(Target(tmp_path), "github-actions", tmp_path / "to")
    assert not (tmp_path / "to").exists()
