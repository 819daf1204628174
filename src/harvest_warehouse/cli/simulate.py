"""`dlt-harvest simulate`."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, app, errors_told

_FIRST_ACCOUNT = 123_456


class Role(StrEnum):
    """Role of the simulated token's owner."""

    ADMINISTRATOR = "administrator"
    MANAGER = "manager"
    MEMBER = "member"


class Size(StrEnum):
    """Size of the simulated company."""

    TINY = "tiny"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


@app.command(epilog="Example: `dlt-harvest simulate --size medium --role manager`")
def simulate(
    size: Annotated[Size, typer.Option(help="How big the company is.")] = Size.SMALL,
    seed: Annotated[int, typer.Option(help="Which company; the same seed gives the same company.")] = 1,
    port: Annotated[int, typer.Option(help="The port to serve on; 0 for a free one.")] = 0,
    role: Annotated[Role, typer.Option(help="Who the token belongs to.")] = Role.ADMINISTRATOR,
    accounts: Annotated[
        int, typer.Option(help="How many accounts the token reaches, each another company.", min=1, max=20)
    ] = 1,
    latency: Annotated[float, typer.Option(help="Seconds each answer takes.", min=0.0)] = 0.0,
    limits: Annotated[bool, typer.Option(help="Keep Harvest's rate limits.")] = True,
    busy: Annotated[bool, typer.Option(help="Simulate people who change time entries, about one a second.")] = False,
    most_per_page: Annotated[
        int, typer.Option(help="The most records on a page, whatever is requested.", min=1)
    ] = 2_000,
    totals: Annotated[bool, typer.Option(help="State how many records a list has.")] = True,
    debug: Debug = False,
) -> None:
    """Start a simulated Harvest account on this machine, and say how to load it. Ctrl-C stops it."""
    with errors_told(debug):
        import signal

        from harvest_simulator import Accounts, Clock, Simulator

        # Restores the handlers even if a shell started it in the background, where Ctrl-C is ignored.
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, signal.default_int_handler)
        now = datetime.now(UTC)
        clock = Clock(now, is_ticking=True)
        companies = []
        for number in range(accounts):
            company = Simulator(
                seed + number,
                size.value,
                today=now.date(),
                clock=clock,
                account_id=str(_FIRST_ACCOUNT + number * 111_111),
                enforce_limits=limits,
                latency=(latency, latency) if latency else None,
            )
            company.as_role(role.value)
            company.set_paging(most_per_page, () if totals else ("total_entries", "total_pages"))
            if busy:
                company.start_work()
            if number:
                company.store.company.name += f" {number + 1}"
            companies.append(company)
        with Accounts(*companies).serving(port) as base_url:
            prefix = "export SOURCES__HARVEST_TIME_TRACKING__"
            unpaced = "" if limits else f"{prefix}REQUESTS_PER_15_S=0\n{prefix}REPORT_REQUESTS_PER_15_MIN=0\n"
            what = f"A {size.value} company is" if accounts == 1 else f"{accounts} {size.value} companies are"
            print(
                f"{what} at {base_url}, its token belongs to: {role.value}. In another terminal:\n\n"
                f"{prefix}BASE_URL={base_url}\n"
                f"{prefix}ACCESS_TOKEN={companies[0].access_token}\n"
                f"{prefix}{f'ACCOUNT_ID={_FIRST_ACCOUNT}' if accounts == 1 else 'ACCOUNTS=all'}\n"
                f"{unpaced}dlt-harvest load\n\n"
                "Ctrl-C ends it.",
                flush=True,
            )
            try:
                signal.pause() if hasattr(signal, "pause") else input()
            except (KeyboardInterrupt, EOFError):
                print(f"\n{sum(len(company.requests) for company in companies):,} requests answered.")
