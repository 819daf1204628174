"""How the dashboards are opened: ours on the marts, and dlt's own on tables, schema, state and the last runs."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from harvest_time_tracking import SettingWrong
from harvest_warehouse.dashboard.place import as_argument
from harvest_warehouse.reading import NotReadable, reading
from harvest_warehouse.settings import Warehouse

_NEEDS = ("marimo", "altair")
_NEEDS_OF_DLT = ("marimo", "ibis", "pyarrow")


@dataclass(frozen=True)
class ShowReport:
    """How to open a dashboard.

    Attributes:
        command: runs it until it is interrupted.
        address: where the browser finds it.
    """

    command: tuple[str, ...]
    address: str


def show(warehouse: Warehouse, *, port: int = 2718, is_headless: bool = False) -> ShowReport:
    """The way to open the dashboard on the marts of a warehouse.

    Args:
        warehouse: what is shown.
        port: on this one of this machine; others cannot reach it.
        is_headless: without opening a browser.

    Raises:
        SettingWrong: where the dashboard is not installed, or nothing was loaded yet.
        NoDatabase: where the database's file is something else.
    """
    _ready(warehouse, _NEEDS)
    # Who is writing now is waited for by the page itself.
    with suppress(NotReadable), reading(warehouse):
        pass
    program = Path(__file__).parent / "dashboard" / "app.py"
    runner = ("harvest_warehouse.dashboard", "run", str(program))
    return _served(runner, ("--warehouse", as_argument(warehouse)), port, is_headless=is_headless)


def show_dlt(warehouse: Warehouse, *, port: int = 2718, is_headless: bool = False) -> ShowReport:
    """The way to open dlt's dashboard (https://dlthub.com/docs/general-usage/dashboard) on what was loaded.

    Raises:
        SettingWrong: where it is not installed, or nothing was loaded yet.
    """
    _ready(warehouse, _NEEDS_OF_DLT)
    pipeline = warehouse.pipeline()
    spec = find_spec("dlt")
    if spec is None or spec.origin is None:
        raise SettingWrong("dlt is not installed as files: its dashboard cannot be found.")
    program = Path(spec.origin).parent / "_workspace" / "helpers" / "dashboard" / "dlt_dashboard.py"
    if not program.exists():
        raise SettingWrong(f"This dlt has no dashboard at {program}.")
    arguments = ("--pipeline", pipeline.pipeline_name, "--pipelines-dir", pipeline.pipelines_dir)
    return _served(("marimo", "run", str(program)), arguments, port, is_headless=is_headless)


def _ready(warehouse: Warehouse, needs: tuple[str, ...]) -> None:
    missing = [name for name in needs if find_spec(name) is None]
    if missing:
        raise SettingWrong(
            f'The dashboard needs {" and ".join(missing)}: pip install "dlt-harvest[dashboard]" and run this again.'
        )
    if not warehouse.is_there():
        raise SettingWrong(
            f"{warehouse.place} is not there yet: run {warehouse.command('sync')} (or `demo`) in this folder first."
        )


def _served(module: tuple[str, ...], arguments: tuple[str, ...], port: int, *, is_headless: bool) -> ShowReport:
    command = [sys.executable, "-m", *module, "--host", "127.0.0.1", "--port", str(port)]
    if is_headless:
        command.append("--headless")
    return ShowReport((*command, "--", *arguments), f"http://127.0.0.1:{port}")
