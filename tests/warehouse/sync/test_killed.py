"""Commands that are killed at some moment: what they leave is the old or the new one whole, or says that it is not; the next ends right."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random

import duckdb
import pyarrow.parquet as pq
import pytest

from harvest_time_tracking import SettingWrong
from harvest_warehouse.database.connection import IncompleteCopy
from harvest_warehouse.marts import build
from harvest_warehouse.query import query
from harvest_warehouse.transfer import copy, publish
from harvest_warehouse.transfer.bucket import Bucket
from harvest_warehouse.verify import verify
from harvest_warehouse.warehouse import DATASET, MARTS, Target
from harvest_warehouse.weekly.report import put_whole
from storm.child import in_a_child
from storm.events import Kill
from support.accounts import Account

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="only a process that forks can be killed so quickly")


def moments(events: int, count: int, seed: str) -> Iterator[Kill]:
    """When to kill what touches so many files: all over it, and then also while the database is at work."""
    dice = Random(seed)
    for part in range(count):
        yield Kill(dice.randrange(events * part // count, events * (part + 1) // count) + 1, dice.choice((0, 0, 5, 40)))


def state(warehouse: Target, schema: str) -> dict[str, tuple[int, int]]:
    """How many rows each table has, and a sum over their values; dlt's own and those being built are left out."""
    with duckdb.connect(str(warehouse.file)) as connection:
        names = connection.execute(
            "select table_name from duckdb_tables() where schema_name = ? and table_name not like '%\\_\\_next' escape '\\' "
            "and table_name not like '\\_dlt\\_%' escape '\\'",
            [schema],
        ).fetchall()
        return {
            name: connection.execute(f'select count(*), sum(hash(t)) from {schema}."{name}" t').fetchall()[0]
            for (name,) in names
        }


def beside(warehouse: Target, folder: Path) -> Target:
    """A copy of the database, with a working folder of its own."""
    folder.mkdir()
    shutil.copy(warehouse.file, folder)
    return replace(warehouse, folder=folder, pipelines_dir=folder / "pipelines")


@pytest.mark.nightly
def test_a_build_leaves_the_old_marts_or_the_new_ones(synced: tuple[Account, Target], tmp_path: Path) -> None:
    _, warehouse = synced
    in_a_child(lambda: build(warehouse, as_of=date(2026, 1, 31)))
    old, elsewhere = state(warehouse, MARTS), beside(warehouse, tmp_path / "elsewhere")
    events = in_a_child(lambda: build(elsewhere, as_of=date(2026, 2, 28)))
    new = state(elsewhere, MARTS)
    assert events
    assert old.keys() == new.keys()
    assert old != new
    ends = []
    for kill in moments(events, 4, "build"):
        ends.append(in_a_child(lambda: build(warehouse, as_of=date(2026, 2, 28)), kill))
        assert state(warehouse, MARTS) in (old, new), kill
    assert None in ends, "nobody was killed"
    in_a_child(lambda: build(warehouse, as_of=date(2026, 2, 28)))
    assert state(warehouse, MARTS) == new


@pytest.mark.nightly
def test_a_comparison_goes_on_and_comes_to_the_same_end(synced: tuple[Account, Target], tmp_path: Path) -> None:
    account, warehouse = synced
    client = account.client(requests_per_15_s=0, report_requests_per_15_min=0)
    account.simulator.enforce_limits = False
    elsewhere = beside(warehouse, tmp_path / "elsewhere")
    events = in_a_child(lambda: verify(elsewhere, client.settings, client=client))
    assert events
    data = state(warehouse, DATASET)
    ends = []
    for kill in moments(events, 2, "verify"):
        ends.append(in_a_child(lambda: verify(warehouse, client.settings, client=client), kill))
        left = state(warehouse, DATASET)
        assert {name: rows for name, rows in left.items() if name in data} == data, kill
    assert None in ends, "nobody was killed"
    in_a_child(lambda: verify(warehouse, client.settings, client=client))
    verdicts = (
        "select report, from_date, to_date, subject_id, measure, ours, theirs, verdict from harvest_reconciliation"
    )
    assert sorted(query(warehouse, verdicts).rows) == sorted(query(elsewhere, verdicts).rows)


