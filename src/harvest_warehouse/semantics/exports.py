"""Write the semantic model in other forms: Markdown, Open Semantic Interchange (OSI), Snowflake semantic views. Pure."""

from __future__ import annotations

import json
from typing import Any, Literal

import sqlglot
import yaml

from harvest_warehouse.marts.models import Described, described
from harvest_warehouse.semantics.model import (
    Metric,
    Proof,
    Question,
    Relationship,
    SemanticModel,
    semantic_model,
    written,
)

Form = Literal["yaml", "markdown", "osi", "snowflake"]

OSI_VERSION = "0.2.0.dev0"
"""Version of the draft of Open Semantic Interchange that `osi` follows: https://github.com/open-semantic-interchange/OSI"""

_NAME = "harvest"
_ABOUT = "A Harvest account: time, projects, people, expenses, invoices, estimates."
_RULES = (
    "Never add amounts in different currencies: every amount is in the `currency` of its row.",
    "To get a ratio over several rows, add up numerators and denominators first, then divide.",
    "Budgets are in hours or in money, as `budget_unit` says.",
)


def exported(form: Form) -> str:
    """The semantic model in one of the forms."""
    model = semantic_model()
    if form == "markdown":
        return markdown(model)
    if form == "osi":
        return _dumped(_osi(model))
    if form == "snowflake":
        return _dumped(_snowflake(model))
    return _dumped(_whole(model))


def markdown(model: SemanticModel) -> str:
    """The model in about 6 KB, for an agent's context: rules, metrics, names of questions."""
    metrics = [
        f"- `{metric.name}` ({_unit(metric)}): {metric.words}.{_now(metric)} Not for: {metric.not_for}."
        for metric in model.metrics.values()
    ]
    questions = ", ".join(f"`{name}`" for name in model.questions)
    rules = "\n".join(f"- {rule}" for rule in _RULES)
    return f"# Metrics\n\n{rules}\n\n" + "\n".join(metrics) + f"\n\nQuestions with verified SQL: {questions}.\n"


def statement_of(metric: Metric) -> str:
    """Formula of a metric over its table, in SQL."""
    total = f"(sum({metric.column}) - sum({metric.less}))" if metric.less else f"sum({metric.column})"
    return f"{total} / nullif(sum({metric.by}), 0)" if metric.by else total


def _unit(metric: Metric) -> str:
    by = ", ".join(metric.split_by)
    return metric.unit.replace("_", " ") + (f", by {by}" if by else "")


def _now(metric: Metric) -> str:
    return " As of now." if metric.time is None else ""


def _whole(model: SemanticModel) -> dict[str, Any]:
    """The file itself, with the SQL of alerts in their place."""
    said = written()
    for name, question in model.questions.items():
        said["questions"][name] = _question(question)
    return said


def _question(question: Question) -> dict[str, Any]:
    made: dict[str, Any] = {"asks": list(question.asks), "sql": _pretty(question.sql)}
    if question.params:
        made["params"] = {name: _plain(value) for name, value in question.params.items()}
    return made


def _osi(model: SemanticModel) -> dict[str, Any]:
    return {
        "version": OSI_VERSION,
        "semantic_model": [
            {
                "name": _NAME,
                "description": _ABOUT,
                "ai_context": {
                    "instructions": " ".join(_RULES),
                    "examples": [ask for question in model.questions.values() for ask in question.asks],
                },
                "datasets": [_dataset(model, table) for table in described().values()],
                "relationships": [_relationship(one) for one in model.relationships],
                "metrics": [_osi_metric(metric) for metric in model.metrics.values()],
                "custom_extensions": [
                    {
                        "vendor_name": "COMMON",
                        "data": json.dumps(
                            {"questions": {name: _question(one) for name, one in model.questions.items()}}
                        ),
                    }
                ],
            }
        ],
    }


def _dataset(model: SemanticModel, table: Described) -> dict[str, Any]:
    return {
        "name": table.name,
        "source": f"harvest_marts.{table.name}",
        "primary_key": list(table.key),
        "description": f"{table.description} {table.grain}.",
        "fields": [
            {
                "name": column,
                "expression": {"dialects": [{"dialect": "ANSI_SQL", "expression": column}]},
                "dimension": {"is_time": _is_time(column)},
                "description": f"{words} ({unit})" if (unit := model.unit_of(table.name, column)) else words,
            }
            for column, words in table.columns.items()
        ],
    }


def _relationship(one: Relationship) -> dict[str, Any]:
    return {
        "name": f"{one.table}_to_{one.to}",
        "from": one.table,
        "to": one.to,
        "from_columns": ["account_id", *one.on],
        "to_columns": ["account_id", *one.on.values()],
    }


