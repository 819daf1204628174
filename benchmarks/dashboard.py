"""How soon the dashboard answers, and what it takes: `python -m benchmarks.dashboard [--entries N] [--visits N] [--folder PATH]`.

`dlt-harvest show` serves the demo's company and the marts of a large invented account. Each page is opened in Chromium with
filters that nobody has asked for before, so that nothing of it is kept; then thirty visitors ask for different pages at the
same moment. Needs Chromium as a program.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from playwright.sync_api import Browser, sync_playwright

from benchmarks import page
from benchmarks.marts import TODAY, fill
from harvest_warehouse.cli.demo_company import demo
from harvest_warehouse.dashboard.pages import PAGES
from harvest_warehouse.dashboard.url import path_of
from harvest_warehouse.marts import build
from harvest_warehouse.settings.process import keep_dlt_quiet, keep_memory_flat
from harvest_warehouse.warehouse import Target

RESULTS = Path(__file__).parent / "results"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PORT = 2746
_PATIENCE_SECONDS = 120
_VISITORS = 30


def main() -> None:
    """Measure, keep the results, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--visits", type=int, default=5, help="of each page, of which the median counts")
    parser.add_argument("--folder", type=Path, help="keep the accounts there, and use them again")
    asked = parser.parse_args()
    keep_dlt_quiet()
    keep_memory_flat()
    with tempfile.TemporaryDirectory() as scratch:
        folder = asked.folder or Path(scratch)
        found = {
            "entries": asked.entries,
            "cores": os.cpu_count(),
            "visits": asked.visits,
            "visitors": _VISITORS,
            "demo": _measured(_demo(folder / "demo"), ("--demo",), asked.visits),
            "large": _measured(_large(folder / "large", asked.entries), (), asked.visits),
            "load_average": os.getloadavg()[0],
        }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "dashboard.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    page.write(RESULTS, Path(__file__).parents[1] / "docs" / "explanation")


def _demo(folder: Path) -> Path:
    if not folder.exists():
        folder.mkdir(parents=True)
        demo(folder)
    return folder


def _large(folder: Path, entries: int) -> Path:
    warehouse = Target(folder, pipelines_dir=folder / "pipelines")
    if not warehouse.file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fill(warehouse, entries)
        build(warehouse, as_of=TODAY)
    return folder


def _measured(folder: Path, options: Sequence[str], visits: int) -> dict[str, Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("Chromium is not installed: apt-get install -y chromium")
    starts = []
    for _ in range(visits):
        began = time.monotonic()
        with _served(folder, options) as (server, address):
            printed = time.monotonic() - began
            _opened(address)
            starts.append(
                {
                    "printed_seconds": printed,
                    "first_page_seconds": time.monotonic() - began,
                    "first_page_cpu_seconds": cpu_seconds(server.pid),
                }
            )
    with _served(folder, options) as (server, address), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        visitor = _opened(address)
        # What is loaded once is loaded by now.
        for name in PAGES:
            _seconds(visitor, address, path_of(name))
        before = cpu_seconds(server.pid)
        first = [_visit(browser, address, path_of(name), fresh) for fresh in _fresh_filters(visits) for name in PAGES]
        cpu = (cpu_seconds(server.pid) - before) / len(first)
        again = [_visit(browser, address, path_of(name), "") for _ in range(visits) for name in PAGES]
        browser.close()
        rows = [_seconds(visitor, address, f"/rows/time?weeks={number}") for number in range(1, visits + 1)]
        crowd = _crowd(visitor, address)
        memory = _memory_mb(server.pid)
    found = {
        **{key: median(start[key] for start in starts) for key in starts[0]},
        "page_seconds": median(first),
        "slowest_page_seconds": max(first),
        "page_cpu_seconds": cpu,
        "page_again_seconds": median(again[len(PAGES) :]),
        "records_seconds": median(rows),
        "visitors_seconds": crowd,
        **memory,
    }
    print(folder.name, *(f"{key} {value:.2f}" for key, value in found.items()), flush=True)
    return found


def _fresh_filters(visits: int) -> Iterator[str]:
    """Queries that each ask for another target and another time, so that no page was made before."""
    shares = count(40, 5)
    for number in range(visits):
        yield f"?target={next(shares)}&weeks={(4, 8, 26, 52)[number % 4]}" + ("&contractors=off" if number > 3 else "")


def _opened(address: str) -> OpenerDirector:
    """Visitor who has opened the printed address, and has the cookie."""
    visitor = build_opener(HTTPCookieProcessor())
    with visitor.open(address, timeout=_PATIENCE_SECONDS) as answer:
        if b"<h1>Overview</h1>" not in answer.read():
            raise AssertionError("The first page is not there.")
    return visitor


def _visit(browser: Browser, address: str, path: str, query: str) -> float:
    """Seconds from the request until the page is painted, with a browser that has no copy of any file."""
    with browser.new_context() as context:
        tab = context.new_page()
        tab.request.get(address)
        tab.goto(f"{address.partition('/?')[0]}{path}{query}", timeout=1_000 * _PATIENCE_SECONDS)
        if tab.locator("main .tile").count() < 3:
            raise AssertionError(f"{path} has no figures.")
        painted = tab.wait_for_function("(performance.getEntriesByName('first-contentful-paint')[0] || {}).startTime")
        return float(painted.json_value()) / 1000


def _seconds(visitor: OpenerDirector, address: str, path: str) -> float:
    began = time.monotonic()
    with visitor.open(f"{address.partition('/?')[0]}{path}", timeout=_PATIENCE_SECONDS) as answer:
        answer.read()
    return time.monotonic() - began


def _crowd(visitor: OpenerDirector, address: str) -> float:
    """Seconds until thirty visitors have their pages, no two of them the same, asked for at the same moment."""
    paths = [f"{path_of(name)}?target={share}&weeks={weeks}" for name in PAGES for share, weeks in ((95, 4), (95, 8), (95, 12), (95, 26), (95, 52))]  # fmt: skip
    with ThreadPoolExecutor(_VISITORS) as visitors:
        began = time.monotonic()
        list(visitors.map(lambda path: _seconds(visitor, address, path), paths[:_VISITORS]))
    return time.monotonic() - began


@contextmanager
def _served(folder: Path, options: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a process of its own, and the address that it prints once it answers."""
    command = [sys.executable, "-m", "harvest_warehouse.cli", "show", "--headless", "--port", str(_PORT), *options]
    environment = {**os.environ, "DLT_DATA_DIR": str(folder)}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield server, next(word for line in server.stdout for word in line.split() if word.startswith("http"))
        finally:
            server.send_signal(signal.SIGTERM)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> dict[str, float]:
    """Memory of a process: the most it ever had with the libraries' files, and what is its own now."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines())
    return {
        "peak_mb": int(status["VmHWM"].split()[0]) / 1024,
        "own_mb": int(status["RssAnon"].split()[0]) / 1024,
    }


if __name__ == "__main__":
    main()
