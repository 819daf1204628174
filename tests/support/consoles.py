"""Run commands in this process on any console, and an account with hostile names."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import typer

from harvest_simulator import Simulator
from harvest_warehouse.cli import app

# Attacks on the clipboard, the screen, links and titles, with C1 colours, bidirectional marks and forged lines.
HOSTILE = {
    "html": "<img src=http://evil.example/x onerror=alert(1)><script>alert(1)</script>",
    "clipboard": "\x1b]52;c;aGFybQ==\x07Acme",
    "screen": "\x1b[2J\x1b[1;1HBeta",
    "link": "\x1b]8;;http://evil.example\x1b\\Gamma\x1b]8;;\x1b\\",
    "c1": "\x9b31mDelta\x9d0;title\x9c",
    "bidi": "Eps\u202eilon\u2066",
    "line": "Zeta\nError: all is lost",
    "letters": "Škoda 漢字 Ünïcode ©",
    "markup": "[bold red]Theta[/] [link=http://evil.example]x[/link]",
    "slack": "*Iota* <http://evil.example|x> <!channel> @here http://evil.example evil.example",
    "formula": '=HYPERLINK("http://evil.example")',
    "long": "Kappa " * 1_600,
    "login": "http://user:swordfish@proxy.example:8080",
}
# C0 except for line feed, C1, and characters that hide text or change its direction.
STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
# Control sequences of rich: colours, and redrawing the progress in place.
COLOURS = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|\d+A|2K)")


@dataclass(frozen=True)
class Attacked:
    """Account with hostile names of clients, projects, tasks and people, and a folder for its copy."""

    folder: Path
    simulator: Simulator
    url: str

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables for commands that load it."""
        section = "SOURCES__HARVEST_TIME_TRACKING__"
        return {
            f"{section}ACCESS_TOKEN": self.simulator.access_token,
            f"{section}ACCOUNT_ID": self.simulator.account_id,
            f"{section}BASE_URL": self.url,
            f"{section}REQUESTS_PER_15_S": "0",
            f"{section}REPORT_REQUESTS_PER_15_MIN": "0",
            # A folder of its own, since shared fixtures are set up before a test's own folder.
            "DLT_DATA_DIR": str(self.folder / "dlt"),
        }

    def enter(self, patch: pytest.MonkeyPatch) -> None:
        """Make commands use it from now on."""
        patch.chdir(self.folder)
        for name, value in self.environment.items():
            patch.setenv(name, value)

    def sync(self) -> None:
        """Sync it into its folder."""
        with pytest.MonkeyPatch.context() as patch:
            self.enter(patch)
            done = run("sync")
        assert done.code in (0, 3), done.err.decode()


@contextmanager
def attacked(folder: Path, **arguments: Any) -> Iterator[Attacked]:
    """Serve an account with hostile names for the duration of a block; arguments as for the simulator."""
    simulator = Simulator(size="tiny", enforce_limits=False, **arguments)
    store = simulator.store
    for rename, ids in (
        (store.rename_client, store.clients),
        (store.rename_project, store.projects),
        (store.rename_task, store.tasks),
        (lambda key, name: store.rename_user(key, name, name), store.users),
    ):
        for key, name in zip(list(ids), cycle(HOSTILE.values()), strict=False):
            rename(key, f"{name} {key}")
    simulator.clock.sleep(7_200)
    with simulator.serving() as url:
        yield Attacked(folder, simulator, url)


@dataclass(frozen=True)
class Printed:
    code: int
    out: bytes
    err: bytes


class Screen(io.BytesIO):
    """Console that collects its bytes."""


def run(*words: str, encoding: str = "utf-8", columns: int | None = None) -> Printed:
    """Run a command in this process, with the given encoding: in a pipe, or on a terminal with that many columns."""
    streams = [io.TextIOWrapper(Screen(), encoding=encoding, write_through=True) for _ in range(2)]
    if columns:
        for stream in streams:
            stream.isatty = lambda: True  # type: ignore[method-assign]
    before = sys.stdout, sys.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TERM", "xterm-256color")
        patch.delenv("NO_COLOR", raising=False)
        patch.delenv("FORCE_COLOR", raising=False)
        if columns:
            patch.setenv("COLUMNS", str(columns))
        else:
            patch.delenv("COLUMNS", raising=False)
        sys.stdout, sys.stderr = streams
        try:
            code = app(list(words), standalone_mode=False) or 0
        except (typer.Exit, SystemExit) as ended:
            code = getattr(ended, "exit_code", getattr(ended, "code", 1))
        finally:
            sys.stdout, sys.stderr = before
    out, err = (stream.buffer.getvalue() for stream in streams)  # type: ignore[attr-defined]
    return Printed(int(code or 0), out, err)


# Arguments of each command, for output for people and for programs. None: tested apart, as it serves or makes its own account.
COMMANDS: dict[str, tuple[tuple[str, ...], ...] | None] = {
    "doctor": (("doctor",),),
    "sync": (("sync",),),
    "load": (("load", "clients", "projects"), ("load", "clients", "--json")),
    "verify": (("verify",),),
    "status": (("status",), ("status", "--json")),
    "build": (("build",),),
    "alerts": (("alerts",), ("alerts", "--json")),
    "report": (("report", "--out", "week.html"),),
    "sql": (
        ("sql", "select id, name from clients order by id"),
        ("sql", "select * from time_entries limit 3"),
        ("sql", "--csv", "select id, name from clients order by id"),
        ("sql", "--json", "select id, name from clients order by id"),
        ("sql", "select nothing from clients"),
    ),
    "views": (("views", "--like", "stitch"), ("views",)),
    # Before there is a copy, and then with one that is equal.
    "compare": (
        ("compare", "--like", "stitch", "--with", "stitch_harvest"),
        ("views", "--like", "stitch"),
        ("compare", "--like", "stitch", "--with", "stitch_harvest"),
    ),
    "import": (
        ("import", "--like", "stitch", "--from-schema", "stitch_harvest", "--dry-run"),
        ("views", "--like", "stitch"),
        ("import", "--like", "stitch", "--from-schema", "stitch_harvest", "--dry-run"),
    ),
    "copy": (("copy", "--from", "duckdb", "--to", "nowhere"),),
    "publish": (("publish", "--to", "published"),),
    "streams": (("streams",), ("streams", "--json"), ("streams", "--markdown")),
    "docs": (("docs", "--dbt"),),
    "deploy": (("deploy", "cron", "--to", "deployed", "--replace"),),
    "model": (("model",),),
    "ai": (("ai", "status"),),
    "secrets": (("secrets", "status"),),
    "explore": None,
    "login": None,
    "mcp": None,
    "demo": None,
    "show": None,
    "simulate": None,
}
# Exit codes of success: an alert is raised, or not everything in the account can be proven.
GOOD = {
    "sync": (0, 3),
    "status": (0, 3),
    "verify": (0, 3),
    "alerts": (3,),
    "copy": (2,),
    "compare": (0, 2),
    "import": (0, 2),
}
