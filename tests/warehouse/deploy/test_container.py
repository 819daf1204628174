"""A sync as the image of `deploy container` runs it: another user, a root that cannot be written to, one volume, and SIGTERM."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from destinations.postgres_server import NoServer, serving
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.deploy import deploy
from harvest_warehouse.warehouse import Target
from support.accounts import Account, assert_equals_truth

pytestmark = pytest.mark.nightly

# `docker run --read-only --tmpfs /tmp --volume $1:/work --user 10001:10001`, by what Docker itself is made of.
_CONTAINER = """
set -e
mount --bind "$1" /mnt
# Python itself may be in the home of root, where no other user may look.
case "$2" in /root/*)
  mount --bind "$2" /media; mount -t tmpfs -o mode=755 tmpfs /root; mkdir -p "$2"; mount --bind /media "$2"
esac
mount -t tmpfs tmpfs /tmp
mount -o remount,ro,bind /
shift 2
cd /mnt
exec setpriv --reuid 10001 --regid 10001 --clear-groups --no-new-privs /mnt/entrypoint.sh "$@"
"""
# What Docker and Kubernetes wait for in the templates, before they kill.
GRACE_SECONDS = 60


@dataclass(frozen=True)
class Container:
    """Runs commands with a volume of its own."""

    volume: Path
    environment: dict[str, str]

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "harvest_warehouse.cli", *words]
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", _CONTAINER, "sh", str(self.volume), sys.base_prefix, *command],
            env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str) -> tuple[int, list[dict[str, object]]]:
        """Exit code, and the lines of the log."""
        process = self.start(*words)
        _, errors = process.communicate(timeout=300)
        return process.returncode, [json.loads(line) for line in errors.splitlines()]


@pytest.fixture
def container(tmp_path: Path, open_account: Callable[..., Account]) -> Callable[..., Container]:
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "setpriv"))) or not Path("/mnt").is_dir():
        pytest.skip("only root can make a root that cannot be written to, by unshare and setpriv")

    def make(name: str, account: Account, **environment: str) -> Container:
        volume = tmp_path / name
        volume.mkdir()
        os.chown(volume, 10001, 10001)
        deploy(Target(tmp_path), "container", tmp_path / "image", replaces=True)
        section = "SOURCES__HARVEST_TIME_TRACKING__"
        # Where the other user finds it.
        shutil.copy(tmp_path / "image" / "entrypoint.sh", volume)
        made = Container(
            volume,
            {
                "PATH": os.environ["PATH"],
                # As in the Containerfile.
                "HOME": "/mnt",
                "DLT_DATA_DIR": "/mnt/.dlt-data",
                "DLT_HARVEST_LOG_FORMAT": "json",
                f"{section}ACCESS_TOKEN": account.simulator.access_token,
                f"{section}ACCOUNT_ID": account.simulator.account_id,
                f"{section}BASE_URL": account.url,
                f"{section}REQUESTS_PER_15_S": "0",
                **environment,
            },
        )
        tried = made.start("--version")
        _, errors = tried.communicate(timeout=60)
        if tried.returncode:
            pytest.skip(f"no container can be made here: {errors.strip()[-300:]}")
        return made

    return make


def test_a_stopped_container_ends_in_time_and_the_next_one_goes_on(
    container: Callable[..., Container], open_account: Callable[..., Account]
) -> None:
    account = open_account(enforce_limits=False)
    made = container("volume", account)
    stopped_at = []

    def stop() -> None:
        stopped_at.append(time.monotonic())
        process.send_signal(signal.SIGTERM)

    account.simulator.faults.between_pages("time_entries", stop)
    process = made.start("sync")
    _, errors = process.communicate(timeout=300)
    assert time.monotonic() - stopped_at[0] < GRACE_SECONDS
    assert process.returncode == 1, errors
    assert "Interrupted." in errors
    code, log = made.run("sync")
    assert code == 0, log
    account.pipeline = open_pipeline(Target(made.volume))
    assert_equals_truth(account)


def test_of_two_containers_at_once_one_leaves_with_1_and_the_other_ends_equal(
    container: Callable[..., Container], open_account: Callable[..., Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    account = open_account(enforce_limits=False)
    try:
        with serving() as address:
            here = {"HARVEST_WAREHOUSE__DESTINATION": "postgres", "DESTINATION__POSTGRES__CREDENTIALS": address}
            first, second = (container(name, account, **here) for name in ("first", "second"))
            came: list[tuple[int, list[dict[str, object]]]] = []
            account.simulator.faults.between_pages("time_entries", lambda: came.append(second.run("sync")))
            code, log = first.run("sync")
            [(other_code, other_log)] = came
            assert other_code == 1
            assert any("Another run is writing" in str(line["message"]) for line in other_log), other_log
            assert code == 0, log
            monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", address)
            account.pipeline = open_pipeline(Target(first.volume, destination="postgres"))
            assert_equals_truth(account, ["clients", "time_entries", "invoices"])
    except NoServer as error:
        pytest.skip(str(error))
