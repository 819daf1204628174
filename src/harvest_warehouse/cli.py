"""The command `dlt-harvest`. Here, and only here, something is printed and the exit code is chosen."""

from __future__ import annotations

import os
import subprocess
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

DONE, FAILED, WRONG_USE, SKIPPED = 0, 1, 2, 3

app = typer.Typer(
    help="Copy a whole Harvest account into your own database.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 done with something skipped (--strict).",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    # A traceback with local variables could show the token.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = Console(soft_wrap=False)
err = Console(stderr=True)
_is_debug = False

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel="Help")]


class Role(StrEnum):
    """Who the simulated token belongs to."""

    ADMINISTRATOR = "administrator"
    MANAGER = "manager"
    MEMBER = "member"


class Size(StrEnum):
    """How big the simulated company is."""

    TINY = "tiny"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    is_version: Annotated[bool, typer.Option("--version", help="Show the version.", is_eager=True)] = False,
) -> None:
    if is_version:
        from importlib.metadata import version

        out.print(f"dlt-harvest {version('dlt-harvest')}", highlight=False)
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        raise typer.Exit(WRONG_USE)


@app.command(epilog="Example: `dlt-harvest demo`")
def demo(debug: Debug = False) -> None:
    """See it work, without an account: load a simulated company into `harvest_demo.duckdb` in this folder.

    About forty people and two years of work, made up, the same each time. Nothing of your own is touched.
    """
    with _errors_told(debug):
        from harvest_time_tracking import Ledger
        from harvest_warehouse.demo import demo as run
        from harvest_warehouse.progress import progress
        from harvest_warehouse.summary import answer_table, closing_line, outcome_table

        _prepare()
        ledger = Ledger()
        with progress(err, ledger) as on_step:
            report = run(Path.cwd(), ledger=ledger, on_step=on_step)
        out.print(outcome_table(report.load.streams))
        _say(closing_line(report.load))
        for answer in report.answers:
            out.print(answer.question, style="bold", highlight=False, soft_wrap=True)
            out.print(answer_table(answer))
        _say(
            f"The database is {report.load.database} (tables in {report.load.dataset}). Look around in it, for instance:",
            f'  duckdb {Path(report.load.database).name} "from {report.load.dataset}.invoices limit 5"',
            "  dlt-harvest show --demo",
            "Your own account: put a token into .dlt/secrets.toml (see the README), then `dlt-harvest doctor` and "
            "`dlt-harvest load`.",
        )


@app.command(epilog="Examples: `dlt-harvest load` · `dlt-harvest load clients projects` · `dlt-harvest load --strict`")
def load(
    streams: Annotated[
        list[str] | None, typer.Argument(metavar="[STREAM]...", help="Only these, and only these. Default: all.")
    ] = None,
    project_id: Annotated[
        list[int] | None, typer.Option(help="Read this project again, by itself (projects_id). Repeat for more.")
    ] = None,
    start_date: Annotated[
        str | None, typer.Option(help="First day of time entries, expenses, invoices, estimates (2024-01-31).")
    ] = None,
    reports_from: Annotated[str | None, typer.Option(help="A day in the first month reports are read for.")] = None,
    reports_to: Annotated[str | None, typer.Option(help="A day in the last month reports are read for.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 where a stream was skipped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for machines.")] = False,
    debug: Debug = False,
) -> None:
    """Bring what changed in Harvest into `harvest_time_tracking.duckdb` in this folder.

    The first load reads everything, later ones what changed since. Reports and paid time off are read when named.
    What Harvest does not show this token is skipped with the reason; its old rows stay.
    """
    with _errors_told(debug, as_json=as_json):
        from harvest_time_tracking import Ledger
        from harvest_warehouse.load import load as run
        from harvest_warehouse.progress import progress
        from harvest_warehouse.settings import Warehouse, account_settings
        from harvest_warehouse.summary import closing_line, load_json, notes, outcome_table

        _prepare()
        warehouse = Warehouse(Path.cwd())
        settings = account_settings(start_date=start_date)
        ledger = Ledger()
        with progress(err, ledger) as on_step:
            report = run(
                warehouse,
                settings,
                streams or (),
                project_ids=project_id or (),
                reports_from=reports_from,
                reports_to=reports_to,
                ledger=ledger,
                on_step=on_step,
            )
        if as_json:
            print(load_json(report))
        else:
            out.print(outcome_table(report.streams))
            _say(*notes(report.streams), closing_line(report))
            _say(f"Database: {report.database}")
        if strict and report.skipped:
            raise typer.Exit(SKIPPED)


