"""Write the descriptions of Harvest's tables and columns into the database, as comments."""

from __future__ import annotations

from hashlib import sha256

from harvest_time_tracking import tables
from harvest_warehouse.database.run import Run

# Local state: the tables and columns that were described last.
_DESCRIBED = "harvest_described"


def describe_tables(run: Run) -> None:
    """Comment on the documented tables and columns that are there; does nothing if there are no others than last time.

    A database that refuses comments is left without them.
    """
    if not run.warehouse.kind.has_comments:
        return
    schema = run.pipeline.default_schema
    known = {name: table for name, table in tables().items() if name in schema.tables}
    mark = sha256(
        repr([run.warehouse.place, *((name, sorted(schema.tables[name]["columns"])) for name in known)]).encode()
    ).hexdigest()
    if _mark(run) == mark:
        return
    with run.database() as database:
        comments = []
        there = set(database.names())
        for name, table in known.items():
            if name not in there:
                continue
            columns = set(database.columns(name))
            comments.append((name, "", table.description))
            comments += [(name, one.name, one.description) for one in table.columns.values() if one.name in columns]
        database.comment(comments)
    run.pipeline.set_local_state_val(_DESCRIBED, mark)


def _mark(run: Run) -> str | None:
    try:
        found: str = run.pipeline.get_local_state_val(_DESCRIBED)
    except KeyError:
        return None
    return found
