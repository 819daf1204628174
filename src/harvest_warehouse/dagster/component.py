"""The component: tables, marts and checks of an installation, run by `sync`, `load`, `build` and `verify` under Dagster.

https://docs.dagster.io/guides/build/components
"""

# Dagster reads the annotation of the context itself, not its text: no `from __future__ import annotations`.
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import dagster as dg
from dlt.common.exceptions import DltException

from harvest_time_tracking import HarvestError, printable_lines
from harvest_warehouse.dagster import results
from harvest_warehouse.dagster.graph import Graph, graph
from harvest_warehouse.dagster.lineage import stream_of
from harvest_warehouse.dagster.results import Result
from harvest_warehouse.marts import BuildFailed
from harvest_warehouse.marts.own import own_models
from harvest_warehouse.runs import build, load, sync, verify
from harvest_warehouse.warehouse import Target, user_target


class HarvestComponent(dg.Component, dg.Model, dg.Resolvable):
    """Harvest's tables and marts in the user's database. Settings are read in the working directory and the environment.

    Attributes:
        destination: name of the destination; None for the configured one.
        prefix: what the keys of all assets begin with.
        repair: whether a sync also compares with Harvest's reports, and reads again what differs.
        cron_schedule: when a sync runs; None for no schedule.
        time_zone: time zone of the schedule.
        max_age_hours: hours after which an asset that was not materialised is late.
        pool: name of the pool that all runs take: with a limit of 1, one runs at a time.
    """

    destination: str | None = None
    prefix: list[str] = ["harvest"]  # noqa: RUF012 (a field of a pydantic model, which copies it)
    repair: bool = True
    cron_schedule: str | None = "0 3 * * *"
    time_zone: str = "UTC"
    max_age_hours: int = 36
    pool: str = "harvest"

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Assets, checks and the schedule. Nothing is connected to before a run."""
        del context
        freshness = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=self.max_age_hours))
        known = graph(self.prefix, own_models(Path.cwd()), freshness)
        name = "_".join(self.prefix)

        @dg.multi_asset(name=name, specs=known.assets, check_specs=known.checks, can_subset=True, pool=self.pool)
        def assets(context: dg.AssetExecutionContext) -> Iterator[Result]:
            with _failures_told():
                target = user_target(Path.cwd(), self.destination)
                yield from _Run(known, target, context, repair=self.repair).results()

        job = dg.define_asset_job(f"{name}_sync", selection=dg.AssetSelection.assets(assets))
        schedules = (
            [dg.ScheduleDefinition(job=job, cron_schedule=self.cron_schedule, execution_timezone=self.time_zone)]
            if self.cron_schedule
            else []
        )
        return dg.Definitions(assets=[assets], jobs=[job], schedules=schedules)


class _Run:
    """One run: a sync if all tables are asked for, else a load of those that are; then marts and checks that are asked for."""

    def __init__(self, known: Graph, target: Target, context: dg.AssetExecutionContext, *, repair: bool) -> None:
        self._graph = known
        self._target = target
        self._context = context
        self._repair = repair
        self._assets = context.selected_asset_keys
        self._checks = context.selected_asset_check_keys

    def results(self) -> Iterator[Result]:
        """Results that were asked for, each after those of what it depends on."""
        for result in self._all():
            if isinstance(result, dg.AssetCheckResult):
                if any((key.asset_key, key.name) == (result.asset_key, result.check_name) for key in self._checks):
                    yield result
            elif result.asset_key in self._assets:
                yield result

    def _all(self) -> Iterator[Result]:
        tables = [name for name, spec in self._graph.tables.items() if spec.key in self._assets]
        if len(tables) == len(self._graph.tables):
            yield from self._sync()
        elif tables:
            streams = list(dict.fromkeys(stream_of()[name] for name in tables))
            report = load(streams, self._target, on_step=self._context.log.info)
            yield from results.loaded(self._graph, report)
        elif self._is_compared():
            yield from self._compare()
        if self._is_built():
            yield from self._build()

    def _sync(self) -> Iterator[Result]:
        # The marts are built apart, for the counts of a build that fails.
        report = sync(self._target, repair=self._repair, build_marts=False, on_step=self._context.log.info)
        if report.lost or report.load is None or report.sweep is None:
            raise dg.Failure(
                f"This token sees less than an earlier one: {'; '.join(report.lost)}. Nothing was moved. Use a token that sees "
                "what the earlier one saw; or, if this is intended, run `dlt-harvest sync --accept-access`.",
                allow_retries=False,
            )
        for outcome in report.load.skipped:
            self._context.log.info(f"{outcome.stream} was skipped: {outcome.reason}")
        for line in report.sweep.stopped:
            self._context.log.warning(line)
        yield from results.loaded(self._graph, report.load)
        yield from results.swept(self._graph, report.load, report.sweep)
        if report.verify:
            yield from results.compared(self._graph, report.verify, self._target.dataset_name)

    def _is_compared(self) -> bool:
        specs = (*self._graph.reports.values(), self._graph.rows)
        return any(spec.key in self._checks for spec in specs)

    def _compare(self) -> Iterator[Result]:
        report = verify(self._target, on_step=self._context.log.info)
        yield from results.compared(self._graph, report, self._target.dataset_name)

    def _is_built(self) -> bool:
        is_asked = any(spec.key in self._assets for spec in self._graph.marts.values())
        # Checks of the marts are made while these are built.
        return is_asked or any(spec.key in self._checks for spec, _ in self._graph.rules.values())

    def _build(self) -> Iterator[Result]:
        try:
            report = build(self._target, on_step=self._context.log.info)
        except BuildFailed as failed:
            if failed.report:
                yield from results.built(self._graph, failed.report)
            raise
        yield from results.built(self._graph, report)


@contextmanager
def _failures_told() -> Iterator[None]:
    """Fail a run with the message of the command, without the traceback: causes may hold what no log should."""
    try:
        yield
    except HarvestError as error:
        raise dg.Failure("\n".join(printable_lines(str(error))), allow_retries=False) from None
    except DltException as error:
        raise dg.Failure("\n".join(printable_lines(f"{type(error).__name__}: {error}"))) from None
