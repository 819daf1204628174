"""Build the marts: tables that answer questions, made by SQL from Harvest's own, checked before they replace the old ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from dlt.common.exceptions import DltException

from harvest_time_tracking import HarvestError, SettingWrong
from harvest_warehouse.calendar_days import DAY_COLUMNS, days
from harvest_warehouse.database import Database, open_database
from harvest_warehouse.mart_settings import WEEKDAYS, MartSettings, mart_settings
from harvest_warehouse.models import (
    Model,
    Rule,
    Severity,
    described,
    empty,
    models,
    raw_tables,
    resolved,
    rules,
    staging,
)
from harvest_warehouse.settings import Warehouse
from harvest_warehouse.turn import turn
from harvest_warehouse.zones import zone

# Behind the names of tables that are being built, and of those of a build that failed.
NEXT = "__next"

QUALITY = "mart_data_quality"

_INPUTS = {
    "cfg_account": {
        "account_id": "text",
        "as_of_date": "date",
        "loaded_at": "timestamptz",
        "time_zone": "text",
        "home_currency": "text",
        "week_start_day": "text",
        "working_days_per_week": "integer",
        "target_utilisation": "decimal(38, 9)",
    },
    "cfg_date": dict(DAY_COLUMNS),
    "cfg_time_off_task": {"task_name": "text", "task_id": "bigint"},
    "cfg_exchange_rate": {"currency": "text", "valid_from": "date", "rate_to_home": "decimal(38, 9)"},
    QUALITY: {
        "account_id": "text",
        "finding": "text",
        "severity": "text",
        "words": "text",
        "row_count": "bigint",
        "query": "text",
    },
}


@dataclass(frozen=True)
class BuiltTable:
    """One table of the marts: how many rows it has, and how long it took."""

    name: str
    rows: int
    seconds: float


@dataclass(frozen=True)
class Found:
    """What a check found.

    Attributes:
        name: of the check.
        severity: an error stops the build, a warning or a finding does not.
        words: what a row that it found means.
        rows: how many it found.
        query: a select that shows them.
    """

    name: str
    severity: Severity
    words: str
    rows: int
    query: str


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        database: the database's file.
        dataset: the schema that holds the marts.
        as_of: the date of the last load in each account's time zone, by account.
        tables: the tables that were built, in the order in which they were.
        found: what the checks found, where it is not nothing.
        checks: how many checks ran.
        has_comments: whether the words of the columns are in the database too.
        seconds: how long all of it took.
    """

    database: str
    dataset: str
    as_of: tuple[tuple[str, date], ...]
    tables: tuple[BuiltTable, ...]
    found: tuple[Found, ...]
    checks: int
    has_comments: bool
    seconds: float

    @property
    def warnings(self) -> tuple[Found, ...]:
        """What did not stop the build."""
        return tuple(found for found in self.found if found.severity != "error")

    @property
    def errors(self) -> tuple[Found, ...]:
        """What stopped it."""
        return tuple(found for found in self.found if found.severity == "error")


class BuildFailed(HarvestError):
    """The marts were not built; those of the last build stand. `report` has the checks that failed, if it came to that."""

    def __init__(self, message: str, report: BuildReport | None = None) -> None:
        super().__init__(message)
        self.report = report


