"""Run the demo: load a simulated company into a database of its own, verify it, build the marts, answer questions."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dlt

from harvest_time_tracking import Ledger, Secret, Settings
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.messages.steps import say_nothing
from harvest_warehouse.warehouse import Target

if TYPE_CHECKING:
    from harvest_warehouse.marts import BuildReport
    from harvest_warehouse.sync import SyncReport
    from harvest_warehouse.verify import VerifyReport

QUESTIONS = (
    (
        "Hours by client, this month and last",
        """
        -- one row per client
        select
          client__name as client,
          sum(case when date_trunc('month', spent_date) = date_trunc('month', current_date) then hours else 0 end)
            as this_month,
          sum(case when date_trunc('month', spent_date) < date_trunc('month', current_date) then hours else 0 end)
            as last_month
        from time_entries
        where spent_date >= date_trunc('month', current_date) - interval 1 month
        group by 1
        order by sum(hours) desc
        limit 5
        """,
    ),
    (
        "Who has most billable hours, in the last 90 days",
        """
        -- one row per person
        select
          user__name as person,
          sum(case when billable then hours else 0 end) as billable_hours,
          sum(hours) as hours
        from time_entries
        where spent_date > current_date - interval 90 day
        group by 1
        order by 2 desc
        limit 5
        """,
    ),
    (
        "Invoices overdue today, by currency (currencies are never added up)",
        """
        -- one row per currency
        select
          currency,
          count(*) as invoices,
          sum(due_amount) as due
        from invoices
        where state = 'open' and due_amount > 0 and due_date < current_date
        group by 1
        order by 1
        """,
    ),
)


@dataclass(frozen=True)
class Answer:
    """Question with its answer: columns and rows, each cell as text."""

    question: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class DemoReport:
    """Result of the demo.

    Attributes:
        sync: report of the sync of the simulated company.
        verify: comparison with its reports.
        build: report of the marts.
        answers: some questions with their answers from the database.
    """

    sync: SyncReport
    verify: VerifyReport
    build: BuildReport
    answers: tuple[Answer, ...]


def demo_warehouse(folder: Path) -> Target:
    """Target for the demo's own database and pipeline in `folder`, apart from the user's own data."""
    return Target(folder, "harvest_demo.duckdb", "harvest_demo", pipelines_dir=folder / ".harvest_demo")


def demo(
    folder: Path,
    *,
    now: datetime | None = None,
    ledger: Ledger | None = None,
    on_step: Callable[[str], None] = say_nothing,
) -> DemoReport:
    """Load a simulated company of about 40 people and two years into `folder`, from the start each time.

    Args:
        folder: folder for the database file.
        now: time (aware) up to which the company has worked; the present if None.
        ledger: collects the outcome of each stream as it goes.
        on_step: called with a short text when a step begins.

    Raises:
        LoadFailed: as in `sync`, for example because the database is open in another program.
        BuildFailed: as in `build`.
    """
    warehouse = demo_warehouse(folder)
    shutil.rmtree(folder / ".harvest_demo", ignore_errors=True)
    (folder / ".harvest_demo").mkdir()
    (folder / ".harvest_demo" / ".gitignore").write_text("*\n", encoding="utf-8")
    warehouse.file.unlink(missing_ok=True)
    on_step("creating a company")
    now = now or datetime.now(UTC)
    # Without rate limits on either side, which would only cost a minute of waiting.
    # `show --demo` and its like need none of these.
    from harvest_simulator import Clock, Simulator
    from harvest_warehouse.marts import build
    from harvest_warehouse.marts.settings import MartSettings
    from harvest_warehouse.sync import sync
    from harvest_warehouse.verify import verify

    company = Simulator(today=now.date(), clock=Clock(now, is_ticking=True), enforce_limits=False)
    with company.serving() as base_url:
        settings = Settings(
            Secret(company.access_token),
            company.account_id,
            base_url,
            requests_per_15_s=0,
            report_requests_per_15_min=0,
        )
        synced = sync(warehouse, settings, build_marts=False, ledger=ledger, on_step=on_step)
        verified = verify(warehouse, settings, on_step=on_step)
    built = build(warehouse, MartSettings(), as_of=now.date(), on_step=on_step)
    return DemoReport(synced, verified, built, _answers(open_pipeline(warehouse)))


def _answers(pipeline: dlt.Pipeline) -> tuple[Answer, ...]:
    answers = []
    with pipeline.sql_client() as client:
        for question, query in QUESTIONS:
            with client.execute_query(query) as cursor:
                columns = tuple(column[0] for column in cursor.description or ())
                rows = tuple(tuple(_shown(value) for value in row) for row in cursor.fetchall())
            answers.append(Answer(question, columns, rows))
    return tuple(answers)


def _shown(value: object) -> str:
    return value if isinstance(value, str) else f"{value:,.2f}" if not isinstance(value, int) else f"{value:,}"