def _osi_metric(metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "expression": {"dialects": [{"dialect": "ANSI_SQL", "expression": _qualified(metric)}]},
        "description": f"{metric.words}. Not for: {metric.not_for}.",
        "ai_context": {"synonyms": list(metric.synonyms)},
        "custom_extensions": [{"vendor_name": "COMMON", "data": json.dumps(_facts(metric))}],
    }


def _facts(metric: Metric) -> dict[str, Any]:
    return {
        "unit": metric.unit,
        "additive": metric.additive,
        "always_grouped_by": list(metric.split_by),
        "dimensions": list(metric.dimensions),
        "proven_by": _proof(metric.proof) if metric.proof else None,
    }


def _proof(proof: Proof) -> dict[str, Any]:
    beside = {"measure_of_fixed_fees": proof.of_fixed_fees} if proof.of_fixed_fees else {}
    return {"reports": list(proof.reports), "measure": proof.measure, **beside}


def _snowflake(model: SemanticModel) -> dict[str, Any]:
    """A semantic model for Cortex Analyst: https://docs.snowflake.com/en/user-guide/views-semantic/semantic-view-yaml-spec"""
    return {
        "name": _NAME,
        "description": _ABOUT,
        "tables": [_snowflake_table(model, table) for table in described().values()],
        "relationships": [
            {
                "name": f"{one.table}_to_{one.to}",
                "left_table": one.table,
                "right_table": one.to,
                "relationship_columns": [
                    {"left_column": left, "right_column": right}
                    for left, right in {"account_id": "account_id", **one.on}.items()
                ],
            }
            for one in model.relationships
        ],
        "verified_queries": [
            {"name": name, "question": ask, "sql": _for_snowflake(question)}
            for name, question in model.questions.items()
            for ask in question.asks[:1]
        ],
        "custom_instructions": " ".join(_RULES),
    }


def _snowflake_table(model: SemanticModel, table: Described) -> dict[str, Any]:
    facts = [column for column in table.columns if model.unit_of(table.name, column) is not None]
    times = [column for column in table.columns if _is_time(column)]
    rest = [column for column in table.columns if column not in {*facts, *times}]

    def listed(columns: list[str], kind: str) -> list[dict[str, str]]:
        return [
            {"name": column, "expr": column, "description": table.columns[column], "data_type": kind}
            for column in columns
        ]

    made: dict[str, Any] = {
        "name": table.name,
        "description": f"{table.description} {table.grain}.",
        "base_table": {"database": "<database>", "schema": "HARVEST_MARTS", "table": table.name.upper()},
        "primary_key": {"columns": list(table.key)},
        "dimensions": listed(rest, "VARCHAR"),
        "time_dimensions": listed(times, "DATE"),
        "facts": listed(facts, "NUMBER(38,9)"),
        "metrics": [
            {
                "name": metric.name,
                "expr": _qualified(metric),
                "description": f"{metric.words}. Not for: {metric.not_for}.",
                "synonyms": list(metric.synonyms),
            }
            for metric in model.metrics.values()
            if metric.table == table.name
        ],
    }
    return {name: value for name, value in made.items() if value}


def _qualified(metric: Metric) -> str:
    def total(column: str) -> str:
        value = f"{metric.table}.{column}"
        return f"sum(case when {metric.condition} then {value} end)" if metric.condition else f"sum({value})"

    above = f"({total(metric.column)} - {total(metric.less)})" if metric.less else total(metric.column)
    return f"{above} / nullif({total(metric.by)}, 0)" if metric.by else above


def _is_time(column: str) -> bool:
    return column.endswith(("_date", "_at", "_on", "_start", "_end", "_day", "_from", "_to"))


def _for_snowflake(question: Question) -> str:
    """SQL of a question with the defaults of its parameters, and names of tables as in the semantic view."""
    tree = sqlglot.parse_one(question.sql, read="duckdb")
    for table in [one for one in tree.find_all(sqlglot.exp.Table) if one.db == "marts"]:
        table.set("db", None)
        table.set("this", sqlglot.exp.to_identifier(f"__{table.name}"))
    for placeholder in list(tree.find_all(sqlglot.exp.Placeholder)):
        placeholder.replace(sqlglot.exp.convert(question.params[placeholder.name]))
    return tree.sql("snowflake", pretty=True)


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, int | str) else float(str(value))


def _pretty(sql: str) -> str:
    return sqlglot.parse_one(sql, read="duckdb").sql("duckdb", pretty=True).replace("$", ":") + "\n"


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _dumped(value: object) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
