"""`dlt-harvest demo`."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import which
from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, app, err, errors_told, out, prepare, say


@app.command(epilog="Examples: `dlt-harvest demo` · `dlt-harvest demo --open`")
def demo(
    is_open: Annotated[bool, typer.Option("--open", help="Then open its dashboard; Ctrl-C stops it.")] = False,
    debug: Debug = False,
) -> None:
    """Try it without an account: copy a simulated company into `harvest_demo.duckdb` in this folder, and verify it.

    About forty people and two years of invented work, the same each time. Your own data is not touched.
    """
    with errors_told(debug):
        from harvest_time_tracking import Ledger, SettingWrong
        from harvest_warehouse.cli.demo_company import demo as run
        from harvest_warehouse.cli.demo_company import demo_warehouse
        from harvest_warehouse.cli.render.build import build_lines
        from harvest_warehouse.cli.render.progress import progress
        from harvest_warehouse.cli.render.sync import sync_lines, sync_tables
        from harvest_warehouse.cli.render.tables import answer_table
        from harvest_warehouse.cli.render.verify import verify_lines
        from harvest_warehouse.weekly import report as write_page

        prepare()
        ledger = Ledger()
        with progress(err, ledger) as on_step:
            report = run(Path.cwd(), ledger=ledger, on_step=on_step)
            try:
                written = write_page(demo_warehouse(Path.cwd()), Path("harvest_demo.html"), on_step=on_step)
                week = f"The week as a picture: {written.picture}, and as a page to email: {written.page}."
            except SettingWrong as error:
                week = f"No picture of the week was drawn. {error}"
        for table in sync_tables(report.sync)[:1]:
            out.show(table)
        say(*sync_lines(report.sync), *verify_lines(report.verify)[:1], build_lines(report.build)[-1])
        for answer in report.answers:
            out.print(answer.question, style="bold", highlight=False, soft_wrap=True)
            out.show(answer_table(answer))
        say(
            week,
            f"The database is {report.build.database} (marts in {report.build.dataset}). Explore it, for instance:",
            f'  {_command()} sql --demo "from mart_project_budget"',
            f"  {_command()} show --demo",
            "Your own account: `dlt-harvest secrets set` asks for a token, then `dlt-harvest doctor` and `dlt-harvest sync`.",
        )
        if is_open:
            from harvest_warehouse.cli.show import serve

            serve(demo_warehouse(Path.cwd()))


def _command() -> str:
    """Command to type in examples: a path after `make demo`, which installs it in a folder that is not on the PATH."""
    typed = Path(sys.argv[0])
    return str(typed) if typed.stem == "dlt-harvest" and not which("dlt-harvest") else "dlt-harvest"
