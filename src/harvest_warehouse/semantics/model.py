"""Read the semantic model (semantic.yml): metrics, relationships, questions, and units of columns. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import yaml

from harvest_warehouse.alerts.catalogue import ALERTS
from harvest_warehouse.alerts.settings import AlertSettings

FILE = Path(__file__).with_name("semantic.yml")

Unit = Literal["money", "home_money", "by_unit", "hours", "share", "days", "count", "date", "text"]
Additivity = Literal["full", "stock", "none"]

# Of an alert's line and its rows; they are not parameters of a question.
_ALERTS = MappingProxyType({alert.name: alert for alert in ALERTS})


@dataclass(frozen=True)
class Proof:
    """Reports of Harvest's that state a metric.

    Attributes:
        reports: paths of the reports, each by another subject (projects, people, tasks, categories).
        measure: their column.
        of_fixed_fees: their column for projects with a fixed fee, if it is another one; else empty.
    """

    reports: tuple[str, ...]
    measure: str
    of_fixed_fees: str = ""

    @property
    def measures(self) -> tuple[str, ...]:
        """Columns of the reports that state it together."""
        return (self.measure, self.of_fixed_fees) if self.of_fixed_fees else (self.measure,)


@dataclass(frozen=True)
class Part:
    """Rows that a metric is made of.

    Attributes:
        table: table with a row for each of Harvest's, where there is one.
        column: what each row contributes.
        condition: SQL condition for the rows that count; empty for all.
    """

    table: str
    column: str
    condition: str


@dataclass(frozen=True)
class Metric:
    """Definition of a metric.

    Attributes:
        name: identifier.
        words: what it measures.
        table: table of the marts.
        column: column to add up; the numerator of a ratio.
        by: denominator of a ratio; None for a sum.
        less: column to take off the numerator of a ratio; empty for none.
        condition: SQL condition for the rows that count; empty for all.
        unit: unit of its values.
        additive: `full` (over everything but currency), `stock` (not over time) or `none` (a ratio).
        time: column that a period applies to; None for a metric of now.
        dimensions: columns to group and filter by, of the table or of a related one.
        synonyms: other words for it.
        proof: reports of Harvest's that state it; None if there is none.
        parts: rows that it is made of: of a ratio, those of its numerator.
        needs: streams that it is computed from.
        not_for: what it must not be used for.
        is_by_currency: whether every value needs its currency beside it.
    """

    name: str
    words: str
    table: str
    column: str
    by: str | None
    condition: str
    unit: Unit
    additive: Additivity
    time: str | None
    dimensions: tuple[str, ...]
    synonyms: tuple[str, ...]
    proof: Proof | None
    parts: tuple[Part, ...]
    needs: tuple[str, ...]
    not_for: str
    is_by_currency: bool
    less: str = ""

    @property
    def split_by(self) -> tuple[str, ...]:
        """Columns that every query of this metric is grouped by, since its values cannot be added across them."""
        return ("budget_unit", "currency") if self.unit == "by_unit" else ("currency",) if self.is_by_currency else ()


@dataclass(frozen=True)
class Relationship:
    """Join from many rows of a table to one of another, by columns beside `account_id`."""

    table: str
    to: str
    on: Mapping[str, str]


@dataclass(frozen=True)
class Question:
    """Question in words with its SQL.

    Attributes:
        name: identifier.
        asks: the question, in the words of people.
        sql: select statement in DuckDB's SQL on `marts.`, with `:name` for each parameter.
        params: default of each parameter.
        same_as: query of the dashboard that gives the same rows; else empty.
        alert: alert that the statement is taken from; else empty.
    """

    name: str
    asks: tuple[str, ...]
    sql: str
    params: Mapping[str, object] = field(default_factory=dict)
    same_as: str = ""
    alert: str = ""


@dataclass(frozen=True)
class SemanticModel:
    """The semantic model.

    Attributes:
        metrics: metrics by name.
        relationships: joins from facts to dimensions.
        questions: questions by name.
        units: unit by name of a column.
        exceptions: units by table and column, where these differ.
        currency_columns: names of columns with a currency.
        currency_keys: names of keys of which each has one currency.
        client_keys: names of keys of clients; each has one currency, except in `documents`.
        documents: tables whose currency need not be the client's.
    """

    metrics: Mapping[str, Metric]
    relationships: tuple[Relationship, ...]
    questions: Mapping[str, Question]
    units: Mapping[str, Unit]
    exceptions: Mapping[str, Mapping[str, Unit]]
    currency_columns: frozenset[str]
    currency_keys: frozenset[str]
    client_keys: frozenset[str]
    documents: frozenset[str]

    def unit_of(self, table: str, column: str) -> Unit | None:
        """Unit of a table's column; None if it has none."""
        return self.exceptions.get(table, {}).get(column) or self.units.get(column)

    def determines_currency(self, table: str, column: str) -> bool:
        """True if rows of a table with the same value in this column all have one currency."""
        if column in self.currency_columns or column in self.currency_keys:
            return True
        return column in self.client_keys and table not in self.documents


@cache
def semantic_model() -> SemanticModel:
    """The semantic model of the marts."""
    said = written()
    units: dict[str, Unit] = {column: unit for unit, columns in said["units"].items() for column in columns.split()}
    currency = said["currency"]
    return SemanticModel(
        MappingProxyType({name: _metric(name, one) for name, one in said["metrics"].items()}),
        tuple(Relationship(one["from"], one["to"], MappingProxyType(one["join"])) for one in said["relationships"]),
        MappingProxyType({name: _question(name, one) for name, one in said["questions"].items()}),
        MappingProxyType(units),
        MappingProxyType(said["exceptions"]),
        frozenset(currency["columns"]),
        frozenset(currency["keys"]),
        frozenset(currency["client_keys"]),
        frozenset(currency["documents"]),
    )


def written() -> dict[str, Any]:
    """Content of semantic.yml, as it is written."""
    read: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return read


def _metric(name: str, said: Mapping[str, Any]) -> Metric:
    divide = said.get("divide", {})
    proof = said.get("proven_by")
    return Metric(
        name,
        said["words"],
        said["table"],
        divide.get("sum") or said["sum"],
        divide.get("by"),
        said.get("where", ""),
        said["unit"],
        said["additive"],
        said.get("time"),
        tuple(said["dimensions"]),
        tuple(said["synonyms"]),
        Proof(tuple(proof["reports"]), proof["measure"], proof.get("of_fixed_fees", "")) if proof else None,
        tuple(_parts(said, divide.get("sum") or said["sum"])),
        tuple(said["needs"]),
        said["not_for"],
        said["unit"] in ("money", "by_unit") or said.get("currency") == "grouped",
        divide.get("less", ""),
    )


def _parts(said: Mapping[str, Any], column: str) -> Iterator[Part]:
    own = {"table": said["table"], "sum": column, "where": said.get("where", "")}
    for part in said.get("made_of", [own]):
        yield Part(part["table"], part["sum"], part.get("where", ""))


def _question(name: str, said: Mapping[str, Any]) -> Question:
    asks, params = tuple(said["asks"]), dict(said.get("params", {}))
    alert = said.get("alert", "")
    if not alert:
        return Question(name, asks, said["sql"], MappingProxyType(params), said.get("same_as", ""))
    query = _ALERTS[alert].query
    thresholds = {name: value for name, value in AlertSettings().values().items() if f":{name}" in query}
    return Question(name, asks, query, MappingProxyType(thresholds), alert=alert)
