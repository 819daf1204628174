"""Shorten long lists in charts: keep the first few labels, and sum up all others as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from harvest_warehouse.dashboard.formatting import count
from harvest_warehouse.dashboard.reader import Row


def named(rows: Sequence[Row], name: str, key: str) -> list[Row]:
    """Add a unique `label` to each row: the name, followed by the id if several keys share the name."""
    keys = {(row[name], row[key]) for row in rows}
    taken = Counter(text for text, _ in keys)
    return [{**row, "label": row[name] if taken[row[name]] == 1 else f"{row[name]} ({row[key]})"} for row in rows]


def ranked(rows: Sequence[Row], size: Callable[[list[Row]], Any]) -> list[str]:
    """Sort the labels by the size of their rows, largest first."""
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        by_label.setdefault(row["label"], []).append(row)
    return sorted(by_label, key=lambda label: size(by_label[label]), reverse=True)


def top(rows: Sequence[Row], labels: Sequence[str], limit: int, sums: Sequence[str], by: str, one: str) -> list[Row]:
    """Keep the rows of the first `limit` labels, and sum up those of all others under one label for each value of `by`.

    Args:
        rows: rows with a `label`.
        labels: all labels, in the order of the chart.
        limit: number of labels to keep; if only one other is left, it is kept too.
        sums: columns to add up.
        by: column that rows are grouped by besides the label.
        one: noun for a label (`client`).
    """
    if len(labels) <= limit + 1:
        return sorted(rows, key=lambda row: labels.index(row["label"]))
    kept = {label: place for place, label in enumerate(labels[:limit])}
    others: dict[Any, Row] = {}
    for row in rows:
        if row["label"] not in kept:
            group = others.setdefault(
                row[by],
                {by: row[by], "label": f"{count(len(labels) - limit, f'other {one}')}"}
                | dict.fromkeys(sums, Decimal(0)),
            )
            for name in sums:
                group[name] += row[name] or 0
    alone = sorted((row for row in rows if row["label"] in kept), key=lambda row: kept[row["label"]])
    return [*alone, *others.values()]
