"""Several accounts in one run: each as whole as alone, one that fails stops no other, and a killed run goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from harvest_simulator import Accounts, Simulator
from harvest_time_tracking import STREAMS, SettingWrong
from harvest_warehouse import accounts, build, sync
from harvest_warehouse.settings.account import wanted_accounts
from harvest_warehouse.warehouse import DATASET, MARTS, Target
from storm.child import in_a_child
from storm.events import Kill
from support.consoles import run

SECTION = "SOURCES__HARVEST_TIME_TRACKING__"
CLOSED = "345678"


@dataclass
class Group:
    """Two companies that one token reaches; it also lists an account of Forecast, and one that is closed to it."""

    north: Simulator
    south: Simulator
    folder: Path
    patch: pytest.MonkeyPatch

    def set(self, **values: str) -> None:
        for name, value in values.items():
            self.patch.setenv(f"{SECTION}{name}", value)

    def assert_equal(self, *streams: str) -> None:
        """Every list with ids, or these, has the same ids as its account, and no other account."""
        with duckdb.connect(str(Target(self.folder).file)) as connection:
            for simulator in (self.north, self.south):
                truth = simulator.truth()
                for stream in STREAMS.values():
                    if not stream.is_default or stream.key != ("id",) or stream.name not in (streams or STREAMS):
                        continue
                    rows = connection.execute(
                        f'select id from {DATASET}."{stream.table_name}" where account_id = ?', [simulator.account_id]
                    ).fetchall()
                    assert sorted(row[0] for row in rows) == sorted(row["id"] for row in truth[stream.name]), stream

    def column(self, query: str) -> list[object]:
        with duckdb.connect(str(Target(self.folder).file)) as connection:
            return [row[0] for row in connection.execute(query).fetchall()]


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Group]:
    north = Simulator(1, "tiny", enforce_limits=False)
    south = Simulator(2, "tiny", enforce_limits=False, account_id="234567", clock=north.clock)
    south.store.company.name = "Southbank"
    with Accounts(north, south, closed=[CLOSED]).serving() as url:
        made = Group(north, south, tmp_path, monkeypatch)
        made.set(ACCESS_TOKEN=north.access_token, BASE_URL=url, REQUESTS_PER_15_S="0", REPORT_REQUESTS_PER_15_MIN="0")
        yield made


def test_all_accounts_of_harvest_are_loaded_in_one_run_though_one_of_them_fails(group: Group) -> None:
    group.set(ACCOUNTS="all")
    done = run("load", "clients", "tasks", "--json")
    assert done.code == 1
    codes = {one["account_id"]: one["exit_code"] for one in json.loads(done.out)["accounts"]}
    assert codes == {"123456": 0, "234567": 0, CLOSED: 1}
    assert f"account {CLOSED} (Closed): 403 at /v2/users/me" in done.err.decode()
    group.assert_equal("clients", "tasks")
    group.set(ACCOUNTS="123456, 999999")
    status = run("status")
    assert status.code == 3
    assert "Account 999999 was never loaded" in status.out.decode()


@pytest.mark.nightly
def test_all_accounts_of_harvest_are_synced_in_one_run_though_one_of_them_fails(group: Group) -> None:
    group.set(ACCOUNTS="all")
    done = run("sync", "--json")
    assert done.code == 1
    document = json.loads(done.out)
    codes = {one["account_id"]: one["exit_code"] for one in document["accounts"]}
    assert codes == {"123456": 0, "234567": 0, CLOSED: 1}
    assert f"account {CLOSED} (Closed): 403 at /v2/users/me" in done.err.decode()
    group.assert_equal()
    assert document["build"]["tables"]
    assert group.column(f"select account_id from {MARTS}.dim_account order by 1") == ["123456", "234567"]
    assert {one["report"]["is_equal"] for one in document["accounts"] if one["report"]} == {True}
    # What an account no longer lists is not left out in silence, and one account's deletions are not the other's.
    gone = next(iter(group.south.store.time_entries))
    group.south.store.delete_time_entry(gone)
    group.set(ACCOUNTS=f'["234567", "{CLOSED}"]')
    done = run("sync", "--no-build")
    assert done.code == 1
    assert "Account 234567:" in done.out.decode()
    assert group.column(f"select account_id || table_name from {DATASET}.harvest_deletions") == ["234567time_entries"]
    group.assert_equal()


@pytest.mark.parametrize("given", ["", "some", "[]", '["12", "ab"]', "12, 12"])
def test_a_list_of_accounts_that_cannot_work_is_an_error(given: str, group: Group) -> None:
    group.set(ACCOUNTS=given)
    with pytest.raises(SettingWrong, match="accounts "):
        wanted_accounts()


@pytest.mark.parametrize(
    "words", [("sync", "--accept-deletions"), ("sync", "--accept-access"), ("load", "--project-id", "1")]
)
def test_what_belongs_to_one_account_is_refused_for_several(words: tuple[str, ...], group: Group) -> None:
    group.set(ACCOUNTS="123456, 234567")
    done = run(*words)
    assert done.code == 2
    assert "add --account-id" in done.err.decode()
    assert group.north.requests == []
    wrong = run("sync", "--account-id", "1")
    assert wrong.code == 2
    assert "1 is none of the accounts: 123456, 234567" in wrong.err.decode()


@pytest.mark.nightly
def test_an_account_that_the_token_no_longer_reaches_is_told(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    group.set(ACCOUNTS="123456, 234567")
    assert run("load").code == 0
    with Accounts(group.south).serving() as url:
        group.set(ACCOUNTS="all", BASE_URL=url)
        done = run("load", "clients")
    assert done.code == 3
    assert "account 123456: it has rows here, and this token does not reach it" in done.err.decode()


@pytest.mark.nightly
def test_each_account_is_compared_with_its_own_reports(group: Group) -> None:
    group.set(ACCOUNTS="123456, 234567")
    assert run("sync", "--no-build").code == 0
    group.south.set_rounding("up", 30)
    done = run("verify", "--json")
    assert done.code == 3
    document = json.loads(done.out)
    assert {one["account_id"]: one["exit_code"] for one in document["accounts"]} == {"123456": 0, "234567": 3}
    assert run("verify", "--account-id", "123456").code == 0
    repaired = run("verify", "--repair")
    assert repaired.code == 0, repaired.err
    assert run("doctor").code == 0


@pytest.mark.nightly
def test_the_accounts_are_there_for_python(group: Group) -> None:
    group.set(ACCOUNTS="all")
    north, south, closed = accounts()
    assert closed.account_id == CLOSED
    with pytest.raises(SettingWrong, match="Several accounts"):
        sync()
    for account in (north, south):
        assert sync(settings=account, build_marts=False).is_equal
    assert build().tables
    group.assert_equal()


@pytest.mark.nightly
@pytest.mark.skipif(not hasattr(os, "fork"), reason="only a process that forks can be killed so quickly")
def test_a_run_that_was_killed_goes_on_in_the_account_where_it_was(group: Group) -> None:
    group.set(ACCOUNTS="123456, 234567")
    assert run("load").code == 0
    events = in_a_child(lambda: run("load"))
    assert events
    for simulator in (group.north, group.south):
        simulator.mutate(20, 5)
    # Both accounts take about as long: this is in the second one.
    assert in_a_child(lambda: run("load"), Kill(events * 3 // 4, 0)) is None
    done = run("load", "--json")
    assert done.code == 0
    assert [one["account_id"] for one in json.loads(done.out)["accounts"]] == ["234567", "123456"]
    group.assert_equal()
