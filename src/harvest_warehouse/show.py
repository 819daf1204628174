"""dlt's own dashboard on the warehouse: tables, schema, state and the last runs, in the browser."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from harvest_time_tracking import SettingWrong
from harvest_warehouse.settings import Warehouse

_NEEDS = ("marimo", "ibis", "pyarrow")


@dataclass(frozen=True)
class ShowReport:
    """How to open the dashboard.

    Attributes:
        command: runs it until it is interrupted.
        address: where the browser finds it.
    """

    command: tuple[str, ...]
    address: str


def show(warehouse: Warehouse, *, port: int = 2718, is_headless: bool = False) -> ShowReport:
    """The way to open dlt's dashboard (https://dlthub.com/docs/general-usage/dashboard) on what was loaded.

    Raises:
        SettingWrong: where it is not installed, or nothing was loaded yet.
    """
    missing = [name for name in _NEEDS if find_spec(name) is None]
    if missing:
        raise SettingWrong(
            f'The dashboard needs {" and ".join(missing)}: pip install "dlt-harvest[dashboard]" and run this again.'
        )
    if not warehouse.file.exists():
        raise SettingWrong(
            f"{warehouse.file} is not there yet: run `dlt-harvest load` (or `demo`) in this folder first."
        )
    pipeline = warehouse.pipeline()
    spec = find_spec("dlt")
    if spec is None or spec.origin is None:
        raise SettingWrong("dlt is not installed as files: its dashboard cannot be found.")
    program = Path(spec.origin).parent / "_workspace" / "helpers" / "dashboard" / "dlt_dashboard.py"
    if not program.exists():
        raise SettingWrong(f"This dlt has no dashboard at {program}.")
    command = [sys.executable, "-m", "marimo", "run", str(program), "--host", "127.0.0.1", "--port", str(port)]
    if is_headless:
        command.append("--headless")
    command += ["--", "--pipeline", pipeline.pipeline_name, "--pipelines-dir", pipeline.pipelines_dir]
    return ShowReport(tuple(command), f"http://127.0.0.1:{port}")