def build(
    warehouse: Warehouse,
    settings: MartSettings | None = None,
    *,
    as_of: date | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> BuildReport:
    """Build every mart from Harvest's tables as they are now, and replace the old ones all at once.

    Args:
        warehouse: where Harvest's tables are; the marts go beside them.
        settings: of the marts; None for those of dlt's configuration.
        as_of: the day up to which weeks, ages and budgets count; None for that of the last load.
        on_step: is told, in a few words, what begins.

    Raises:
        SettingWrong: for a setting that cannot work, or where nothing was loaded yet.
        Busy: where another run is writing into the same database.
        BuildFailed: where a check or the database says no. The old marts stand.
    """
    settings = settings or mart_settings()
    if not warehouse.file.exists():
        raise SettingWrong(f"{warehouse.file} is not there yet: run `dlt-harvest load` in this folder first.")
    with turn(warehouse):
        try:
            with open_database(warehouse, is_building=True) as database:
                return _Build(warehouse, database, settings, as_of, on_step).run()
        except DltException as error:
            raise BuildFailed(f"The database refused: {error} The marts of the last build stand.") from error


class _Build:
    """One build under way."""

    def __init__(
        self,
        warehouse: Warehouse,
        database: Database,
        settings: MartSettings,
        as_of: date | None,
        on_step: Callable[[str], None],
    ) -> None:
        self._warehouse = warehouse
        self._database = database
        self._settings = settings
        self._given_as_of = as_of
        self._on_step = on_step
        self._raw = {name: database.columns(name) for name in raw_tables()}
        self._as_of: dict[str, date] = {}
        self._began = time.monotonic()

    def run(self) -> BuildReport:
        """Inputs, tables, checks, and then the exchange."""
        self._on_step("looking at the database")
        self._database.make_marts()
        self._drop([*_INPUTS, *(model.name for model in models())])
        self._inputs()
        tables = tuple(self._table(model) for model in models())
        self._on_step("checking")
        found = [self._check(rule) for rule in rules()]
        failed = [(rule, counts) for rule, counts in found if counts and rule.severity == "error"]
        if failed:
            report = self._report(tables, found, NEXT, has_comments=False)
            raise BuildFailed(_failure(report), report)
        self._keep_findings(found)
        self._on_step("replacing the marts")
        self._replace()
        has_comments = self._comment()
        return self._report(tables, found, "", has_comments=has_comments)

    def _inputs(self) -> None:
        self._database.run([f"create table marts.{name}{NEXT} as {empty(kinds).sql('duckdb')}" for name, kinds in _INPUTS.items()])
        accounts = self._accounts()
        settings = self._settings
        for account in accounts:
            self._as_of[str(account[0])] = account[1]
        self._database.insert(f"marts.cfg_account{NEXT}", [account[:-1] for account in accounts])
        named = self._named_days()
        for account_id, as_of, *_, first_of_week in accounts:
            rows = days(
                account_id,
                named.get(account_id, ()),
                as_of,
                week_start=first_of_week,
                working_days=settings.working_days,
                holidays=settings.holidays,
            )
            self._database.insert(f"marts.cfg_date{NEXT}", list(rows))
        leave = [
            (None, task) if isinstance(task, int) else (task.lower(), None)
            for task in dict.fromkeys(settings.time_off_tasks)
        ]
        self._database.insert(f"marts.cfg_time_off_task{NEXT}", leave)
        rates = [(code, day, rate) for code, by_day in settings.exchange_rates.items() for day, rate in by_day.items()]
        self._database.insert(f"marts.cfg_exchange_rate{NEXT}", rates)

    def _accounts(self) -> list[tuple[str, date, datetime, str, str | None, str, int, object, int]]:
        """The rows of cfg_account, and the first day of the week behind each."""
        rows = self._database.rows
        query = resolved(staging("stg_accounts"), self._raw)
        ids = sorted(row[0] for row in rows(query) if row[0] is not None)
        loaded = dict(rows(_LAST_LOAD)) if self._database.columns("harvest_runs") else {}
        zones = dict(rows(resolved(staging("stg_token_zone"), self._raw)))
        starts = dict(rows("select account_id, week_start_day from company")) if self._raw["company"] else {}
        settings = self._settings
        found = []
        for account_id in ids:
            at = loaded.get(account_id) or datetime.now(UTC)
            known = zone(settings.time_zone) or zone(zones.get(account_id)) or zone("UTC")
            name = str(starts.get(account_id) or "").capitalize()
            first_of_week = WEEKDAYS.index(name) if name in WEEKDAYS else 0
            first_of_week = first_of_week if settings.week_start is None else settings.week_start
            found.append(
                (
                    account_id,
                    self._given_as_of or at.astimezone(known).date(),
                    at,
                    str(known),
                    settings.home_currency,
                    WEEKDAYS[first_of_week],
                    len(settings.working_days),
                    settings.target_utilisation,
                    first_of_week,
                )
            )
        return found

    def _named_days(self) -> dict[str, set[date]]:
        named: dict[str, set[date]] = {}
        for account_id, day in self._database.rows(resolved(staging("stg_named_days"), self._raw)):
            named.setdefault(account_id, set()).add(day)
        return named

    def _table(self, model: Model) -> BuiltTable:
        self._on_step(f"building {model.name}")
        began = time.monotonic()
        query = self._database.translated(resolved(model.query, self._raw, NEXT))
        name = f"marts.{model.name}{NEXT}"
        self._database.create(name, query)
        [(rows,)] = self._database.rows(f"select count(*) from {name}")
        return BuiltTable(model.name, rows, round(time.monotonic() - began, 3))

    def _check(self, rule: Rule) -> tuple[Rule, dict[str, int]]:
        """How many rows break a rule, by account."""
        query = resolved(rule.query, self._raw, NEXT).sql("duckdb")
        counted = self._database.rows(f"select account_id, count(*) from ({query}) as broken group by account_id")
        return rule, {str(account_id): int(rows) for account_id, rows in counted}

    def _query(self, rule: Rule, suffix: str) -> str:
        return self._database.translated(resolved(rule.query, self._raw, suffix))

    def _keep_findings(self, found: Sequence[tuple[Rule, dict[str, int]]]) -> None:
        rows = [
            (account_id, rule.name, rule.severity, rule.words, counts.get(account_id, 0), self._query(rule, ""))
            for account_id in self._as_of
            for rule, counts in found
        ]
        self._database.insert(f"marts.{QUALITY}{NEXT}", rows)

    def _replace(self) -> None:
        """Old tables out, new ones in, in one transaction."""
        names = [*(model.name for model in models() if model.is_kept), QUALITY]
        exchange = []
        for name in names:
            exchange += [f"drop table if exists marts.{name}", f"alter table marts.{name}{NEXT} rename to {name}"]
        self._database.run(exchange)
        self._drop([*(name for name in _INPUTS if name != QUALITY), *(m.name for m in models() if not m.is_kept)])

    def _drop(self, names: Sequence[str]) -> None:
        self._database.run([f"drop table if exists marts.{name}{NEXT}" for name in names])

    def _comment(self) -> bool:
        comments = []
        for table in described().values():
            comments.append((f"marts.{table.name}", "", f"{table.description} {table.grain}."))
            comments += [(f"marts.{table.name}", column, words) for column, words in table.columns.items()]
        return self._database.comment(comments)

    def _report(
        self,
        tables: tuple[BuiltTable, ...],
        found: Sequence[tuple[Rule, dict[str, int]]],
        suffix: str,
        *,
        has_comments: bool,
    ) -> BuildReport:
        kept = {model.name for model in models() if model.is_kept}
        return BuildReport(
            str(self._warehouse.file),
            self._warehouse.marts_name,
            tuple(self._as_of.items()),
            tuple(table for table in tables if table.name in kept),
            tuple(
                Found(rule.name, rule.severity, rule.words, sum(counts.values()), self._query(rule, suffix))
                for rule, counts in found
                if counts
            ),
            len(found),
            has_comments,
            round(time.monotonic() - self._began, 3),
        )


_LAST_LOAD = "select account_id, max(ended_at) from harvest_runs where outcome = 'complete' group by account_id"


def _failure(report: BuildReport) -> str:
    lines = [f"{found.name}: {found.rows:,} rows. {found.words} To see them: {found.query}" for found in report.errors]
    return "\n".join(["The marts of the last build stand: not every check passed.", *lines])
