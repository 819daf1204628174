"""Go through several accounts in one run: each on its own, one summary, the worst exit code."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

import typer

from harvest_time_tracking import HarvestError, Ledger, Settings
from harvest_warehouse.cli.app import DIFFERENT, DONE, FAILED, err, explained, out, say
from harvest_warehouse.cli.console import print_text
from harvest_warehouse.cli.log import current
from harvest_warehouse.cli.render.accounts import AccountRow, accounts_table
from harvest_warehouse.cli.render.progress import OnStep, progress
from harvest_warehouse.cli.render.tables import load_json, outcome_table
from harvest_warehouse.cli.telling import Telling
from harvest_warehouse.database.lock import exclusive_lock
from harvest_warehouse.database.read_only import NotReadable, reading
from harvest_warehouse.database.runs import last_ended
from harvest_warehouse.doctor.accounts import Accounts
from harvest_warehouse.load import LoadFailed
from harvest_warehouse.notify import Event
from harvest_warehouse.settings.process import pandas_kept_out
from harvest_warehouse.sync.events import events_of_accounts, failure_event

if TYPE_CHECKING:
    from harvest_warehouse.warehouse import Target

_Report = TypeVar("_Report")
# Worse first: what failed is not known to be otherwise right.
_WORST = (FAILED, DIFFERENT, DONE)


@dataclass(frozen=True)
class Command(Generic[_Report]):
    """What a command does with one account.

    Attributes:
        run: runs it.
        exit_code: exit code of its report.
        events: events of its report.
        show: prints its report as text.
        as_json: renders its report as JSON.
        holds_lock: whether no other run may write between two accounts.
    """

    run: Callable[[Settings, Ledger, OnStep], _Report]
    exit_code: Callable[[_Report], int]
    events: Callable[[_Report], Sequence[Event]]
    show: Callable[[_Report], None]
    as_json: Callable[[_Report], str]
    holds_lock: bool = True


@dataclass(frozen=True)
class Ended(Generic[_Report]):
    """How the run of one account ended: its report, or the message of its error; the report until then as JSON."""

    account_id: str
    row: AccountRow
    report: _Report | None = None
    error: str = ""
    document: str = "null"


class AccountRuns(Generic[_Report]):
    """Run of a command over several accounts.

    An account that fails stops no other. The one that was read longest ago comes first, so that a run that was killed goes on
    where it was.

    Args:
        place: the database.
        accounts: the accounts.
        telling: tells how the whole run went.
        command: what is done with each.
        as_json: whether nothing but one JSON document is printed, by `end`.

    Attributes:
        ended: how each went.
    """

    def __init__(
        self, place: Target, accounts: Accounts, telling: Telling, command: Command[_Report], *, as_json: bool
    ) -> None:
        self._place = place
        self._accounts = accounts
        self._telling = telling
        self._command = command
        self._is_json = as_json
        self._unexpected: Exception | None = None
        self._events: defaultdict[str, list[Event]] = defaultdict(list)
        self.ended: list[Ended[_Report]] = []

    @contextmanager
    def going_through(self) -> Iterator[list[Ended[_Report]]]:
        """Run every account, and yield how each ended, still under the lock."""
        lock: AbstractContextManager[None] = exclusive_lock(self._place) if self._command.holds_lock else nullcontext()
        with lock:
            last = self._last_ended()
            for settings in sorted(
                self._accounts.settings, key=lambda one: (one.account_id in last, last.get(one.account_id))
            ):
                self._run(settings)
            if self._accounts.is_all:
                self._tell_unreached(last)
            self._telling.events = events_of_accounts(self._events)
            yield self.ended

    def finish(self) -> NoReturn:
        """End with the worst exit code of all. Raises what nobody expected, if there was such."""
        if self._unexpected:
            raise self._unexpected
        raise typer.Exit(min((one.row.exit_code for one in self.ended), key=_WORST.index, default=DONE))

    def show(self, **more: object) -> None:
        """Print the summary; as JSON, the reports of all accounts, with `more` beside them."""
        if not self._is_json:
            out.show(accounts_table(one.row for one in self.ended))
            return
        documents = [
            {"account_id": one.account_id, "exit_code": one.row.exit_code, "error": one.error or None}
            | {"report": json.loads(one.document)}
            for one in self.ended
        ]
        print_text(json.dumps({"accounts": documents} | more, indent=2, ensure_ascii=False))

    def _last_ended(self) -> dict[str, datetime]:
        try:
            with reading(self._place) as database:
                return last_ended(database)
        except (HarvestError, NotReadable):
            # Nothing was loaded, or a run is writing: the order is a matter of fairness only.
            return {}

    def _run(self, settings: Settings) -> None:
        called, began = self._accounts.called(settings.account_id), time.monotonic()
        if not self._is_json:
            say(f"Account {called}:")
        ledger = self._telling.reads(Ledger())
        code, report, message, document = DONE, None, "", "null"
        with progress(err, ledger) as on_step:
            try:
                with pandas_kept_out(self._place.kind.is_file):
                    report = self._command.run(settings, ledger, lambda step: on_step(f"account {called}: {step}"))
            except Exception as error:  # noqa: BLE001 (what nobody expected is raised once the others are done)
                said = explained(error)
                if said is None:
                    self._unexpected = self._unexpected or error
                code, message = said or (FAILED, f"Unexpected: {type(error).__name__}")
                failed = error
        if report is None:
            # Whatever the code of a single run: a setting that is wrong for one account fails that account.
            code = code if code in _WORST else FAILED
            self._events[settings.account_id].append(failure_event(failed))
            document = self._told(called, failed, message)
        else:
            code = self._command.exit_code(report)
            self._events[settings.account_id] += self._command.events(report)
            document = self._command.as_json(report)
            if not self._is_json:
                self._command.show(report)
        outcomes, seconds = ledger.outcomes(), round(time.monotonic() - began, 3)
        rows, requests = sum(one.rows for one in outcomes), sum(one.requests for one in outcomes)
        row = AccountRow(called, code, rows, requests, seconds)
        self.ended.append(Ended(settings.account_id, row, report, message, document))

    def _told(self, called: str, error: Exception, message: str) -> str:
        """Tell an error; give the report until then as JSON."""
        report = error.report if isinstance(error, LoadFailed) else None
        if report and report.streams and not self._is_json:
            out.show(outcome_table(report.streams))
        _say_error(f"account {called}: {message}")
        return load_json(report, message) if report else "null"

    def _tell_unreached(self, last: dict[str, datetime]) -> None:
        """Tell of accounts with rows here that the token no longer reaches: what is not listed would be left out in silence."""
        known = {settings.account_id for settings in self._accounts.settings}
        for account_id in sorted(set(last) - known):
            said = (
                "it has rows here, and this token does not reach it: its rows stay as they are. If this is intended, list the "
                'accounts in place of accounts = "all".'
            )
            _say_error(f"account {account_id}: {said}")
            self._events[account_id].append(Event("access_lost", "It has rows here, and this token does not reach it."))
            self.ended.append(Ended(account_id, AccountRow(account_id, DIFFERENT), error=said))


def _say_error(message: str) -> None:
    if current().is_json:
        current().write("error", message, event="error")
    else:
        err.print(f"Error: {message}", markup=False, highlight=False, soft_wrap=True)
