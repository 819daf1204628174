"""`dlt-harvest explore`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, DestinationName, app, errors_told, prepare, say, warehouse


class _Notebook(StrEnum):
    START = "start"
    UTILISATION = "utilisation"
    PROFITABILITY = "profitability"
    CASH = "cash"
    DATA_QUALITY = "data_quality"


@app.command(epilog="Examples: `dlt-harvest explore` · `dlt-harvest explore cash --demo`")
def explore(
    notebook: Annotated[
        _Notebook,
        typer.Argument(
            metavar="[NOTEBOOK]",
            help="start: all metrics, questions and SQL; or one of the gallery: utilisation, profitability, cash, data_quality.",
        ),
    ] = _Notebook.START,
    is_demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database instead of your own.")] = False,
    port: Annotated[
        int | None, typer.Option(help="The port to serve on. Default: a free one.", min=1, max=65535)
    ] = None,
    headless: Annotated[bool, typer.Option("--headless", help="Do not open a browser.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Open a notebook (marimo) on your database, with all metrics and questions at hand. Ctrl-C ends it.

    The notebook is copied into this folder once, and yours to change from then on. It reads with short, read-only
    connections, so that a sync can run meanwhile. Needs `pip install 'dlt-harvest[notebook]'`.
    """
    with errors_told(debug):
        from harvest_time_tracking import SettingWrong
        from harvest_warehouse.database.read_only import reading
        from harvest_warehouse.explore.explorer import DATABASE

        if find_spec("marimo") is None:
            raise SettingWrong("Notebooks are an extra: pip install 'dlt-harvest[notebook]'.")
        prepare()
        place = warehouse(destination, is_demo=is_demo)
        with reading(place, "dim_account"):
            pass
        file = _copied(notebook)
        environment = {**os.environ, "HARVEST_WAREHOUSE__DESTINATION": place.destination}
        # What was checked is opened, whatever file another notebook was told of.
        environment.pop(DATABASE, None)
        if is_demo:
            environment[DATABASE] = str(place.file.absolute())
        words = [*(["--headless"] if headless else []), *(["--port", str(port)] if port else [])]
        line = [sys.executable, "-m", "marimo", "edit", "--skip-update-check", *words, str(file)]
        with suppress(KeyboardInterrupt):
            code = subprocess.run(line, env=environment, check=False).returncode  # noqa: S603 (marimo)
            raise typer.Exit(code)


def _copied(notebook: _Notebook) -> Path:
    """The notebook in this folder; one that is there already is left as it is."""
    from harvest_warehouse import explore as package

    file = Path.cwd() / f"harvest_{notebook.value}.py"
    if file.exists():
        say(f"{file.name} is here already, and is opened as it is.")
        return file
    shutil.copyfile(Path(package.__file__).parent / "gallery" / f"{notebook.value}.py", file)
    say(f"{file.name} was written: it is yours to change.")
    return file
