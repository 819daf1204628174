"""System tables `harvest_reconciliation` (our figures beside Harvest's) and `harvest_reconciliation_windows` (progress)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from harvest_warehouse.database import Database
from harvest_warehouse.database.run import Run
from harvest_warehouse.database.system_tables import AGREED, SystemTable, write_rows
from harvest_warehouse.verify.harvest_reports import BUDGET, REPORTS, TheirRow
from harvest_warehouse.verify.report_plan import ReportCall, Window, is_covered
from harvest_warehouse.verify.verdicts import Judged

RECONCILIATION = SystemTable(
    "harvest_reconciliation",
    "Each figure of Harvest's reports beside ours, as it was last compared",
    ("account_id", "report", "from_date", "to_date", "subject_id", "currency", "measure"),
    (
        ("account_id", "text", "Harvest account"),
        ("report", "text", "The report, by its path: time/projects"),
        ("from_date", "date", "First day of the window; of project_budget the day of the comparison"),
        ("to_date", "date", "Last day of the window, inclusive"),
        ("subject_id", "bigint", "Id of the project, person, task or category"),
        ("currency", "text", "The client's currency; empty where the report has none and we know none"),
        ("measure", "text", "The report's column: total_hours, billable_amount, ..."),
        ("subject", "text", "Name of the project, person, task or category"),
        ("ours", "decimal", "What our tables give, rounded as Harvest rounds"),
        ("theirs", "decimal", "What Harvest states; 0 where its report has no such row"),
        ("is_there", "bool", "Whether the report has a row of this subject"),
        (
            "verdict",
            "text",
            "exact, tie (a half cent rounded the other way), mismatch, missing_here, missing_there, not_provable, unresolved",
        ),
        (
            "convention",
            "text",
            "The reading of Harvest's arithmetic that it was computed by, where there is more than one",
        ),
        ("reason", "text", "Why it is not provable, else empty"),
        ("compared_at", "timestamp", "When Harvest was asked"),
        ("run_id", "text", "The comparison that it belongs to"),
    ),
)
WINDOWS = SystemTable(
    "harvest_reconciliation_windows",
    "Each report and window as it was last compared: what need not be asked again",
    ("account_id", "report", "from_date", "to_date"),
    (
        ("account_id", "text", "Harvest account"),
        ("report", "text", "The report, by its path"),
        ("from_date", "date", "First day of the window"),
        ("to_date", "date", "Last day of the window, inclusive"),
        ("is_month", "bool", "A calendar month (or what of it was compared), not a longer window over months"),
        ("is_agreed", "bool", "Whether every figure is exact or a tie"),
        (
            "fingerprint",
            "text",
            "Of our own figures at that time: while it stays, months that agreed are not asked alone",
        ),
        ("is_finished", "bool", "False while the comparison is under way: another may go on from here"),
        ("compared_at", "timestamp", "When Harvest was asked"),
        ("run_id", "text", "The comparison that it belongs to"),
    ),
)


@dataclass(frozen=True)
class Compared:
    """Compared window of a report.

    Attributes:
        call: the report and its window.
        is_month: whether it is a month or a budget, not a longer window.
        fingerprint: fingerprint of the local figures at that time.
        compared_at: time of the request.
        is_agreed: whether all figures agreed.
        is_finished: whether the comparison was finished.
        rows: rows of the report.
    """

    call: ReportCall
    is_month: bool
    fingerprint: str
    compared_at: datetime
    is_agreed: bool = False
    is_finished: bool = False
    rows: tuple[TheirRow, ...] = ()


def known(database: Database, account_id: str) -> list[Compared]:
    """Read all compared windows; those of unfinished comparisons with the rows of their reports."""
    if not database.columns(WINDOWS.name):
        return []
    columns = "report, from_date, to_date, is_month, fingerprint, compared_at, is_agreed, is_finished"
    query = f"select {columns} from {WINDOWS.name} where account_id = :account_id"
    found = []
    for report, first, last, is_month, fingerprint, at, is_agreed, is_finished in database.rows(
        query, {"account_id": account_id}
    ):
        call = ReportCall(report, Window(first, last))
        rows = () if is_finished or report not in REPORTS else _rows(database, account_id, call)
        found.append(
            Compared(call, bool(is_month), fingerprint or "", _utc(at), bool(is_agreed), bool(is_finished), rows)
        )
    return found


def _rows(database: Database, account_id: str, call: ReportCall) -> tuple[TheirRow, ...]:
    query = f"""
        select subject_id, subject, currency, measure, theirs from {RECONCILIATION.name}
        where account_id = :account_id and report = :report and from_date = :first and to_date = :last and is_there
    """
    found: dict[tuple[int, str, str], dict[str, Decimal | None]] = {}
    for subject_id, subject, currency, measure, theirs in database.rows(query, _values(account_id, call)):
        found.setdefault((subject_id, subject or "", currency), {})[measure] = theirs
    return tuple(TheirRow(*place, stated) for place, stated in found.items())


def remember(
    run: Run,
    account_id: str,
    run_id: str,
    compared: Sequence[Compared],
    judged: Sequence[Judged],
    *,
    over: Collection[ReportCall],
    beside: Collection[ReportCall],
) -> None:
    """Write the verdicts on these windows, replacing older ones. Call it while the run holds the lock.

    Args:
        run: the run.
        account_id: the account.
        run_id: id of the comparison.
        compared: windows to write.
        judged: verdicts, which may include those of other windows.
        over: all calls of this comparison; older windows that these cover are outdated and deleted.
        beside: calls to keep nevertheless: those already written by this comparison, and months proven on their own.

    Raises:
        DltException: the database refuses.
    """
    if not compared:
        return
    at = {one.call: one.compared_at for one in compared}
    verdicts = [
        _row(account_id, run_id, one, at[call])
        for one in judged
        if (call := ReportCall(one.figure.report, Window(one.figure.first, one.figure.last))) in at
    ]
    differing = {(one.figure.report, one.figure.first, one.figure.last) for one in judged if one.verdict not in AGREED}
    windows = [
        {
            "account_id": account_id,
            "report": one.call.report,
            "from_date": one.call.window.first,
            "to_date": one.call.window.last,
            "is_month": one.is_month,
            "is_agreed": (one.call.report, one.call.window.first, one.call.window.last) not in differing,
            "fingerprint": one.fingerprint,
            "is_finished": one.is_finished,
            "compared_at": one.compared_at,
            "run_id": run_id,
        }
        for one in compared
    ]
    with run.database() as database:
        _forget(database, account_id, {one.call for one in compared}, over, beside)
    write_rows(run, RECONCILIATION.holding(verdicts), WINDOWS.holding(windows))


def outdated(
    known: Iterable[ReportCall],
    compared: Collection[ReportCall],
    over: Collection[ReportCall],
    beside: Collection[ReportCall],
) -> list[ReportCall]:
    """Known calls that a comparison replaces; for budgets, those of any day. Arguments as in `remember`. Pure."""
    windows: dict[str, list[Window]] = {}
    for call in over:
        windows.setdefault(call.report, []).append(call.window)
    return [
        call
        for call in known
        if call in compared
        or (
            call not in beside
            and call.report in windows
            and (call.report == BUDGET or is_covered(call.window, windows[call.report]))
        )
    ]


def _forget(
    database: Database,
    account_id: str,
    compared: Collection[ReportCall],
    over: Collection[ReportCall],
    beside: Collection[ReportCall],
) -> None:
    """Delete the rows that these calls replace from both tables."""
    if not database.columns(WINDOWS.name):
        return
    query = f"select report, from_date, to_date from {WINDOWS.name} where account_id = :account_id"
    kept = database.rows(query, {"account_id": account_id})
    known = [ReportCall(report, Window(first, last)) for report, first, last in kept]
    statements: list[str] = []
    values: dict[str, object] = {"account_id": account_id}
    for number, call in enumerate(outdated(known, compared, over, beside)):
        values |= {
            f"report{number}": call.report,
            f"first{number}": call.window.first,
            f"last{number}": call.window.last,
        }
        statements += [
            f"delete from {table.name} where account_id = :account_id and report = :report{number} "
            f"and from_date = :first{number} and to_date = :last{number}"
            for table in (RECONCILIATION, WINDOWS)
        ]
    if statements:
        database.run(statements, values)


def _values(account_id: str, call: ReportCall) -> dict[str, object]:
    return {"account_id": account_id, "report": call.report, "first": call.window.first, "last": call.window.last}


def _row(account_id: str, run_id: str, judged: Judged, at: datetime) -> dict[str, object]:
    figure = judged.figure
    return {
        "account_id": account_id,
        "report": figure.report,
        "from_date": figure.first,
        "to_date": figure.last,
        "subject_id": figure.subject_id,
        "currency": figure.currency,
        "measure": figure.measure,
        "subject": figure.subject,
        "ours": judged.ours,
        "theirs": figure.theirs,
        "is_there": figure.is_there,
        "verdict": judged.verdict,
        "convention": judged.convention,
        "reason": judged.reason,
        "compared_at": at,
        "run_id": run_id,
    }


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
