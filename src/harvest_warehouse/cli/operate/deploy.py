"""`dlt-harvest deploy`."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, DestinationName, app, errors_told, prepare, say, warehouse
from harvest_warehouse.cli.private_files import files_for_others


class _Kind(StrEnum):
    CONTAINER = "container"
    COMPOSE = "compose"
    SYSTEMD = "systemd"
    KUBERNETES = "kubernetes"
    CRON = "cron"
    GITHUB_ACTIONS = "github-actions"
    DAGSTER = "dagster"
    AIRFLOW = "airflow"
    PREFECT = "prefect"
    KESTRA = "kestra"
    DLTHUB = "dlthub"


@app.command(
    epilog="Examples: `dlt-harvest deploy systemd --to deploy` · `dlt-harvest deploy compose --to deploy --at 04:30`"
)
def deploy(
    kind: Annotated[_Kind, typer.Argument(help="What runs it.")],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder to write the files to.")],
    at: Annotated[
        datetime,
        typer.Option(
            formats=["%H:%M"], help="Time of the nightly run: this machine's with systemd and cron, else UTC."
        ),
    ] = datetime(1900, 1, 1, 3),  # noqa: DTZ001 (a time of day)
    replace: Annotated[bool, typer.Option("--replace", help="Replace files that are there already.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Write the files that run a sync every night, filled in for this folder's configuration: a container image, Docker Compose
    with PostgreSQL and the dashboard behind a login, a systemd timer, a Kubernetes CronJob, lines for cron, a GitHub Actions
    workflow, definitions for Dagster, a DAG for Airflow, a flow for Prefect or Kestra, or jobs for dltHub's platform.

    They have the names of secrets, and no value of any. Each keeps a second run from starting.
    """
    with errors_told(debug):
        from harvest_warehouse.deploy import deploy as run

        prepare()
        with files_for_others():
            report = run(warehouse(destination), kind.value, to, at=at.time(), replaces=replace)
        say(*(f"{report.folder / name}" for name in report.files))
        say(f"Secrets to fill in: {', '.join(report.secrets)}. The first lines of the files say how to go on.")
