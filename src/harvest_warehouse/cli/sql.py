"""`dlt-harvest sql`."""

from __future__ import annotations

from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, DestinationName, app, err, errors_told, out, prepare, warehouse
from harvest_warehouse.cli.console import read_text, write_text

_ROWS_OF_A_TABLE = 1_000


@app.command(
    epilog='Examples: `dlt-harvest sql "from mart_project_budget"` · `dlt-harvest sql --csv "select * from invoices"` · '
    '`dlt-harvest sql "show tables"` · `dlt-harvest sql - < query.sql`'
)
def sql(
    statement: Annotated[
        str, typer.Argument(help="One select, with, describe, summarize or show; - reads it from stdin.")
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(
            min=0,
            help=f"At most this many rows; 0 for all. Default: {_ROWS_OF_A_TABLE:,} as a table, all as CSV or JSON.",
        ),
    ] = None,
    for_spreadsheets: Annotated[
        bool,
        typer.Option(
            "--for-spreadsheets", help="Print CSV in which no text is a formula; --csv prints values unchanged."
        ),
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Stop the query after this many seconds.")
    ] = 300,
    account_id: Annotated[
        str | None,
        typer.Option("--account-id", metavar="NUMBER", help="See the rows of this account only. Default: all."),
    ] = None,
    is_demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database instead of your own.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """Query the database in SQL, without changing anything.

    Harvest's tables and the marts are found by their names alone: `time_entries`, `mart_project_budget`.
    """
    with errors_told(debug):
        from harvest_time_tracking import SettingWrong
        from harvest_warehouse.cli.render.query import query_csv, query_json, query_table
        from harvest_warehouse.messages.text import counted
        from harvest_warehouse.query import query
        from harvest_warehouse.query.query import limited, streamed

        as_csv = as_csv or for_spreadsheets
        if as_csv and as_json:
            raise SettingWrong("CSV or JSON, not both.")
        prepare()
        place = warehouse(destination, is_demo=is_demo)
        asked = read_text() if statement == "-" else statement
        if as_csv or as_json:
            with streamed(place, asked, seconds=timeout, account_id=account_id or "") as whole:
                answer = limited(whole, limit)
                if as_csv:
                    write_text(f"{line}\n" for line in query_csv(answer, for_spreadsheets=for_spreadsheets))
                else:
                    write_text(query_json(answer))
                    write_text("\n")
            return
        most = _ROWS_OF_A_TABLE if limit is None else limit or None
        report = query(place, asked, limit=most, seconds=timeout, account_id=account_id or "")
        out.print(query_table(report, out.width))
        err.print(counted(len(report.rows), "row"), highlight=False)
        if report.is_cut:
            err.print(f"These are the first {len(report.rows):,} rows: --limit 0 gives all.", highlight=False)