@app.command(epilog="Example: `dlt-harvest streams --markdown > streams.md`")
def streams(
    as_markdown: Annotated[bool, typer.Option("--markdown", help="As a Markdown table.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    debug: Debug = False,
) -> None:
    """List what Harvest has: each stream's path, key, how it is kept up to date, and what it needs."""
    with _errors_told(debug):
        from harvest_warehouse.summary import streams_json, streams_markdown, streams_table

        if as_json:
            print(streams_json())
        elif as_markdown:
            print(streams_markdown())
        else:
            out.print(streams_table())


@app.command(epilog="Example: `dlt-harvest doctor`")
def doctor(debug: Debug = False) -> None:
    """Check token, account, role, features and database; say what a load would bring, and how long it takes.

    Asks Harvest one small request for each list, and changes nothing.
    """
    with _errors_told(debug):
        from harvest_warehouse.doctor import doctor as run
        from harvest_warehouse.settings import Warehouse, account_settings
        from harvest_warehouse.summary import check_table, plan_line, plan_notes, plan_table

        _prepare()
        report = run(Warehouse(Path.cwd()), account_settings())
        out.print(check_table(report.checks))
        if report.plan:
            out.print(plan_table(report.plan))
            _say(*plan_notes(report.plan), plan_line(report))
        if not report.is_fine:
            raise typer.Exit(FAILED)


@app.command(epilog="Example: `dlt-harvest simulate --size medium --role manager`")
def simulate(
    size: Annotated[Size, typer.Option(help="How big the company is.")] = Size.SMALL,
    seed: Annotated[int, typer.Option(help="Which company: the same seed, the same company.")] = 1,
    port: Annotated[int, typer.Option(help="On this port; 0 for a free one.")] = 0,
    role: Annotated[Role, typer.Option(help="Who the token belongs to.")] = Role.ADMINISTRATOR,
    latency: Annotated[float, typer.Option(help="Seconds that each answer takes.", min=0.0)] = 0.0,
    limits: Annotated[bool, typer.Option(help="Keep Harvest's rate limits.")] = True,
    debug: Debug = False,
) -> None:
    """Start a simulated Harvest account on this machine, and say how to load it. Ctrl-C ends it."""
    with _errors_told(debug):
        import signal

        from harvest_simulator import Clock, Simulator

        # Also where a shell started it in the background, which ignores Ctrl-C.
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, signal.default_int_handler)
        now = datetime.now(UTC)
        company = Simulator(
            seed,
            size.value,
            today=now.date(),
            clock=Clock(now, is_ticking=True),
            enforce_limits=limits,
            latency=(latency, latency) if latency else None,
        )
        company.as_role(role.value)
        with company.serving(port) as base_url:
            prefix = "export SOURCES__HARVEST_TIME_TRACKING__"
            unpaced = "" if limits else f"{prefix}REQUESTS_PER_15_S=0\n{prefix}REPORT_REQUESTS_PER_15_MIN=0\n"
            print(
                f"A {size.value} company is at {base_url}, its token belongs to: {role.value}. In another terminal:\n\n"
                f"{prefix}BASE_URL={base_url}\n"
                f"{prefix}ACCESS_TOKEN={company.access_token}\n"
                f"{prefix}ACCOUNT_ID={company.account_id}\n"
                f"{unpaced}dlt-harvest load\n\n"
                "Ctrl-C ends it.",
                flush=True,
            )
            try:
                signal.pause() if hasattr(signal, "pause") else input()
            except (KeyboardInterrupt, EOFError):
                print(f"\n{len(company.requests):,} requests answered.")


@app.command(epilog="Example: `dlt-harvest show --demo`")
def show(
    is_demo: Annotated[bool, typer.Option("--demo", help="The demo's database instead of your own.")] = False,
    port: Annotated[int, typer.Option(help="On this port.")] = 2718,
    headless: Annotated[bool, typer.Option("--headless", help="Do not open a browser.")] = False,
    debug: Debug = False,
) -> None:
    """Open dlt's own dashboard in the browser: tables, schema, state and runs. Ctrl-C ends it."""
    with _errors_told(debug):
        from harvest_warehouse.demo import demo_warehouse
        from harvest_warehouse.settings import Warehouse
        from harvest_warehouse.show import show as run

        _prepare()
        warehouse = demo_warehouse(Path.cwd()) if is_demo else Warehouse(Path.cwd())
        report = run(warehouse, port=port, is_headless=headless)
        out.print(f"dlt's dashboard: {report.address} (Ctrl-C ends it)", highlight=False, soft_wrap=True)
        try:
            code = subprocess.run(report.command, check=False).returncode  # noqa: S603 (our own program and arguments)
        except KeyboardInterrupt:
            code = DONE
        raise typer.Exit(DONE if code == DONE else FAILED)


def _say(*lines: str) -> None:
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _prepare() -> None:
    from harvest_warehouse.settings import keep_dlt_quiet

    keep_dlt_quiet()


@contextmanager
def _errors_told(is_debug: bool, *, as_json: bool = False) -> Iterator[None]:
    """Turn an error into a message and an exit code."""
    from harvest_time_tracking import HarvestError, SettingWrong
    from harvest_warehouse.load import LoadFailed
    from harvest_warehouse.summary import load_json, outcome_table

    try:
        yield
        return
    except SettingWrong as error:
        code, message = WRONG_USE, str(error)
        caught: BaseException = error
    except LoadFailed as error:
        code, message, caught = FAILED, str(error), error
        if as_json:
            print(load_json(error.report, message))
        elif error.report.streams:
            out.print(outcome_table(error.report.streams))
    except (HarvestError, OSError) as error:
        code, message, caught = FAILED, str(error), error
    except KeyboardInterrupt as error:
        code, message, caught = FAILED, "Interrupted.", error
    if is_debug or os.environ.get("DLT_HARVEST_DEBUG"):
        traceback.print_exception(caught)
    err.print(f"[bold red]Error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    raise typer.Exit(code)


def main() -> None:
    """The entry point of the command."""
    app()


if __name__ == "__main__":
    main()
