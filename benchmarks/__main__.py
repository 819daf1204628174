"""`python -m benchmarks compare|pace|daily|busy|deletions|scaling|memory|destinations|page`: measure, and write docs/explanation/performance.md from what was measured."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from statistics import mean, median
from typing import Any

from harvest_warehouse.database.run import Run as IntoDatabase

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from benchmarks import page
from benchmarks.account import ACCOUNT, TOKEN, Account, running
from benchmarks.measure import COMMAND, Run, contender, run
from benchmarks.peaks import Peaks
from destinations.doubles import DOUBLES
from harvest_time_tracking import STREAMS, Secret, Settings
from harvest_warehouse.database.pipeline_state import loaded_since
from harvest_warehouse.doctor import doctor
from harvest_warehouse.load import load
from harvest_warehouse.sweep import sweep
from harvest_warehouse.warehouse import Target

RESULTS = Path(__file__).parent / "results"
UNPACED = {"requests_per_15_s": "0", "report_requests_per_15_min": "0"}
CONTENDERS = Path(__file__).parent / "contenders"
DATABASE = "harvest_time_tracking.duckdb"
# So that there are 5,000 invoices.
_CLIENTS = 133
# Of the benchmark with people at work: how many syncs there are, and how much changes between two.
DAYS, CHANGES_A_DAY = 3, 5_000
_OF = {"load": (), "sync": ("--no-build",)}
# Harvest's answers as they are known: seconds for a full page, and for a small answer.
LATENCY = (1.5, 0.2)


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "what",
        choices=["compare", "pace", "daily", "busy", "deletions", "scaling", "memory", "destinations", "page", "all"],
    )
    parser.add_argument(
        "--entries",
        type=int,
        default=500_000,
        help="time entries of the account (compare, daily, busy, deletions, memory)",
    )
    parser.add_argument("--runs", type=int, default=3, help="of each, of which the median counts")
    parser.add_argument(
        "--singer", help="a Python in whose environment tap-harvest is installed, to run beside the others"
    )
    parser.add_argument("--published", type=int, default=50_000, help="time entries for the example as published")
    asked = parser.parse_args()
    kinds: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
        "compare": _compare,
        "pace": _pace,
        "daily": _daily,
        "busy": _busy,
        "deletions": _deletions,
        "scaling": _scaling,
        "memory": _memory,
        "destinations": _destinations,
    }
    for name, measure in kinds.items():
        if asked.what in (name, "all"):
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / f"{name}.json").write_text(json.dumps(measure(asked), indent=1) + "\n", encoding="utf-8")
    page.write(RESULTS, Path(__file__).parents[1] / "docs" / "explanation")


def _once(account: Account, command: list[str], database: str, settings: dict[str, str], said: str) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        found = run(account, Path(folder), command, database, settings)
    print(
        f"{said:34s} {found.wall_seconds:7.1f} s {found.cpu_seconds:7.1f} CPU s {found.peak_mb:6.0f} MB "
        f"{found.requests:6d} requests {found.rows_per_cpu_second:9,.0f} rows/CPU s",
        flush=True,
    )
    return found


def _medians(runs: list[Run]) -> dict[str, float]:
    values = [{**asdict(found), "rows_per_cpu_second": found.rows_per_cpu_second} for found in runs]
    return {name: median(value[name] for value in values) for name in values[0]}


def _compare(asked: argparse.Namespace) -> dict[str, Any]:
    """The time entries alone, without a limit: ours, the example twice, and the floor, in turn."""
    found: dict[str, list[Run]] = {}
    with running(size="large", entries=asked.entries, enforce_limits=False) as account:
        for _ in range(asked.runs):
            tap = [asked.singer, str(CONTENDERS / "singer_tap.py")]
            for name, command, database in (
                ("dlt-harvest", [*COMMAND, "load", "time_entries"], DATABASE),
                ("bare floor", contender("floor", "floor.duckdb"), "floor.duckdb"),
                ("example, parquet", contender("example", "example.duckdb", "parquet"), "example.duckdb"),
                *([("tap-harvest, to a file", tap, "records.jsonl")] if asked.singer else []),
            ):
                found.setdefault(name, []).append(_once(account, command, database, UNPACED, name))
    with running(size="large", entries=asked.published, enforce_limits=False) as account:
        for _ in range(asked.runs):
            name, command = "example, as published", contender("example", "example.duckdb")
            found.setdefault(name, []).append(_once(account, command, "example.duckdb", {}, name))
    return {"entries": asked.entries, "published": asked.published, "runs": asked.runs} | {
        name: _medians(runs) for name, runs in found.items()
    }


def _destinations(asked: argparse.Namespace) -> dict[str, Any]:
    """The time entries alone, into each destination that stands on this machine: all of them, then a changed hundredth."""
    found: dict[str, Any] = {"entries": asked.entries}
    for name, stand in DOUBLES.items():
        with (
            running(size="large", entries=asked.entries, enforce_limits=False) as account,
            tempfile.TemporaryDirectory() as at,
            stand.opened() as environment,
        ):
            command, database = (
                [*COMMAND, "load", "time_entries", "--destination", name],
                environment.get("DESTINATION__POSTGRES__CREDENTIALS", DATABASE),
            )
            found[name] = []
            for share in (0.0, 0.01):
                if share:
                    account.change(share)
                one = run(account, Path(at), command, database, UNPACED, environment)
                print(f"{name}: {one.wall_seconds:.1f} s, {one.cpu_seconds:.1f} CPU s, {one.rows:,} rows", flush=True)
                found[name].append(asdict(one))
    return found


def _pace(asked: argparse.Namespace) -> dict[str, Any]:
    """A first load of a whole account at Harvest's limit and with its latencies."""
    runs = []
    with running(size="small", entries=100_000, latency=LATENCY) as account:
        runs = [_once(account, [*COMMAND, "load"], DATABASE, {}, "at the limit") for _ in range(asked.runs)]
        rows = sum(account.rows[name] for name, stream in STREAMS.items() if stream.is_default)
    return {"records": rows, "runs": asked.runs, "load": _medians(runs)}


