"""The page docs/reference/metrics.md, from semantics/semantic.yml."""

from __future__ import annotations

from harvest_warehouse.cli.render.tables import markdown_table
from harvest_warehouse.semantics import Metric, Question, semantic_model
from harvest_warehouse.semantics.exports import statement_of

_HEAD = """# Metrics and questions

Written by `make docs` from `src/harvest_warehouse/semantics/semantic.yml`; do not edit. `dlt-harvest model` prints the same, also
as YAML, as Open Semantic Interchange and as a Snowflake semantic view. The [MCP server](../how-to/ask-with-an-agent.md)
answers by these definitions, and a test compares each with an independent computation.

Amounts are always split by currency, and budgets by their unit (hours or money) too. A metric is proven by a report of
Harvest's that `dlt-harvest verify` compares; where Harvest has no such report, nothing can prove it. A stock is of now, the day of
the last load, and cannot be added up over time. Of a ratio, add up both sides first, then divide.
"""
_ADDITIVE = {"full": "adds up over everything but currency", "stock": "as of now", "none": "a ratio"}


def metrics_page() -> str:
    """The page, as Markdown."""
    model = semantic_model()
    listed = markdown_table(
        ("metric", "unit", "what it is", "proven by"),
        [(f"[{one.name}](#{one.name})", _unit(one), one.words, _proof(one)) for one in model.metrics.values()],
    )
    joins = markdown_table(
        ("from", "to", "by"),
        [
            (f"`{one.table}`", f"`{one.to}`", ", ".join(f"`{here}` = `{there}`" for here, there in one.on.items()))
            for one in model.relationships
        ],
    )
    parts = [
        _HEAD,
        "## Metrics",
        listed,
        *map(_metric_part, model.metrics.values()),
        "## Relationships",
        "Many rows of the first table belong to one of the second. `account_id` is part of every join.",
        joins,
        "## Questions",
        "The SQL is DuckDB's, on tables of the schema `marts`, and is translated for other databases. `:name` is a parameter.",
        *map(_question_part, model.questions.values()),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _unit(metric: Metric) -> str:
    return {"by_unit": "hours or money", "home_money": "home currency"}.get(metric.unit, metric.unit)


def _proof(metric: Metric) -> str:
    return (
        f"{' and '.join(f'`{one}`' for one in metric.proof.measures)} of {', '.join(f'`{one}`' for one in metric.proof.reports)}"
        if metric.proof
        else "nothing"
    )


def _metric_part(metric: Metric) -> str:
    where = f" where `{metric.condition}`" if metric.condition else ""
    period = f"Periods are by `{metric.time}`." if metric.time else "It has no period."
    return "\n\n".join(
        [
            f"### {metric.name}",
            f"{metric.words}: `{statement_of(metric)}` of `{metric.table}`{where}.",
            f"Unit: {_unit(metric)}; {_ADDITIVE[metric.additive]}. {period} Dimensions: "
            f"{', '.join(f'`{name}`' for name in metric.dimensions)}.",
            f"Also called: {', '.join(metric.synonyms)}. Proven by: {_proof(metric)}. Not for: {metric.not_for}.",
        ]
    )


def _question_part(question: Question) -> str:
    params = ", ".join(f"`{name}` ({'none' if value is None else value})" for name, value in question.params.items())
    said = [
        f"Parameters and defaults: {params}." if params else "",
        f"The alert `{question.alert}`." if question.alert else "",
    ]
    body = "\n".join(line.removeprefix("            ") for line in question.sql.strip("\n").splitlines()).rstrip()
    return "\n\n".join(
        filter(
            None,
            [f"### {question.name}", " ".join(question.asks), " ".join(filter(None, said)), f"```sql\n{body}\n```"],
        )
    )