@pytest.mark.nightly
def test_a_copy_is_whole_or_nobody_takes_it_for_one(synced: tuple[Account, Target], tmp_path: Path) -> None:
    _, warehouse = synced
    whole = state(warehouse, DATASET)

    def place(name: str) -> Target:
        (tmp_path / name).mkdir()
        return replace(warehouse, folder=tmp_path / name, pipelines_dir=tmp_path / name / "pipelines")

    first = place("first")
    events = in_a_child(lambda: copy(warehouse, first, build_marts=False))
    assert events
    assert _names(first) >= whole.keys()
    there = place("there")
    ends = []
    for kill in moments(events, 3, "copy"):
        ends.append(in_a_child(lambda: copy(warehouse, there, build_marts=False, replace_unfinished=True), kill))
        if ends[-1] is None:
            with pytest.raises(
                (IncompleteCopy, SettingWrong), match=r"half a copy|is not there yet|has no Harvest tables"
            ):
                query(there, "select count(*) from clients")
    assert None in ends, "nobody was killed"
    in_a_child(lambda: copy(warehouse, there, build_marts=False, replace_unfinished=True))
    assert {name: rows for name, (rows, _) in state(there, DATASET).items()} == {
        name: rows for name, (rows, _) in state(first, DATASET).items()
    }
    assert state(warehouse, DATASET) == whole


def _names(warehouse: Target) -> set[str]:
    return set(state(warehouse, DATASET))


def test_each_published_file_is_the_old_or_the_new_one_whole(synced: tuple[Account, Target], tmp_path: Path) -> None:
    _, warehouse = synced

    def contents(name: str) -> dict[str, object]:
        folder = tmp_path / name
        return {str(path.relative_to(folder)): pq.read_table(path) for path in sorted(folder.rglob("*.parquet"))}

    in_a_child(lambda: publish(warehouse, Bucket(bucket_url=str(tmp_path / "shelf"))))
    old = contents("shelf")
    with duckdb.connect(str(warehouse.file)) as connection:
        for name in ("clients", "projects", "tasks", "time_entries", "users", "invoices"):
            connection.execute(f"update {DATASET}.{name} set updated_at = updated_at + interval 1 day")
    shutil.copytree(tmp_path / "shelf", tmp_path / "new")
    events = in_a_child(lambda: publish(warehouse, Bucket(bucket_url=str(tmp_path / "new"))))
    new = contents("new")
    assert events
    ends = []
    for kill in moments(events, 4, "publish"):
        ends.append(in_a_child(lambda: publish(warehouse, Bucket(bucket_url=str(tmp_path / "shelf"))), kill))
        left = contents("shelf")
        assert left.keys() == old.keys()
        assert all(left[name] in (old[name], new[name]) for name in left), kill
    assert None in ends, "nobody was killed"
    in_a_child(lambda: publish(warehouse, Bucket(bucket_url=str(tmp_path / "shelf"))))
    assert contents("shelf") == new
    assert contents("shelf") != old


def test_a_report_for_which_there_is_no_room_leaves_the_old_one_and_nothing_beside_it(tmp_path: Path) -> None:
    page = tmp_path / "week.html"
    page.write_bytes(b"old")

    def put() -> None:
        # Only in the child: no file may grow beyond this.
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        with pytest.raises(OSError, match="too large"):
            put_whole(page, b"new" * 200_000)

    in_a_child(put)
    assert page.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [page]


def test_a_report_is_the_old_or_the_new_one_whole(tmp_path: Path) -> None:
    page, old, new = tmp_path / "week.html", b"old" * 100_000, b"new" * 200_000
    page.write_bytes(old)
    page.chmod(0o640)
    events = in_a_child(lambda: put_whole(tmp_path / "other.html", new))
    assert events
    seen = set()
    for number in range(1, events + 4):
        in_a_child(lambda: put_whole(page, new), Kill(number))
        seen.add(page.read_bytes())
        assert seen <= {old, new}
    put_whole(page, new)
    assert (page.read_bytes(), page.stat().st_mode & 0o777) == (new, 0o640)
    assert old in seen
