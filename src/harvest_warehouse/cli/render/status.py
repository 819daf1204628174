"""Render the status for a terminal and as JSON. Prints nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

from rich.table import Table
from rich.text import Text

from harvest_warehouse.cli.render.tables import plain_table
from harvest_warehouse.database.system_tables import AGREED
from harvest_warehouse.messages.text import counted, percent
from harvest_warehouse.notify import Outcome
from harvest_warehouse.status import AccountStatus, StatusReport
from harvest_warehouse.status.report import Proof, Reread, RunStatus


def account_table(account: AccountStatus) -> Table:
    """Table of an account's tables: when each was last read completely."""
    table = plain_table("table", "age", "last read (UTC)", "last outcome", "reason")
    for one in account.tables:
        style = "red" if one.is_old else "green" if one.outcome == "complete" else "yellow"
        table.add_row(
            one.table,
            Text(age_words(one.age), style),
            _instant(one.read_at),
            one.outcome,
            Text(one.reason),
        )
    return table


def status_lines(report: StatusReport) -> list[str]:
    """Lines of the status: ages, runs, proofs, and what to do next."""
    return list(_lines(report))


def status_json(report: StatusReport) -> str:
    """Render the report as JSON; ages and durations are in seconds."""
    document = asdict(report) | {"is_old": report.is_old}
    for account, said in zip(report.accounts, document["accounts"], strict=True):
        said["runs"] = [asdict(run) | {"has_failed": run.has_failed} for run in account.runs]
        for one in (said, *said["tables"]):
            one["age_seconds"] = one.pop("age")
    document["max_age_seconds"] = document.pop("max_age")
    return json.dumps(document, indent=2, ensure_ascii=False, default=_plain)


def age_words(age: timedelta | None) -> str:
    """Age in words: `20 minutes`, `5 hours`, `3 days`."""
    if age is None:
        return "never"
    minutes = int(age.total_seconds() // 60)
    if minutes < 90:
        return counted(minutes, "minute")
    hours = minutes // 60
    return counted(hours, "hour") if hours < 48 else counted(hours // 24, "day")


def _lines(report: StatusReport) -> Iterator[str]:
    yield f"Database: {report.database}"
    if report.unread:
        yield f"It cannot be read now, so this is from the journal of this machine alone: {report.unread}"
    for run in report.running:
        yield f"Under way: {run.command}, since {_instant(run.started_at)} UTC."
    for account in report.accounts:
        yield from _account_lines(account)
    for command, last in sorted(report.last.items()):
        yield f"Last {command} on this machine: {_outcome(last)}"
    if report.failures:
        yield f"{counted(report.failures, 'failure')} of sync in a row."
    old = "Too old" if report.is_old else "Fresh"
    yield f"{old}: data may be {age_words(report.max_age)} old."
    yield from (f"Next: {step}" for step in report.next_steps)


def _account_lines(account: AccountStatus) -> Iterator[str]:
    yield (
        f"Account {account.account_id}: read {age_words(account.age)} ago."
        if account.age is not None
        else (f"Account {account.account_id}: never read to the end.")
    )
    if account.runs:
        yield f"Last run: {_run(account.runs[0])}"
    if account.failures:
        yield f"{counted(account.failures, 'run')} in a row failed while reading."
    yield _proof(account.proof)
    if account.reread:
        yield _reread(account.reread)


def _run(run: RunStatus) -> str:
    seconds = (run.ended_at - run.started_at).total_seconds()
    streams = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(run.streams.items()))
    return (
        f"{_instant(run.started_at)} UTC, {seconds:,.0f} s, {counted(run.rows, 'row')}, {counted(run.requests, 'request')}; "
        f"lists: {streams}."
    )


def _proof(proof: Proof | None) -> str:
    if proof is None:
        return "Not compared with Harvest's reports yet."
    agreed = sum(proof.verdicts.get(verdict, 0) for verdict in AGREED)
    total = sum(proof.verdicts.values())
    left = ", ".join(f"{number:,} of {report}" for report, number in sorted(proof.not_proven.items()))
    unproven = f" Not proven: {left}." if left else ""
    return (
        f"Compared with Harvest's reports {_instant(proof.compared_at)} UTC, up to {proof.until}: {agreed:,} of "
        f"{counted(total, 'figure')} equal.{unproven}"
    )


def _reread(reread: Reread) -> str:
    oldest = f"; the longest unread month was read {_instant(reread.oldest)} UTC" if reread.oldest else ""
    return f"Read in full in the last 30 days: {percent(reread.share)} of the rows of dated lists{oldest}."


def _outcome(last: Outcome) -> str:
    code = "killed" if last.exit_code is None else f"exit code {last.exit_code}"
    return f"{_instant(last.started_at)} UTC, {code}, {last.seconds:,.0f} s."


def _instant(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else "–"


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, datetime | date) else str(value)
