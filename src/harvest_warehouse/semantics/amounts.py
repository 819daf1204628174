"""What is known of the columns of a statement: which are amounts, and which say or determine their currency. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from harvest_warehouse.semantics.model import SemanticModel, Unit


@dataclass(frozen=True)
class Rule:
    """What must not be mixed.

    Attributes:
        what: name of it, in messages.
        reason: why an aggregate of rows is refused.
        units: units of columns that are traced.
        labels: columns that say which of them a row is in.
        determines: whether all rows with the same value of a column are in one, by table and column.
        exempt: labels of other rules, with values that exempt a row.
    """

    what: str
    reason: str
    units: frozenset[Unit]
    labels: frozenset[str]
    determines: Callable[[str, str], bool]
    exempt: Mapping[str, str] = field(default_factory=dict)


def rules(model: SemanticModel) -> tuple[Rule, ...]:
    """What must not be mixed: currencies, and budgets in hours with those in money."""
    is_key = model.currency_keys | {"budget_unit"}
    return (
        Rule(
            "currencies",
            "its rows are in different currencies",
            frozenset({"money", "by_unit"}),
            model.currency_columns,
            model.determines_currency,
            {"budget_unit": "hours"},
        ),
        Rule(
            "hours and money",
            "some of its rows are in hours and some in money",
            frozenset({"by_unit"}),
            frozenset({"budget_unit"}),
            lambda _, column: column in is_key,
        ),
    )


@dataclass(frozen=True)
class Amount:
    """Where an expression's amounts have their currency from.

    Attributes:
        sources: aliases of the tables whose rows have the currency.
        fixed: currencies that conditions fix.
    """

    sources: frozenset[str] = frozenset()
    fixed: frozenset[str] = frozenset()

    def __or__(self, other: Amount) -> Amount:
        return Amount(self.sources | other.sources, self.fixed | other.fixed)


@dataclass
class Output:
    """Column of a table or query: whether it is an amount (and in which fixed currency), or determines the currency."""

    is_amount: bool = False
    fixed: frozenset[str] = frozenset()
    determines: bool = False
    is_label: bool = False
    exempt: str = ""


Outputs = dict[str, Output]


@dataclass
class Scope:
    """Sources of one select: outputs by alias, sources that are joined by the currency or a key, fixed currencies by alias."""

    sources: dict[str, Outputs] = field(default_factory=dict)
    together: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, frozenset[str]] = field(default_factory=dict)
    exempt: set[str] = field(default_factory=set)

    def root(self, alias: str) -> str:
        """Source that stands for all that are joined with this one."""
        while self.together.get(alias, alias) != alias:
            alias = self.together[alias]
        return alias

    def join(self, one: str, other: str) -> None:
        """Note that joined rows of two sources are in one currency."""
        self.together[self.root(one)] = self.root(other)

    def source_of(self, column: exp.Column) -> str | None:
        """Alias of the source that a column is of; None if it is of none."""
        if column.table:
            return next((alias for alias in self.sources if alias.lower() == column.table.lower()), None)
        return next((alias for alias, outputs in self.sources.items() if column.name.lower() in outputs), None)

    def output_of(self, column: exp.Column) -> tuple[str, Output] | None:
        """Source of a column, and what is known of it there."""
        alias = self.source_of(column)
        output = self.sources[alias].get(column.name.lower()) if alias else None
        return (alias, output) if alias and output else None


def has_amounts(outputs: Outputs) -> bool:
    """True if one of the columns is an amount."""
    return any(one.is_amount for one in outputs.values())


def renamed(alias: exp.Expr | None, outputs: Outputs) -> Outputs:
    """Outputs under the names of an alias, such as `t(a, b)`; the rest keep theirs."""
    names = [column.name.lower() for column in alias.args.get("columns") or ()] if alias else []
    rest = list(outputs)[len(names) :]
    return {**dict(zip(names, outputs.values(), strict=False)), **{name: outputs[name] for name in rest}}


def united(one: Outputs, other: Outputs) -> Outputs:
    """Columns of a union, by position."""
    made: Outputs = {}
    for (name, here), there in zip(one.items(), other.values(), strict=False):
        same = here.fixed == there.fixed
        made[name] = Output(
            here.is_amount or there.is_amount,
            here.fixed if same else frozenset(),
            here.determines and there.determines,
            here.is_label and there.is_label,
        )
    return made
