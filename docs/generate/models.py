"""The page docs/reference/models.md, from sql/models.yml."""

from __future__ import annotations

from harvest_warehouse.cli.render.tables import markdown_table
from harvest_warehouse.marts.models import Described, Rule, described, rules
from harvest_warehouse.marts.needs import MOST, needs

_HEAD = """# The marts

Written by `make docs` from the SQL files in `src/harvest_warehouse/marts/sql` and the descriptions in `models.yml` there; do not edit.
`dlt-harvest build` makes these tables in the schema `harvest_marts`. Every key begins with `account_id`. Money is exact,
never rounded before it is shown, and always in the `currency` of its row: never add rows of different currencies. Hours
are decimals. To get a ratio over several rows, add up numerators and denominators first, then divide.
"""


def models_page() -> str:
    """The page, as Markdown."""
    tables = described().values()
    listed = markdown_table(
        ("table", "grain", "what for"),
        [(f"[{table.name}](#{table.name})", table.grain, table.description) for table in tables],
    )
    parts = [_HEAD, listed, *map(_table_part, tables), _places_part(), _checks_part()]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _table_part(table: Described) -> str:
    rows = [(f"`{column}`", words) for column, words in table.columns.items()]
    key = ", ".join(f"`{column}`" for column in table.key)
    return "\n\n".join(
        [
            f"## {table.name}",
            table.description,
            f"{table.grain}. Key: {key}.",
            markdown_table(("column", "meaning"), rows),
        ]
    )


def _places_part() -> str:
    rows = [
        (f"`{table}`", ", ".join(f"`{name}`" for name in needed.has), needed.parent and f"`{needed.parent}`")
        for table, needed in needs().items()
        if needed.barring
    ]
    return "\n\n".join(
        [
            "## Rows without a place",
            "One odd row from Harvest never stops a build. A row that lacks the values named here, or whose parent row is left "
            "out, is in no table, and no figure counts it. The same goes for rows with hours or quantities of "
            f"{MOST['units']:,} or more, money of {MOST['money']:,} or more, or a timestamp outside the years 1 to 9999. The "
            "check `left_out` lists each of them, with what is odd and what it contains. `odd_value` lists rows that count, "
            "although a value in them is missing or impossible. Included and left-out rows together are exactly the rows of "
            "Harvest's tables: `conserved_rows` and the other conservation checks stop the build if they are not.",
            markdown_table(("table", "what a row needs", "and a row of"), rows),
        ]
    )


def _checks_part() -> str:
    return "\n\n".join(
        [
            "## Checks",
            "An error stops the build, and the previous marts stay. A warning depends on how Harvest behaves. A finding is "
            "something you may want to fix in Harvest. `mart_data_quality` has the number of rows that each found, and a query that "
            "shows them. Each table's key also has an error check.",
            markdown_table(("check", "severity", "what a row that it finds means"), map(_check_row, _named_rules())),
        ]
    )


def _named_rules() -> list[Rule]:
    return [rule for rule in rules() if not rule.name.startswith("key_")]


def _check_row(rule: Rule) -> tuple[str, str, str]:
    return f"`{rule.name}`", rule.severity, rule.words
