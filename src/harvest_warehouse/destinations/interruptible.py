"""Make database calls interruptible by Ctrl-C, SIGTERM and a time limit; drivers block in C code, which ignores signals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NoReturn, TypeVar

T = TypeVar("T")

_SECONDS_BETWEEN_LOOKS = 0.05
_SECONDS_TO_END = 1.5


class TookTooLong(Exception):
    """The time limit was reached, and the call was cancelled."""


# References to unfinished calls: garbage collection would close them, and wait for them.
_left: list[object] = []
_interrupted = threading.Event()


def interrupt(*_: object) -> NoReturn:
    """Handle a signal by raising KeyboardInterrupt, and by setting a flag for `interruptible`.

    The flag works even if a library swallows the exception, as DuckDB's driver does while it imports pandas.
    Patch: DuckDB >=1.4,<2; no upstream issue known;
    can go when `test_duckdb_swallows_an_interrupt_while_it_imports` fails.
    """
    _interrupted.set()
    raise KeyboardInterrupt


def begin() -> None:
    """Clear the interrupt flag at the start of a command."""
    _interrupted.clear()


def leave(what: object) -> None:
    """Keep a reference to an unfinished call until the process ends: closing it would wait for it."""
    _left.append(what)


def is_anything_left() -> bool:
    """True if a call could not be cancelled: a normal exit of the process would wait for it."""
    return bool(_left)


def interruptible(
    work: Callable[[], T],
    cancel: Callable[[], object],
    seconds: float | None = None,
    unended: Callable[[], object] = lambda: None,
) -> T:
    """Run a call in a thread, and cancel it when this thread is interrupted or the time limit is reached.

    Patch: psycopg2 2.9; https://github.com/psycopg/psycopg2/issues/333;
    can go when `test_psycopg2_hears_no_signal_while_it_waits` fails.

    Args:
        work: the call, which may block on the database; its exceptions are raised here.
        cancel: called from another thread to cancel the call, on the server too; repeatedly, in case the call was between
            two statements.
        seconds: time limit; None for none.
        unended: called if the call does not end even so.

    Raises:
        TookTooLong: the time limit was reached; raised after `cancel`.
        KeyboardInterrupt: this thread was interrupted; raised after `cancel`, within about two seconds even if the call does
            not end.
    """
    results: list[T] = []
    failures: list[BaseException] = []
    # Not `thread.join`: in Python 3.11 and 3.12, an interrupted one treats the thread as ended.
    # Patch: Python >=3.11,<3.13; https://github.com/python/cpython/issues/90882;
    # can go when `test_python_takes_a_thread_for_ended_whose_join_was_interrupted` fails.
    has_ended = threading.Event()

    def done() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 (raised where the answer is waited for)
            failures.append(error)
        finally:
            has_ended.set()

    # A daemon thread does not keep the process from exiting.
    threading.Thread(target=done, daemon=True, name="asking").start()
    try:
        _wait(has_ended, seconds)
    except BaseException:
        # The interrupt is being handled.
        _interrupted.clear()
        _end(has_ended, cancel)
        if not has_ended.is_set():
            unended()
        raise
    if failures:
        raise failures[0]
    return results[0]


def _wait(has_ended: threading.Event, seconds: float | None) -> None:
    until = None if seconds is None else time.monotonic() + seconds
    while not has_ended.wait(_SECONDS_BETWEEN_LOOKS):
        if _interrupted.is_set():
            raise KeyboardInterrupt
        if until is not None and time.monotonic() > until:
            raise TookTooLong


def _end(has_ended: threading.Event, cancel: Callable[[], object]) -> None:
    give_up_at = time.monotonic() + _SECONDS_TO_END
    cancelling = None
    while not has_ended.is_set() and time.monotonic() < give_up_at:
        # In a thread: with an unresponsive server, cancelling may block too.
        if cancelling is None or not cancelling.is_alive():
            cancelling = threading.Thread(target=cancel, daemon=True, name="cancelling")
            cancelling.start()
        has_ended.wait(_SECONDS_BETWEEN_LOOKS)
