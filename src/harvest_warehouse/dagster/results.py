"""Results for Dagster: what the reports of a run say, as materialisations and check results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from sqlglot import exp

from harvest_time_tracking import printable
from harvest_warehouse.dagster.graph import Graph
from harvest_warehouse.dagster.lineage import stream_of
from harvest_warehouse.database.system_tables import AGREED
from harvest_warehouse.load import LoadReport
from harvest_warehouse.marts import BuildReport
from harvest_warehouse.sweep import SweepReport
from harvest_warehouse.verify import VerifyReport
from harvest_warehouse.verify.results import RECONCILIATION
from harvest_warehouse.verify.row_checks import RowChecks
from harvest_warehouse.verify.verdicts import Judged

Result = dg.MaterializeResult[None] | dg.AssetCheckResult

# As many figures as somebody looks at; the query has all of them.
_MOST_FIGURES = 20
_LOADED = ("complete", "unproven")


def loaded(graph: Graph, report: LoadReport) -> Iterator[Result]:
    """A materialisation of each table whose stream was read; none of a stream that was skipped."""
    outcomes = {outcome.stream: outcome for outcome in report.streams}
    for name, spec in graph.tables.items():
        outcome = outcomes.get(stream_of()[name])
        if outcome is None or outcome.outcome not in _LOADED:
            continue
        counts = {"rows read": outcome.rows, "requests": outcome.requests, "seconds": outcome.seconds}
        metadata = {**counts, "outcome": outcome.outcome, "run_id": report.run_id, "database": report.database}
        if outcome.reason:
            metadata["reason"] = printable(outcome.reason)
        yield dg.MaterializeResult(spec.key, metadata=metadata)


def swept(graph: Graph, load: LoadReport, sweep: SweepReport) -> Iterator[Result]:
    """A check of each stream that was read: whether its list was read whole, and found equal to Harvest's."""
    compared = {one.stream: one for one in sweep.streams}
    for outcome in load.streams:
        spec = graph.equal.get(outcome.stream)
        if spec is None or outcome.outcome not in _LOADED:
            continue
        found = compared.get(outcome.stream)
        reason = outcome.reason if outcome.outcome == "unproven" else sweep.not_swept.get(outcome.stream, "")
        verdict = found.verdict if found else "not compared"
        held = {one.stream for one in sweep.too_many}
        yield _checked(
            spec,
            passed=not reason and verdict in ("equal", "not compared") and outcome.stream not in held,
            metadata={
                "verdict": "deletions held back" if outcome.stream in held else verdict,
                **({"reason": printable(reason)} if reason else {}),
                **(
                    {"rows": found.rows, "deleted in Harvest": found.vanished, "missing": found.missing}
                    if found
                    else {}
                ),
            },
        )


def compared(graph: Graph, report: VerifyReport, dataset: str) -> Iterator[Result]:
    """A check of each of Harvest's reports that was compared or refused, with the figures of both sides that differ."""
    for path, spec in graph.reports.items():
        if path in report.left_out:
            continue
        judged = [one for one in report.judged if one.figure.report == path]
        differing = [one for one in judged if one.verdict not in AGREED]
        refused = report.refused.get(path, "")
        yield _checked(
            spec,
            passed=not differing and not refused,
            metadata={
                **dict(sorted(Counter(one.verdict for one in judged).items())),
                "from": report.first.isoformat(),
                "to": report.last.isoformat(),
                **({"refused": printable(refused)} if refused else {}),
                **(
                    {"differing": _figures(differing), "query": _sql(_query(report, path, dataset))}
                    if differing
                    else {}
                ),
            },
        )
    yield _rows(graph, report.rows)


def _query(report: VerifyReport, path: str, dataset: str) -> str:
    """Query for the figures of a report that differ, as they were last compared."""
    columns = ("from_date", "to_date", "subject", "measure", "ours", "theirs", "currency", "verdict", "reason")
    return (
        exp.select(*columns)
        .from_(f"{dataset}.{RECONCILIATION.name}")
        .where(
            exp.column("account_id").eq(report.account_id),
            exp.column("report").eq(path),
            exp.column("verdict").isin(*AGREED).not_(),
        )
        .sql()
    )


def _sql(query: str) -> dg.MarkdownMetadataValue:
    return dg.MetadataValue.md(f"```sql\n{query}\n```")


def _figures(differing: list[Judged]) -> dg.TableMetadataValue:
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "subject": f"{printable(one.figure.subject)} ({one.figure.subject_id})",
                    "measure": one.figure.measure,
                    "ours": str(one.ours),
                    "Harvest's": str(one.figure.theirs),
                    "currency": printable(one.figure.currency),
                    "from": one.figure.first.isoformat(),
                    "to": one.figure.last.isoformat(),
                    "verdict": one.verdict,
                    "reason": printable(one.reason),
                }
            )
            for one in differing[:_MOST_FIGURES]
        ]
    )


def _rows(graph: Graph, rows: RowChecks) -> Result:
    doubled = {one.stream: ", ".join(map(printable, one.named)) for one in rows.doubled}
    return _checked(
        graph.rows,
        passed=rows.is_clean,
        metadata={
            "time entries whose hours no rounding explains": rows.rounding.unlike_entries,
            **{f"twice in {stream}": named for stream, named in doubled.items()},
        },
    )


def built(graph: Graph, report: BuildReport) -> Iterator[Result]:
    """A materialisation of each mart, unless the build failed; and a check of each rule, with the query for what it found."""
    if not report.errors:
        rows = {table.name: table.rows for table in report.tables}
        for name, asset in graph.marts.items():
            count = {"dagster/row_count": rows[name]} if name in rows else {}
            yield dg.MaterializeResult(asset.key, metadata={**count, "database": report.database})
    found = {one.name: one for one in report.found}
    for name, (spec, rule) in graph.rules.items():
        finding = found.get(name)
        yield _checked(
            spec,
            passed=finding is None,
            # A warning or a finding is something in the account; the marts are right.
            severity=dg.AssetCheckSeverity.ERROR if rule.severity == "error" else dg.AssetCheckSeverity.WARN,
            metadata={"rows": finding.rows, "query": _sql(finding.query)} if finding else {"rows": 0},
        )


def _checked(
    spec: dg.AssetCheckSpec,
    *,
    passed: bool,
    metadata: Mapping[str, dg.MetadataValue[Any] | str | float],
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=passed, asset_key=spec.asset_key, check_name=spec.name, metadata=metadata, severity=severity
    )
