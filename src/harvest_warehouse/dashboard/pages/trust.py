"""Trust: whether you can rely on the other pages."""

from __future__ import annotations

from decimal import Decimal

from dlt.common.json import json

from harvest_warehouse.dashboard import charts, palette, titles
from harvest_warehouse.dashboard.charts import Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import count, day
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Page, Section, Tile, used
from harvest_warehouse.dashboard.queries import trust as queries_trust
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.database.system_tables import AGREED

_COLOURS = {name.replace("_", " "): colour for name, colour in palette.VERDICTS.items()}
_NOT_COMPARABLE = ("not_provable",)
# Harvest's reports in words; their names in the API stand beside them in `dlt-harvest verify`.
_REPORTS = {
    "time/clients": "Time by client",
    "time/projects": "Time by project",
    "time/tasks": "Time by task",
    "time/team": "Time by person",
    "expenses/clients": "Expenses by client",
    "expenses/projects": "Expenses by project",
    "expenses/categories": "Expenses by category",
    "expenses/team": "Expenses by person",
    "uninvoiced": "Uninvoiced work",
    "project_budget": "Project budgets",
}
_SEVERITIES = {"finding": "to fix in Harvest", "warning": "to look at", "error": "stops a build"}


def trust(read: Reader, chosen: Filters, header: Header) -> Page:
    """Build the page Trust, for the whole account whatever the filters."""
    with read.at_once():
        compared = queries_trust.reconciliation(read, chosen.account_id)
        findings = queries_trust.findings(read, chosen)
        loads = queries_trust.last_loads(read, chosen)
        gone = queries_trust.deletions(read, chosen)
        different = queries_trust.differences(read, chosen)
        seen = queries_trust.access(read, chosen)
        rateless = queries_trust.entries_without_rate(read, chosen)
        costless = queries_trust.entries_without_cost(read, chosen)
    agreed = sum(row["figures"] for row in compared if row["verdict"] in AGREED)
    figures = sum(row["figures"] for row in compared)
    incomplete = [row for row in loads if row["outcome"] != "complete"]
    return Page(
        "Trust",
        "Can you rely on the other pages? For the whole account, whatever you filter",
        (
            Tile(
                "Figures equal to Harvest's",
                f"{agreed:,} of {figures:,}" if figures else "not run",
                _compared(header),
                bool(figures) and agreed < figures,
            ),
            Tile(
                "Things to fix or look at",
                f"{len(findings):,}",
                "kinds of records that look wrong",
                any(row["severity"] != "finding" for row in findings),
            ),
            Tile(
                "Lists not read completely",
                f"{len(incomplete):,}",
                f"of {len(loads):,} in the last load",
                bool(incomplete),
            ),
            Tile(
                "Deleted in Harvest",
                f"{sum(row['deleted'] for row in gone):,}",
                "rows kept aside with their last content",
            ),
        ),
        (
            _by_report(compared, agreed, figures),
            *((_differences(different),) if figures else ()),
            _without_rate(rateless),
            _without_cost(costless),
            _findings(findings),
            _loads(loads, incomplete),
            _deletions(gone),
            _access(seen),
        ),
    )


def _compared(header: Header) -> str:
    return f"compared on {day(header.compared_at)}" if header.compared_at else "run `dlt-harvest verify`"


def _by_report(compared: list[Row], agreed: int, figures: int) -> Section:
    if not figures:
        return Section("Not compared with Harvest yet: run `dlt-harvest verify`", (), (), name="reconciliation")
    different = sum(row["figures"] for row in compared if row["verdict"] not in (*AGREED, *_NOT_COMPARABLE))
    unproven = figures - agreed - different
    title = f"{agreed:,} of {figures:,} figures equal Harvest's reports" + (
        f", {different:,} differ" if different else ""
    )
    if unproven:
        title += f", {unproven:,} cannot be proven"
    rows = [
        {**row, "verdict_words": row["verdict"].replace("_", " "), "words": _REPORTS.get(row["report"], row["report"])}
        for row in compared
    ]
    return Section(
        title,
        rows,
        (
            Column("words", "Report"),
            Column("verdict_words", "Verdict"),
            Column("figures", "Figures", "count"),
            Column("compared_at", "Compared at (UTC)", "instant"),
            Column("reason", "Reason"),
        ),
        charts.bars(
            rows,
            Field("words", "Report"),
            Field("figures", "Figures compared", ",d"),
            (Field("words", "Report"), Field("verdict_words", "Verdict"), Field("figures", "Figures", ",d")),
            colour=Field("verdict_words", "Verdict"),
            colours=_COLOURS,
            description=title,
        ),
        used(_COLOURS, rows, "verdict_words"),
        "Reports prove hours, billable amounts, expenses and budgets. No report proves cost, margin, invoices or payments.",
        "reconciliation",
    )


