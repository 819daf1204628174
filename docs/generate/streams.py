"""The page docs/reference/streams.md, from the catalogue and the schema."""

from __future__ import annotations

from harvest_time_tracking import STREAMS, Stream, tables
from harvest_warehouse.cli.render.tables import STREAM_COLUMNS, how_kept, markdown_table, stream_rows
from harvest_warehouse.database.rereads import REREADS
from harvest_warehouse.database.runs import RUNS
from harvest_warehouse.database.system_tables import DELETIONS, SystemTable
from harvest_warehouse.database.token_access import ACCESS
from harvest_warehouse.peers.views import VIEWS
from harvest_warehouse.sync.history import history_columns, history_table
from harvest_warehouse.verify.results import RECONCILIATION, WINDOWS

OWN_TABLES = (RUNS, DELETIONS, ACCESS, REREADS, RECONCILIATION, WINDOWS, VIEWS)

_HEAD = """# Streams and tables

Written by `make docs` from the catalogue (`sources/harvest_time_tracking/catalogue.py`) and the schema file beside it; do
not edit. Each stream is loaded into the table of the same name, in the dataset `harvest_time_tracking_data`. Every column exists,
even if your account has never used it; a field that Harvest adds becomes a new column, and a value that does not fit its
column is kept as text in a column beside it (`<column>__v_text`). Nested objects become columns (`client__id`), lists become
separate tables (`invoices__line_items`), and every row has its `account_id`. Money and hours are exact decimals, dates are
dates, and timestamps are UTC.
"""


def streams_page() -> str:
    """The page, as Markdown."""
    links = [(f"[{name}](#{name})", *rest) for name, *rest in stream_rows()]
    parts = [
        _HEAD,
        markdown_table(STREAM_COLUMNS, links),
        *map(_stream_part, STREAMS.values()),
        _history_part(),
        *map(_own_part, OWN_TABLES),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _stream_part(stream: Stream) -> str:
    facts = [
        ("endpoint", f"[`GET /v2/{stream.path}`]({stream.docs})"),
        ("table", f"`{stream.table_name}`"),
        ("key", ", ".join(f"`{column}`" for column in stream.key)),
        ("updated", how_kept(stream)),
        ("permission", stream.permission),
        ("feature", f"`company.{stream.feature}`" if stream.feature else "none"),
        ("read", "by default" if stream.is_default else "only when named"),
    ]
    if stream.kept:
        columns = ", ".join(f"`{column}`" for column in stream.kept)
        facts.append(("kept as [history](#history)", f"{columns} in `{history_table(stream)}`"))
    lines = [f"## {stream.name}", tables()[stream.table_name].description, "\n".join(f"- {k}: {v}" for k, v in facts)]
    if stream.table:
        return "\n\n".join([*lines, f"The columns are those of [{stream.table}](#{stream.table})."])
    return "\n\n".join([*lines, *_table_parts(stream.table_name, is_child=False)])


def _table_parts(name: str, *, is_child: bool) -> list[str]:
    table = tables()[name]
    rows = [(f"`{column.name}`", column.data_type, column.description) for column in table.columns.values()]
    head = [f"### {name}", table.description] if is_child else []
    parts = [*head, markdown_table(("column", "type", "meaning"), rows)]
    for child in table.lists:
        parts += _table_parts(f"{name}__{child}", is_child=True)
    return parts


def _history_part() -> str:
    kept = [stream for stream in STREAMS.values() if stream.kept]
    columns = history_columns(kept[0])
    common = [name for name in columns if all(name in history_columns(stream) for stream in kept)]
    words = {
        name: columns[name] if name != "id" else ("bigint", "The record, in Harvest; rates have their `user_id`, too")
        for name in common
    }
    return "\n\n".join(
        [
            "## history",
            "Harvest knows only the current values of these columns. Each `sync` compares them with the last known version; a "
            "difference becomes a new version of the record, valid from the start of that run.",
            markdown_table(
                ("table", "its columns, in addition to those below"),
                [(f"`{history_table(stream)}`", ", ".join(f"`{name}`" for name in stream.kept)) for stream in kept],
            ),
            markdown_table(("column", "type", "meaning"), [(f"`{name}`", *facts) for name, facts in words.items()]),
        ]
    )


def _own_part(table: SystemTable) -> str:
    rows = [(f"`{name}`", data_type, description) for name, data_type, description in table.columns]
    return "\n\n".join(
        [
            f"## {table.name}",
            f"A table of dlt-harvest's own. {table.description}.",
            f"Key: {', '.join(f'`{column}`' for column in table.key)}.",
            markdown_table(("column", "type", "meaning"), rows),
        ]
    )