def _daily(asked: argparse.Namespace) -> dict[str, Any]:
    """Requests of a first sync, of one a day later when a hundredth of everything changed, and of one another day later."""
    with (
        running(size="large", clients=_CLIENTS, entries=asked.entries, enforce_limits=False, days_behind=3) as account,
        tempfile.TemporaryDirectory() as at,
    ):
        folder = Path(at)
        settings = Settings(Secret(TOKEN), ACCOUNT, account.url, requests_per_15_s=0, report_requests_per_15_min=0)
        children = doctor(Target(folder, pipelines_dir=folder / "pipelines"), settings).children
        command = [*COMMAND, "sync", "--no-build"]
        first = run(account, folder, command, DATABASE, UNPACED)
        account.pass_time(20)
        account.change(0.01)
        account.pass_time(4)
        second = run(account, folder, command, DATABASE, UNPACED)
        account.pass_time(24)
        third = run(account, folder, command, DATABASE, UNPACED)
        lists = {name for name, stream in STREAMS.items() if stream.is_default and not stream.parent}
        pages = sum(max(1, ceil(account.rows[name] / 2000)) for name in lists)
    print(f"first sync {first.requests:,} requests, after 1 % changed {second.requests}, at rest {third.requests}")
    return {
        "rows": account.rows,
        "list_pages": pages,
        "children": asdict(children) if children else None,
        "first": asdict(first),
        "changed": asdict(second),
        "rest": asdict(third),
    }


