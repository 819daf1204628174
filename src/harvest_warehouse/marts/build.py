"""Build the marts by SQL from Harvest's tables, and check them before they replace the old ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from dlt.common.exceptions import DltException
from dlt.destinations.exceptions import DestinationConnectionError
from sqlglot import exp

from harvest_time_tracking import SettingWrong, printable
from harvest_warehouse.database import Database
from harvest_warehouse.database.read_only import not_ours, unopened
from harvest_warehouse.database.run import Run
from harvest_warehouse.marts.accounts import loaded_accounts
from harvest_warehouse.marts.calendar import DAY_COLUMNS, days
from harvest_warehouse.marts.models import Model, Rule, described, empty, models, raw_tables, resolved, rules, staging
from harvest_warehouse.marts.own import FOLDER, own_models
from harvest_warehouse.marts.report import BuildFailed, BuildReport, BuiltTable, Found, failure
from harvest_warehouse.marts.settings import TIME_OFF, MartSettings, mart_settings
from harvest_warehouse.warehouse import Target

# Suffix of the names of tables while they are being built, and of those left by a failed build.
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
    "cfg_task": {"kind": "text", "task_name": "text", "task_id": "bigint"},
    "cfg_target": {"who": "text", "target_utilisation": "decimal(38, 9)"},
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


def build(
    warehouse: Target,
    settings: MartSettings | None = None,
    *,
    as_of: date | None = None,
    on_step: Callable[[str], None] = lambda _: None,
) -> BuildReport:
    """Build all marts from Harvest's tables, and replace the old ones, in one transaction if DDL is transactional.

    Args:
        warehouse: target with Harvest's tables; the marts go into a schema beside them.
        settings: settings of the marts; None to read them from dlt's configuration.
        as_of: day up to which weeks, ages and budgets count; None for the day of the last load.
        on_step: called with a short text when a step begins.

    Raises:
        SettingWrong: a setting is invalid, or nothing was loaded.
        NoDatabase: the database's file is not a DuckDB database.
        DatabaseBusy: another run is writing into the same database.
        DatabaseUnreachable: the database does not respond.
        BuildFailed: a check failed, or the database refused. The old marts stay.
    """
    return build_in(Run(warehouse, on_step=on_step), settings, as_of=as_of)


def build_in(run: Run, settings: MartSettings | None = None, *, as_of: date | None = None) -> BuildReport:
    """Build as a step of a run. Arguments and errors as in `build`."""
    settings, warehouse = settings or mart_settings(), run.warehouse
    if not run.is_loaded():
        raise SettingWrong(f"{warehouse.place} is not there yet: run {warehouse.command('sync')} in this folder first.")
    with run.locked():
        try:
            with run.database("building") as database:
                if not database.names():
                    raise SettingWrong(not_ours(warehouse))
                return _Build(warehouse, database, settings, as_of, run.on_step).run()
        except DestinationConnectionError as error:
            raise BuildFailed(f"{unopened(warehouse, error)} The previous marts stay.") from error
        except DltException as error:
            raise BuildFailed(f"The database refused: {printable(str(error))} The previous marts stay.") from error


@dataclass(frozen=True)
class _Checked:
    """Result of a check: the rule, its query on the new tables, and the number of rows found, by account."""

    rule: Rule
    query: str
    counts: Mapping[str, int]

    @property
    def kept_query(self) -> str:
        """Query to store in the findings, with the final names of the tables."""
        # Some databases fold names to upper case.
        return self.query.replace(NEXT, "").replace(NEXT.upper(), "")


class _Build:
    """State of one build in progress."""

    def __init__(
        self,
        warehouse: Target,
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
        self._own = own_models(warehouse.folder)
        self._models = (*models(), *self._own.models)
        self._raw = {name: database.columns(name) for name in {*raw_tables(), *self._own.raw_tables}}
        self._as_of: dict[str, date] = {}
        self._began = time.monotonic()

    def run(self) -> BuildReport:
        """Create inputs and tables, run the checks, then replace the old tables."""
        self._on_step("looking at the database")
        self._database.make_marts()
        # Also of a failed build of a model whose file is gone.
        left = [name.lower().removesuffix(NEXT) for name in self._database.tables() if name.lower().endswith(NEXT)]
        self._drop(dict.fromkeys([*_INPUTS, *(model.name for model in self._models), *left]))
        self._inputs()
        self._on_step("building the marts")
        tables = tuple(self._table(model) for model in self._models)
        self._on_step("checking the marts")
        found = [self._check(rule) for rule in (*rules(), *self._own.rules)]
        unmatched = self._unmatched()
        targets = self._unmatched_targets()
        rates = self._rates_of_home()
        if any(checked.counts for checked in found if checked.rule.severity == "error"):
            report = self._report(tables, found, unmatched, targets, rates, is_kept=False)
            raise BuildFailed(failure(report), report)
        self._keep_findings(found)
        self._on_step("replacing the marts")
        self._replace()
        return self._report(tables, found, unmatched, targets, rates, is_kept=True, has_comments=self._comment())

    def _inputs(self) -> None:
        """Create the input tables: accounts, calendar, and settings."""
        database, settings = self._database, self._settings
        database.run(
            [f"create table marts.{name}{NEXT} as {empty(kinds).sql('duckdb')}" for name, kinds in _INPUTS.items()]
        )
        accounts = loaded_accounts(database, settings, self._raw, self._given_as_of)
        self._as_of = {account.account_id: account.as_of for account in accounts}
        named: dict[str, set[date]] = {}
        for account_id, day in database.rows(resolved(staging("stg_named_days"), self._raw)):
            named.setdefault(account_id, set()).add(day)
        for account in accounts:
            database.insert(f"marts.cfg_account{NEXT}", [account.row(settings)])
            calendar = days(
                account.account_id,
                named.get(account.account_id, ()),
                account.as_of,
                week_start=account.week_start,
                working_days=settings.working_days,
                holidays=settings.holidays,
            )
            database.insert(f"marts.cfg_date{NEXT}", list(calendar))
        named_tasks = {
            (kind, None, task) if isinstance(task, int) else (kind, task.lower(), None)
            for kind, tasks in (("time_off", settings.time_off_tasks), ("productive", settings.productive_tasks))
            for task in tasks
        }
        database.insert(f"marts.cfg_task{NEXT}", list(named_tasks))
        rates = [(code, day, rate) for code, by_day in settings.exchange_rates.items() for day, rate in by_day.items()]
        database.insert(f"marts.cfg_exchange_rate{NEXT}", rates)
        database.insert(f"marts.cfg_target{NEXT}", list(settings.own_targets.items()))

    def _table(self, model: Model) -> BuiltTable:
        began = time.monotonic()
        name = f"marts.{model.name}{NEXT}"
        with self._refusals_named(model.name):
            self._database.create(name, self._said(model.query))
            if described := self._own.described.get(model.name):
                # A column that is described and is not there would stop all comments.
                listed = ", ".join(dict.fromkeys((*described.key, *described.columns))) or "*"
                self._database.rows(f"select {listed} from {name} limit 0")
        [(rows,)] = self._database.rows(f"select count(*) from {name}")
        return BuiltTable(model.name, rows, round(time.monotonic() - began, 3))

    def _check(self, rule: Rule) -> _Checked:
        """Run a rule's query on the new tables, and count the rows it finds, by account."""
        query = self._said(rule.query)
        with self._refusals_named(f"checks/{rule.name}"):
            return _Checked(rule, query, self._database.counts(query, "account_id"))

    def _said(self, query: exp.Query) -> str:
        """Statement of a model or a check, in the database's dialect, on the new tables."""
        return self._database.translated(resolved(query, self._raw, NEXT, self._own.described))

    @contextmanager
    def _refusals_named(self, name: str) -> Iterator[None]:
        """Name the user's own file in what the database says of it."""
        try:
            yield
        except DltException as error:
            if name not in self._own.files:
                raise
            words = f"{FOLDER}/{name}.sql: the database refused: {printable(str(error))} The previous marts stay."
            raise BuildFailed(words) from error

    def _keep_findings(self, found: Sequence[_Checked]) -> None:
        rows = [
            (account_id, rule.name, rule.severity, rule.words, checked.counts.get(account_id, 0), checked.kept_query)
            for checked in found
            for rule in [checked.rule]
            for account_id in self._as_of
        ]
        self._database.insert(f"marts.{QUALITY}{NEXT}", rows)

    def _replace(self) -> None:
        """Replace the old tables by the new ones, in one transaction if DDL is transactional."""
        names = [*(model.name for model in self._models if model.is_kept), QUALITY]
        exchange = []
        for name in names:
            exchange += [f"drop table if exists marts.{name}", f"alter table marts.{name}{NEXT} rename to {name}"]
        self._database.run(exchange)
        self._drop([*(name for name in _INPUTS if name != QUALITY), *(m.name for m in self._models if not m.is_kept)])

    def _drop(self, names: Iterable[str]) -> None:
        self._database.run([f"drop table if exists marts.{name}{NEXT}" for name in names])

    def _comment(self) -> bool:
        comments = []
        for table in (*described().values(), *self._own.described.values()):
            words = f"{table.description} {table.grain}." if table.grain else table.description
            comments.append((f"marts.{table.name}", "", words))
            comments += [(f"marts.{table.name}", column, words) for column, words in table.columns.items()]
        return self._database.comment(comments)

    def _unmatched(self) -> tuple[str | int, ...]:
        """Entries of `time_off_tasks` and `productive_tasks` that match no task: a misspelled one would count leave as work."""
        named = () if self._settings.time_off_tasks == TIME_OFF else self._settings.time_off_tasks
        named += self._settings.productive_tasks
        if not named:
            return ()
        rows = self._database.rows(f"select lower(task_name), task_id from marts.dim_task{NEXT}")
        there = {value for row in rows for value in row}
        return tuple(task for task in named if (task.lower() if isinstance(task, str) else task) not in there)

    def _unmatched_targets(self) -> tuple[str, ...]:
        """Entries of `target_utilisation` that are no role's and no person's."""
        if not self._settings.own_targets:
            return ()
        query = f"select lower(person_name), lower(trim(role_name)), cast(user_id as text) from marts.dim_person{NEXT}"
        there = {value for row in self._database.rows(query) for value in row}
        return tuple(who for who in self._settings.own_targets if who not in there)

    def _rates_of_home(self) -> tuple[str, ...]:
        """Currencies with a rate that are an account's home currency: its rate is 1, whatever the settings say."""
        if not self._settings.exchange_rates:
            return ()
        rows = self._database.rows(f"select distinct home_currency from marts.dim_account{NEXT} order by 1")
        return tuple(code for (code,) in rows if code in self._settings.exchange_rates)

    def _report(
        self,
        tables: tuple[BuiltTable, ...],
        checks: Sequence[_Checked],
        unmatched: tuple[str | int, ...],
        unmatched_targets: tuple[str, ...],
        rates_of_home: tuple[str, ...],
        *,
        is_kept: bool,
        has_comments: bool = False,
    ) -> BuildReport:
        kept = {model.name for model in self._models if model.is_kept}
        return BuildReport(
            self._warehouse.place,
            self._warehouse.marts_name,
            tuple(self._as_of.items()),
            tuple(table for table in tables if table.name in kept),
            tuple(
                Found(
                    checked.rule.name,
                    checked.rule.severity,
                    checked.rule.words,
                    sum(checked.counts.values()),
                    checked.kept_query if is_kept else checked.query,
                )
                for checked in checks
                if checked.counts
            ),
            len(checks),
            unmatched,
            has_comments,
            round(time.monotonic() - self._began, 3),
            unmatched_targets,
            rates_of_home,
        )
