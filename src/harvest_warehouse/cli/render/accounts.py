"""Render the summary of a run over several accounts for a terminal. Prints nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from harvest_warehouse.cli.render.tables import plain_table

_OUTCOMES = {0: ("done", "green"), 3: ("needs attention", "yellow")}


@dataclass(frozen=True)
class AccountRow:
    """How one account went: what it is called, the exit code, and counts."""

    called: str
    exit_code: int
    rows: int = 0
    requests: int = 0
    seconds: float = 0.0


def accounts_table(rows: Iterable[AccountRow]) -> Table:
    """Table of the accounts, one line for each."""
    table = plain_table("account", "outcome", "rows", "requests", "seconds")
    for one in rows:
        word, style = _OUTCOMES.get(one.exit_code, ("failed", "bold red"))
        table.add_row(Text(one.called), Text(word, style), f"{one.rows:,}", f"{one.requests:,}", f"{one.seconds:.1f}")
    return table