def _busy(asked: argparse.Namespace) -> dict[str, Any]:
    """A first load and daily syncs, at rest and while people change an entry a second; then a sync at rest."""
    found: dict[str, Any] = {"entries": asked.entries, "days": DAYS, "changes_a_day": CHANGES_A_DAY}
    for name in ("rest", "busy"):
        with (
            running(size="small", entries=asked.entries, enforce_limits=False, days_at_rest=1) as account,
            tempfile.TemporaryDirectory() as at,
        ):
            folder, runs, changes = Path(at), [], 0
            warehouse = Target(folder, pipelines_dir=folder / "dlt" / "pipelines")
            before = datetime.min.replace(tzinfo=UTC)
            for command in ["load", *["sync"] * DAYS]:
                if runs:
                    account.work(CHANGES_A_DAY)
                    # Of the second in which it was made, nobody knows whether a change was seen.
                    time.sleep(1.5)
                if name == "busy":
                    account.start_work()
                runs.append(run(account, folder, [*COMMAND, command, *_OF[command]], DATABASE, UNPACED))
                changes += account.end_work()
                reached = loaded_since(IntoDatabase(warehouse), ACCOUNT)["time_entries"]
                if reached <= before:
                    raise AssertionError(f"the position of time_entries stayed at {before}")
                before = reached
                print(
                    f"{name}: {command} {runs[-1].requests} requests, {runs[-1].cpu_seconds:.1f} CPU s, "
                    f"{runs[-1].peak_mb:.0f} MB, {changes} changes meanwhile",
                    flush=True,
                )
            time.sleep(1.5)
            run(account, folder, [*COMMAND, "sync", "--no-build"], DATABASE, UNPACED)
            if differing := account.differences(folder / DATABASE):
                raise AssertionError(f"{differing} time entries differ after a sync at rest")
            found[name] = {
                "changes_meanwhile": changes,
                "first": asdict(runs[0]),
                "daily": _means(runs[1:]),
            }
    return found


def _means(runs: list[Run]) -> dict[str, float]:
    return {name: mean(asdict(found)[name] for found in runs) for name in asdict(runs[0])}


def _deletions(asked: argparse.Namespace) -> dict[str, Any]:
    """Requests that it takes to find what was deleted, beside those of reading the whole list."""
    found: dict[str, Any] = {"entries": asked.entries, "full_read": ceil(asked.entries / 2000), "deleted": []}
    with (
        running(size="large", entries=asked.entries, enforce_limits=False, days_at_rest=1) as account,
        tempfile.TemporaryDirectory() as at,
    ):
        settings = Settings(Secret(TOKEN), ACCOUNT, account.url, requests_per_15_s=0, report_requests_per_15_min=0)
        warehouse = Target(Path(at), pipelines_dir=Path(at) / "pipelines")
        load(warehouse, settings)
        for entries in (0, 1, 10, 100):
            account.delete(entries)
            loaded = load(warehouse, settings)
            swept = sweep(IntoDatabase(warehouse), settings, loaded)
            of_entries = next(each for each in swept.streams if each.stream == "time_entries")
            others = max(each.requests for each in swept.streams if each.stream != "time_entries")
            if of_entries.vanished != entries:
                raise AssertionError(f"{entries} were deleted, {of_entries.vanished} were found")
            found["deleted"].append(
                {"entries": entries, "requests": of_entries.requests, "others": others, "seconds": swept.seconds}
            )
            print(
                f"{entries} deleted: {of_entries.requests} requests, {swept.seconds:.1f} s; other lists {others} each"
            )
    return found


def _scaling(_: argparse.Namespace) -> dict[str, Any]:
    """Time and memory against the size of the account."""
    found = []
    for entries in (100_000, 500_000, 1_000_000, 2_000_000):
        with running(size="large", entries=entries, enforce_limits=False) as account:
            one = _once(account, [*COMMAND, "load", "time_entries"], DATABASE, UNPACED, f"{entries:,} entries")
            found.append({"entries": entries, **asdict(one)})
    return {"runs": found}


def _memory(asked: argparse.Namespace) -> dict[str, Any]:
    """The most memory of a first sync of a whole account, marts included, and of one with four times the time entries."""
    runs = []
    for entries in (asked.entries, 4 * asked.entries):
        arguments = {"size": "large", "clients": _CLIENTS, "entries": entries, "days_at_rest": 1}
        with running(**arguments, enforce_limits=False) as account:
            runs.append(whole_sync(account))
    return {"runs": runs}


def whole_sync(account: Account) -> dict[str, Any]:
    """A first sync of every stream, and the marts: what the account has, what it took, and the most memory of each step."""
    peaks, counted = Peaks(), {name: account.rows[name] for name in ("time_entries", "invoices", "users")}
    with tempfile.TemporaryDirectory() as folder:
        found = run(account, Path(folder), [*COMMAND, "sync"], DATABASE, UNPACED, peaks=peaks)
    print(f"{counted['time_entries']:,} entries: {found.peak_mb:.0f} MB, {found.wall_seconds:.0f} s", flush=True)
    return {**counted, **asdict(found), "peaks_mb": peaks.by_step}


if __name__ == "__main__":
    main()
