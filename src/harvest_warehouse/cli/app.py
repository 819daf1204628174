"""Typer app shared by all verbs of the command: consoles, signal handling, error messages and exit codes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from rich.markup import escape

from harvest_warehouse.cli.console import PlainConsole, print_text, replace_what_cannot_be_shown
from harvest_warehouse.cli.log import Format, begin_log, current, others_in_log
from harvest_warehouse.destinations.interruptible import begin, interrupt, is_anything_left

if TYPE_CHECKING:
    from harvest_warehouse.warehouse import Target

DONE, FAILED, WRONG_USE, SKIPPED = 0, 1, 2, 3
DIFFERENT = RAISED = SKIPPED
_MOST_OF_A_LINE = 10_000
_SECONDS_UNTIL_AGAIN = 0.05

OnEnd = Callable[[int, BaseException | None], None]
_Function = TypeVar("_Function", bound=Callable[..., Any])

LogFormat = Annotated[
    Format,
    typer.Option(
        "--log-format",
        envvar="DLT_HARVEST_LOG_FORMAT",
        show_envvar=False,
        help="How progress and errors are written: for people, or as lines of JSON.",
        rich_help_panel="Help",
    ),
]


class App(typer.Typer):
    """Typer app whose commands all take `--log-format`."""

    def command(self, name: str | None = None, **given: Any) -> Callable[[_Function], _Function]:
        """Register a command, as Typer does."""
        register = super().command(name, **given)

        def registered(function: _Function) -> _Function:
            register(_logged(name or function.__name__, function))
            return function

        return registered


def _logged(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A command that takes `--log-format` beside its own parameters, and begins its log."""

    @wraps(function)
    def command(*arguments: Any, log_format: Format = "text", **options: Any) -> Any:
        begin_log(name, log_format)
        return function(*arguments, **options)

    # Typer evaluates the annotations of a function, and not those of a signature that it is given.
    taken = signature(function, eval_str=True)
    added = Parameter("log_format", Parameter.KEYWORD_ONLY, default="text", annotation=LogFormat)
    command.__signature__ = taken.replace(parameters=[*taken.parameters.values(), added])  # type: ignore[attr-defined]
    command.__annotations__ = {name: one.annotation for name, one in taken.parameters.items()} | {
        "log_format": LogFormat
    }
    return command


app = App(
    help="Copy a whole Harvest account into your own database.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 done, but something was skipped (--strict), is not proven, or needs attention.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    # A traceback with local variables could show the token.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
out = PlainConsole()
err = PlainConsole(stderr=True)

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.", rich_help_panel="Help")]

DestinationName = Annotated[
    str | None,
    typer.Option(
        "--destination",
        "-d",
        metavar="NAME",
        help="Where the tables are, such as postgres. Default: the configured one, else duckdb.",
    ),
]

AccountId = Annotated[
    str | None,
    typer.Option("--account-id", metavar="NUMBER", help="The account. Default: all that are configured."),
]


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    is_version: Annotated[bool, typer.Option("--version", help="Show the version.", is_eager=True)] = False,
) -> None:
    replace_what_cannot_be_shown()
    if is_version:
        from importlib.metadata import version

        out.print(f"dlt-harvest {version('dlt-harvest')}", highlight=False)
        raise typer.Exit(DONE)
    if context.invoked_subcommand is None:
        raise typer.Exit(WRONG_USE)


def say(*lines: str) -> None:
    """Print lines unchanged, without markup or wrapping."""
    for line in lines:
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def warehouse(destination: str | None = None, *, is_demo: bool = False) -> Target:
    """Target of a command: the user's own warehouse, or the demo's."""
    from harvest_time_tracking import SettingWrong
    from harvest_warehouse.cli.demo_company import demo_warehouse
    from harvest_warehouse.warehouse import user_target

    if is_demo and destination:
        raise SettingWrong("The demo's database is a file: --demo and --destination exclude each other.")
    return demo_warehouse(Path.cwd()) if is_demo else user_target(Path.cwd(), destination)


def prepare() -> None:
    """Set up signals, logging, memory and naming, before dlt does anything."""
    from harvest_warehouse.settings.process import keep_dlt_quiet, keep_memory_flat, keep_names

    # SIGTERM, from a service manager or a container runtime, is handled like Ctrl-C.
    begin()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Background jobs of a shell ignore Ctrl-C.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    sys.unraisablehook = _interrupted_again
    keep_dlt_quiet()
    keep_memory_flat()
    keep_names()