def _differences(rows: list[Row]) -> Section:
    rows = [
        {
            **row,
            "difference": Decimal(row["ours"] or 0) - Decimal(row["theirs"] or 0),
            "verdict": row["verdict"].replace("_", " "),
            "report": _REPORTS.get(row["report"], row["report"]),
        }
        for row in rows
    ]
    return Section(
        f"{count(len(rows), 'figure')} not equal to Harvest's"
        if rows
        else "No figure is known to differ from Harvest's",
        rows,
        (
            Column("report", "Report"),
            Column("subject", "Of"),
            Column("measure", "Figure"),
            Column("currency", "Currency"),
            Column("from_date", "From", "date"),
            Column("to_date", "To", "date"),
            Column("ours", "Here", "money"),
            Column("theirs", "Harvest", "money"),
            Column("difference", "Difference", "money"),
            Column("verdict", "Verdict"),
        ),
        note="The largest 1,000 differences; `dlt-harvest sync --repair` reads again what differs." if rows else "",
        name="differences",
    )


def _without_rate(rows: list[Row]) -> Section:
    return Section(
        titles.without_rate(rows),
        rows,
        (
            Column("project_name", "Project"),
            Column("client_name", "Client"),
            Column("entries", "Entries", "count"),
            Column("hours", "Hours (h)", "hours"),
            Column("worth", "Would be worth", "money"),
            Column("currency", "Currency"),
            Column("rate", "At a rate of", "money"),
            Column("oldest_date", "Oldest", "date"),
        ),
        note="Worth at the average rate of the other billable time on the same project. Set the rates in Harvest."
        if rows
        else "",
        name="entries-without-a-rate",
    )


def _without_cost(rows: list[Row]) -> Section:
    return Section(
        titles.without_cost(rows),
        rows,
        (
            Column("person_name", "Person"),
            Column("entries", "Entries", "count"),
            Column("hours", "Hours (h)", "hours"),
            Column("from_date", "From", "date"),
            Column("to_date", "To", "date"),
        ),
        note="Margins are too high by what these hours cost." if rows else "",
        name="entries-without-a-cost-rate",
    )


def _findings(rows: list[Row]) -> Section:
    rows = [{**row, "kind": _SEVERITIES.get(row["severity"], row["severity"])} for row in rows]
    return Section(
        f"{count(len(rows), 'kind')} of records to fix or look at; most often: {_most(rows)}"
        if rows
        else "No record looks wrong",
        rows,
        (
            Column("words", "What it is"),
            Column("row_count", "Records", "count"),
            Column("kind", "Kind"),
            Column("finding", "Check"),
        ),
        note="""`dlt-harvest sql "select query from mart_data_quality where finding = '...'"` has the query that lists the records of a check."""
        if rows
        else "",
        name="findings",
    )


def _most(rows: list[Row]) -> str:
    most = max(rows, key=lambda row: row["row_count"])
    return f"{most['words'].rstrip('.')} ({most['row_count']:,})"


def _loads(rows: list[Row], incomplete: list[Row]) -> Section:
    if not rows:
        title = "No load is on record"
    elif incomplete:
        title = f"{len(incomplete):,} of {count(len(rows), 'list')} {'was' if len(incomplete) == 1 else 'were'} not read completely in the last load"
    else:
        lists = f"All {len(rows):,} lists were" if len(rows) > 1 else "The one list was"
        title = f"{lists} read completely in the last load"
    return Section(
        title,
        rows,
        (
            Column("stream", "List of Harvest"),
            Column("outcome", "Outcome"),
            Column("records", "Records read", "count"),
            Column("ended_at", "Ended at (UTC)", "instant"),
            Column("reason", "Reason"),
        ),
        name="last-load",
    )


def _deletions(rows: list[Row]) -> Section:
    gone = sum(row["deleted"] for row in rows)
    return Section(
        f"{count(gone, 'row')} {'was' if gone == 1 else 'were'} deleted in Harvest and {'is' if gone == 1 else 'are'} kept aside, in harvest_deletions"
        if rows
        else "Nothing is known to have been deleted in Harvest",
        rows,
        (
            Column("table_name", "Table"),
            Column("deleted", "Rows", "count"),
            Column("found_at", "Last found at (UTC)", "instant"),
        ),
        name="deletions",
    )


def _access(rows: list[Row]) -> Section:
    lost = [words for row in rows[:1] for words in _list(row["lost"])]
    if not rows:
        title = "What the token may see is not recorded yet: run `dlt-harvest sync`"
    elif lost:
        title = f"The token sees less than before: {'; '.join(lost)}"
    else:
        title = f"The token belongs to: {', '.join(_list(rows[0]['access_roles'])) or 'nobody known'}; nothing that it saw before is hidden"
    listed = [
        {**row, **{name: ", ".join(_list(row[name])) for name in ("access_roles", "hidden", "refused", "lost")}}
        for row in rows
    ]
    return Section(
        title,
        listed,
        (
            Column("looked_at", "Looked at (UTC)", "instant"),
            Column("access_roles", "Rights"),
            Column("hidden", "Hidden money"),
            Column("refused", "Refused lists"),
            Column("lost", "Seen before"),
        ),
        name="access",
    )


def _list(text: str | None) -> list[str]:
    found = json.loads(text) if text else []
    return [str(item) for item in found] if isinstance(found, list) else []
