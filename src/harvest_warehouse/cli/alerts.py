"""`dlt-harvest alerts`."""

from __future__ import annotations

from typing import Annotated

import typer

from harvest_warehouse.cli.app import (
    RAISED,
    Debug,
    DestinationName,
    app,
    err,
    errors_told,
    out,
    prepare,
    say,
    warehouse,
)
from harvest_warehouse.cli.console import print_text


@app.command(epilog="Examples: `dlt-harvest alerts` · `dlt-harvest alerts --json` · `dlt-harvest alerts --demo`")
def alerts(
    as_json: Annotated[bool, typer.Option("--json", help="Print every row as JSON, for machines.")] = False,
    is_demo: Annotated[bool, typer.Option("--demo", help="Use the demo's database instead of your own.")] = False,
    destination: DestinationName = None,
    debug: Debug = False,
) -> None:
    """List what needs attention now, from the marts of the last build: exit code 3 if there is anything, else 0.

    Data older than `max_age_hours` (36) is said first, and counts as something.

    Budgets, overdue invoices, unbilled work, thin margins, missing timesheets, forgotten timers, time changed after
    invoicing. Thresholds are in `[harvest_alerts]` of `.dlt/config.toml`. If a Slack-compatible webhook is configured
    (`[runtime] slack_incoming_hook` in `.dlt/secrets.toml`), the alerts are sent there too, except the demo's.
    """
    with errors_told(debug):
        from harvest_warehouse.alerts import alerts as run
        from harvest_warehouse.alerts.webhook import deliver, has_webhook
        from harvest_warehouse.alerts.wording import alert_title
        from harvest_warehouse.cli.render.alerts import alert_lines, alerts_json, closing_line, message

        prepare()
        place = warehouse(destination, is_demo=is_demo)
        report = run(place)
        delivered = None
        if report.needs_attention and not is_demo and has_webhook(place):
            failure = deliver(place, message(report))
            delivered = f"not delivered: {failure}" if failure else "delivered"
        if as_json:
            print_text(alerts_json(report, delivered))
        else:
            for warning in report.old:
                out.print(warning, style="bold red", markup=False, highlight=False, soft_wrap=True)
            for raised in report.raised:
                style = "bold red" if raised.alert.severity == "urgent" else "bold"
                out.print(alert_title(raised, report), style=style, markup=False, highlight=False, soft_wrap=True)
                say(*alert_lines(raised, report))
            say(closing_line(report))
        if delivered and delivered != "delivered":
            err.print(f"The message was {delivered}.", markup=False, highlight=False, soft_wrap=True)
        if report.needs_attention:
            raise typer.Exit(RAISED)