def _interrupted_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Repeat an interrupt that Python swallowed.

    Python swallows exceptions in callbacks of weak references and the like. Every import runs one for its lock, and a command
    starts with a thousand imports (https://docs.python.org/3/library/sys.html#sys.unraisablehook).
    """
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    # From a thread: raised here, it would be swallowed again.
    again = threading.Timer(_SECONDS_UNTIL_AGAIN, os.kill, (os.getpid(), signal.SIGTERM))
    again.daemon = True
    again.start()


def _nobody(exit_code: int, error: BaseException | None) -> None:
    """Tell nobody how a command ended."""


@contextmanager
def errors_told(is_debug: bool, *, as_json: bool = False, on_end: OnEnd = _nobody) -> Iterator[None]:
    """Turn an exception into a message and an exit code.

    Args:
        is_debug: whether to show tracebacks.
        as_json: whether the report is printed as JSON, for machines.
        on_end: called once, with the exit code and the error, after messages and before the process ends.
    """
    with others_in_log():
        current().began()
        try:
            with _messages(is_debug, as_json, on_end), _ended_by_others():
                yield
        except typer.Exit as ended:
            current().ended(ended.exit_code)
            raise
        except BaseException as error:
            on_end(FAILED, error)
            if current().is_json:
                _show_traceback(error)
                current().write("error", f"Unexpected: {type(error).__name__}")
                current().ended(FAILED)
                _end(FAILED)
            raise
        current().ended(DONE)


@contextmanager
def _messages(is_debug: bool, as_json: bool, on_end: OnEnd) -> Iterator[None]:
    from harvest_time_tracking import printable_lines

    try:
        yield
    except typer.Exit as ended:
        on_end(ended.exit_code, None)
        raise
    except BaseException as error:
        said = explained(error)
        if said is None:
            raise
        (code, message), caught = said, error
        _show_load(error, as_json)
    else:
        on_end(DONE, None)
        return
    if is_debug or os.environ.get("DLT_HARVEST_DEBUG"):
        _show_traceback(caught)
    # Untrusted parts of the message were shortened where it was built; our own text may be long.
    message = "\n".join(printable_lines(message, most=_MOST_OF_A_LINE))
    if current().is_json:
        current().write("error", message, event="error", exit_code=code)
    else:
        err.print(f"[bold red]Error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    on_end(code, caught)
    _end(code)


def _show_load(error: BaseException, as_json: bool) -> None:
    """Print the report of a load that failed."""
    from harvest_warehouse.cli.render.tables import load_json, outcome_table
    from harvest_warehouse.load import LoadFailed

    if not isinstance(error, LoadFailed):
        return
    if as_json:
        print_text(load_json(error.report, str(error)))
    elif error.report.streams:
        out.show(outcome_table(error.report.streams))


def explained(error: BaseException) -> tuple[int, str] | None:
    """Exit code and message of an error; None for an error that nobody expected."""
    from dlt.common.configuration.providers.toml import TomlProviderReadException
    from dlt.common.exceptions import DltException

    from harvest_time_tracking import HarvestError, SettingWrong, printable
    from harvest_warehouse.destinations.duckdb.client import mended_by
    from harvest_warehouse.load import AccessLost, ColumnStopped, LoadFailed
    from harvest_warehouse.messages.text import advised

    if isinstance(error, LoadFailed):
        return DIFFERENT if isinstance(error, AccessLost | ColumnStopped) else FAILED, str(error)
    if isinstance(error, SettingWrong | TomlProviderReadException):
        return WRONG_USE, str(error)
    if isinstance(error, HarvestError | OSError):
        return FAILED, str(error) if isinstance(error, HarvestError) else advised(str(error))
    if isinstance(error, DltException):
        # For connection errors, dlt wraps the driver's own message.
        said = str(getattr(error, "inner_exc", None) or error.__cause__ or error)
        return FAILED, f"The database says: {printable(said)}{mended_by(said)}"
    if isinstance(error, KeyboardInterrupt):
        begin()
        return FAILED, "Interrupted."
    return None


def _show_traceback(error: BaseException) -> None:
    from harvest_time_tracking import printable_lines

    for line in printable_lines("".join(traceback.format_exception(error))):
        # Indented, so that no line of text from elsewhere looks like one of ours.
        err.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)


def _end(code: int) -> NoReturn:
    current().ended(code)
    if is_anything_left():
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    raise typer.Exit(code)


@contextmanager
def _ended_by_others() -> Iterator[None]:
    """Translate a closed pipe into an exit, and DuckDB's error on Ctrl-C into KeyboardInterrupt."""
    try:
        yield
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe.
        raise typer.Exit(FAILED) from None
    except RuntimeError as error:
        # DuckDB raises RuntimeError on Ctrl-C in the middle of a query.
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
