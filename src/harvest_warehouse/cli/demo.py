"""`dlt-harvest demo`."""

from __future__ import annotations

from pathlib import Path

from harvest_warehouse.cli.base import Debug, app, err, errors_told, out, prepare, say


@app.command(epilog="Example: `dlt-harvest demo`")
def demo(debug: Debug = False) -> None:
    """See it work, without an account: load a simulated company into `harvest_demo.duckdb` in this folder.

    About forty people and two years of work, made up, the same each time. Nothing of your own is touched.
    """
    with errors_told(debug):
        from harvest_time_tracking import Ledger
        from harvest_warehouse.build_summary import build_lines
        from harvest_warehouse.demo import demo as run
        from harvest_warehouse.progress import progress
        from harvest_warehouse.summary import answer_table, closing_line, outcome_table

        prepare()
        ledger = Ledger()
        with progress(err, ledger) as on_step:
            report = run(Path.cwd(), ledger=ledger, on_step=on_step)
        out.print(outcome_table(report.load.streams))
        say(closing_line(report.load), build_lines(report.build)[-1])
        for answer in report.answers:
            out.print(answer.question, style="bold", highlight=False, soft_wrap=True)
            out.print(answer_table(answer))
        say(
            f"The database is {report.load.database} (tables in {report.load.dataset}, marts in {report.build.dataset}). Look around in it, for instance:",
            f'  duckdb {Path(report.load.database).name} "from {report.load.dataset}.invoices limit 5"',
            f'  duckdb {Path(report.load.database).name} "from {report.build.dataset}.mart_project_budget"',
            "  dlt-harvest show --demo",
            "Your own account: put a token into .dlt/secrets.toml (see the README), then `dlt-harvest doctor` and "
            "`dlt-harvest load`.",
        )
