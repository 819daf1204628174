"""Assets and checks for Dagster: one asset for each table and mart, checks of what verify compares and of what build checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from harvest_warehouse.dagster.lineage import MARTS, RAW, Table, reads, stream_of, table_lineage
from harvest_warehouse.marts.build import QUALITY
from harvest_warehouse.marts.models import Rule, described, models, rules
from harvest_warehouse.marts.own import OwnModels
from harvest_warehouse.verify.harvest_reports import BUDGET, REPORTS, UNINVOICED

EQUAL = "equal_to_harvest"
ROWS = "rows_agree"

# The table that a report is mostly about, by the first part of the report's path.
_ABOUT = {"time": "time_entries", "expenses": "expenses", UNINVOICED: "invoices", BUDGET: "projects"}


@dataclass(frozen=True)
class Graph:
    """Assets and checks, each with the name that runs know it by.

    Attributes:
        tables: asset of each of Harvest's tables, parents first.
        marts: asset of each mart, in build order.
        equal: check of each stream, that its list was read whole and is equal to Harvest's.
        reports: check of each of Harvest's reports, by its path.
        rows: check of the rows without a report.
        rules: check of each rule of the marts, with the rule.
    """

    tables: Mapping[str, dg.AssetSpec]
    marts: Mapping[str, dg.AssetSpec]
    equal: Mapping[str, dg.AssetCheckSpec]
    reports: Mapping[str, dg.AssetCheckSpec]
    rows: dg.AssetCheckSpec
    rules: Mapping[str, tuple[dg.AssetCheckSpec, Rule]]

    @property
    def assets(self) -> list[dg.AssetSpec]:
        """All assets."""
        return [*self.tables.values(), *self.marts.values()]

    @property
    def checks(self) -> list[dg.AssetCheckSpec]:
        """All checks."""
        return [*self.equal.values(), *self.reports.values(), self.rows, *(spec for spec, _ in self.rules.values())]


def graph(prefix: Sequence[str], own: OwnModels, freshness: dg.FreshnessPolicy) -> Graph:
    """Assets and checks of an installation.

    Args:
        prefix: what the keys of all assets begin with.
        own: the user's own models.
        freshness: when an asset is late.
    """

    def key(table: Table) -> dg.AssetKey:
        schema, name = table
        return dg.AssetKey([*prefix, *([MARTS] if schema == MARTS else []), name])

    def asset(table: Table, deps: set[Table], words: str) -> dg.AssetSpec:
        return dg.AssetSpec(
            key(table),
            deps=sorted(map(key, deps)),
            description=words,
            group_name="harvest" if table[0] == RAW else "harvest_marts",
            kinds={"harvest", "sql"} if table[0] == MARTS else {"harvest"},
            freshness_policy=freshness,
            # A list that is skipped, or marts that could not be built, are not materialised.
            skippable=True,
        )

    def check(name: str, table: Table, words: str) -> dg.AssetCheckSpec:
        return dg.AssetCheckSpec(name, asset=key(table), description=words)

    words = {**described(), **own.described}
    built = [model for model in (*models(), *own.models) if model.is_kept]
    checked = [*rules(), *own.rules]
    order = [model.name for model in built]
    read_by_checks = {rule.name: reads(rule.query, own.described) for rule in checked}
    marts = {
        model.name: asset((MARTS, model.name), set(reads(model.query, own.described)), words[model.name].description)
        for model in built
    }
    findings = set().union(*read_by_checks.values())
    marts[QUALITY] = asset((MARTS, QUALITY), findings, words[QUALITY].description)

    def place(rule: Rule) -> Table:
        """The last mart that a check reads, or where findings are listed if it reads none."""
        return MARTS, max(
            (name for schema, name in read_by_checks[rule.name] if schema == MARTS), key=order.index, default=QUALITY
        )

    return Graph(
        {
            name: asset((RAW, name), {(RAW, one) for one in deps}, f"Table {name}, read from Harvest.")
            for name, deps in table_lineage().items()
        },
        marts,
        {
            name: check(EQUAL, (RAW, name), "The list was read whole, and its rows are Harvest's.")
            for name, stream in stream_of().items()
            if name == stream
        },
        {
            path: check(
                f"report_{path.replace('/', '_')}",
                (RAW, _ABOUT[path.partition("/")[0]]),
                f"Every figure of Harvest's report {path} is ours, exactly or but for a half cent rounded the other way.",
            )
            for path in REPORTS
        },
        check(ROWS, (RAW, "time_entries"), "No row is there twice, and a rounding of the account explains all hours."),
        {rule.name: (check(rule.name, place(rule), rule.words), rule) for rule in checked},
    )
