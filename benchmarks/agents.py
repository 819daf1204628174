"""How soon an agent has an answer, and what it takes to install: `python -m benchmarks.agents [--calls N]`.

A client starts `dlt-harvest mcp` on the demo's company over pipes, as Claude Code, Cursor and Codex do, and asks for metrics
and questions in turn. The packages of the extra are installed into an empty folder, with and without it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import anyio
from mcp import Client, StdioServerParameters, stdio_client

from benchmarks import page
from benchmarks.dashboard import RESULTS, cpu_seconds
from harvest_warehouse.cli.demo_company import demo
from harvest_warehouse.semantics import semantic_model
from harvest_warehouse.settings.process import keep_dlt_quiet

_CLONE = Path(__file__).parents[1]


def main() -> None:
    """Measure, keep the results, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agents", description=__doc__)
    parser.add_argument("--calls", type=int, default=60, help="answers after the first one")
    parser.add_argument("--runs", type=int, default=3, help="of each start, of which the median counts")
    asked = parser.parse_args()
    keep_dlt_quiet()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        demo(folder)
        sessions = [anyio.run(_session, folder, asked.calls) for _ in range(asked.runs)]
        without, with_it = (_installed(folder / name, extra) for name, extra in (("bare", ""), ("mcp", "[mcp]")))
    found = {
        **{name: median(one[name] for one in sessions) for name in sessions[0]},
        "calls": asked.calls,
        "runs": asked.runs,
        "bare_mb": without,
        "extra_mb": with_it - without,
        "help_cpu_seconds": median(_help() for _ in range(2 * asked.runs + 1)),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
    }
    print(*(f"{key} {value:.2f}" for key, value in found.items()), flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "agents.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    page.write(RESULTS, _CLONE / "docs" / "explanation")


async def _session(folder: Path, calls: int) -> dict[str, float]:
    model = semantic_model()
    questions = [("question", {"name": name}) for name, one in model.questions.items() if not one.params]
    asked: list[tuple[str, dict[str, Any]]] = [*(("metric", {"names": [name]}) for name in model.metrics), *questions]
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "harvest_warehouse.cli", "mcp", "--demo", "--folder", str(folder)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "RUNTIME__DLTHUB_TELEMETRY": "false"},
    )
    before, began = set(_children(os.getpid())), time.monotonic()
    async with Client(stdio_client(server)) as session:
        await session.list_tools()
        tools, [pid] = time.monotonic() - began, set(_children(os.getpid())) - before
        tools_cpu = _family_cpu(pid)
        answer = await session.call_tool(*asked[0])
        if answer.is_error:
            raise AssertionError(f"{asked[0]}: {answer.content}")
        first, first_cpu = time.monotonic() - began, _family_cpu(pid)
        seconds = []
        for number in range(calls):
            began = time.monotonic()
            answer = await session.call_tool(*asked[1 + number % (len(asked) - 1)])
            seconds.append(time.monotonic() - began)
            if answer.is_error:
                raise AssertionError(f"{asked[1 + number % (len(asked) - 1)]}: {answer.content}")
    return {
        "tools_seconds": tools,
        "tools_cpu_seconds": tools_cpu,
        "first_seconds": first,
        "first_cpu_seconds": first_cpu,
        "median_seconds": median(seconds),
        "p95_seconds": quantiles(seconds, n=20)[-1],
    }


def _children(pid: int) -> Sequence[int]:
    """Processes that a process started: https://man7.org/linux/man-pages/man5/proc_pid_task.5.html"""
    return [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text(encoding="ascii").split()
    ]


def _family_cpu(pid: int) -> float:
    return cpu_seconds(pid) + sum(map(_family_cpu, _children(pid)))


def _installed(folder: Path, extra: str) -> float:
    """Megabytes of the packages that `pip install .[extra]` brings, without the project's own."""
    uv = shutil.which("uv") or str(_CLONE / ".uv" / "bin" / "uv")
    command = [uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", str(folder), f"{_CLONE}{extra}"]
    subprocess.run(command, check=True)
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1_000_000


def _help() -> float:
    before = os.times()
    subprocess.run([sys.executable, "-m", "harvest_warehouse.cli", "--help"], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    main()
