"""How soon the dashboard's first page is there: `python -m benchmarks.dashboard [--entries N] [--visits N] [--folder PATH]`.

Chromium opens Overview on the marts of a large invented account and, in turn with it, a page of marimo's that has nothing but
a heading: what marimo itself takes on this machine, at this moment. Needs Chromium as a program.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import BrowserContext, sync_playwright

from benchmarks import page
from benchmarks.marts import TODAY, fill
from harvest_warehouse.dashboard import show
from harvest_warehouse.dashboard.serve.launch import Server
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
_PATIENCE_MS = 120_000
_EMPTY = """import marimo
app = marimo.App(width="full")
@app.cell
def one():
    import marimo as mo
    mo.Html('<main class="page"><h1>Nothing</h1></main>')
    return
"""


def main() -> None:
    """Measure, keep the results, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--visits", type=int, default=9, help="of each page, of which the median counts")
    parser.add_argument("--folder", type=Path, help="keep the account there, and use it again")
    asked = parser.parse_args()
    keep_dlt_quiet()
    keep_memory_flat()
    with tempfile.TemporaryDirectory() as scratch:
        warehouse = _account(asked.folder or Path(scratch) / "account", asked.entries)
        found = {"entries": asked.entries, "cores": os.cpu_count(), **_measured(warehouse, Path(scratch), asked.visits)}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "dashboard.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    page.write(RESULTS, Path(__file__).parents[1] / "docs" / "explanation")


def _account(folder: Path, entries: int) -> Target:
    folder.mkdir(parents=True, exist_ok=True)
    warehouse = Target(folder, pipelines_dir=folder / "pipelines")
    if not warehouse.file.exists():
        fill(warehouse, entries)
        build(warehouse, as_of=TODAY)
    return warehouse


def _measured(warehouse: Target, scratch: Path, visits: int) -> dict[str, object]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("Chromium is not installed: apt-get install -y chromium")
    empty = scratch / "empty.py"
    empty.write_text(_EMPTY, encoding="utf-8")
    address = f"http://127.0.0.1:{_PORT + 1}"
    marimo = [sys.executable, "-m", "marimo", "run", str(empty), "--host", "127.0.0.1", "--port", str(_PORT + 1), "--headless"]  # fmt: skip
    report = show(warehouse, Server(port=_PORT))
    with (
        _served(report.command, report.listens_on, report.environment) as ours,
        _served(marimo, ("127.0.0.1", _PORT + 1)) as theirs,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=list(_FLAGS))
        found: dict[str, list[dict[str, float]]] = {"dashboard": [], "empty": []}
        # One context each: the first visit finds no copies of marimo's files, the others do.
        contexts = {"dashboard": browser.new_context(), "empty": browser.new_context()}
        for _ in range(visits + 1):
            for name, url, server in (("dashboard", report.address, ours), ("empty", address, theirs)):
                visit = _visit(contexts[name], url, server.pid, has_charts=name == "dashboard")
                found[name].append(visit)
                print(name, *(f"{key} {value:.2f}" for key, value in visit.items()), flush=True)
        browser.close()
    said: dict[str, object] = {"visits": visits, "load_average": os.getloadavg()[0]}
    for name, each in found.items():
        said[f"{name}_cold"] = each[0]
        said[name] = {key: median(visit[key] for visit in each[1:]) for key in each[0]}
    return said


def _visit(context: BrowserContext, url: str, server: int, *, has_charts: bool) -> dict[str, float]:
    """Seconds since the request until something is painted, until marimo's page is there, and its last chart; CPU of the server."""
    tab = context.new_page()
    tab.set_default_timeout(_PATIENCE_MS)
    before = _cpu_seconds(server)
    tab.goto(url, wait_until="commit")
    tab.wait_for_selector("main.page h1")
    found = {"page_seconds": tab.evaluate("performance.now()") / 1000}
    if has_charts:
        tab.wait_for_function("document.querySelectorAll('main.page figure').length > 0")
        tab.wait_for_function(
            "n => document.querySelectorAll('main.page figure').length === n",
            arg=tab.locator("main.page figure").count(),
        )
        tab.locator("main.page figure canvas").last.wait_for()
        found["charts_seconds"] = tab.evaluate("performance.now()") / 1000
        if tab.locator("#first .tile .figure").count() == 0:
            raise AssertionError("The first answer has no figures: what was painted first is not the page.")
    found["first_paint_seconds"] = (
        tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
    )
    tab.wait_for_timeout(500)
    found["server_cpu_seconds"] = _cpu_seconds(server) - before
    tab.close()
    return found


@contextmanager
def _served(
    command: Sequence[str], listens_on: tuple[str, int], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
    ) as server:
        try:
            for _ in range(600):
                try:
                    with socket.create_connection(listens_on, timeout=30):
                        break
                except OSError:
                    time.sleep(0.2)
            yield server
        finally:
            server.send_signal(signal.SIGTERM)


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html"""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
