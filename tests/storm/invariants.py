"""Invariants that hold after every step, whatever the events. Each yields its violations."""

from __future__ import annotations

import gzip
import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from harvest_time_tracking import STREAMS
from storm.history import DEFAULT, History
from storm.snapshot import Row, Snapshot


@dataclass(frozen=True)
class Step:
    """Evidence to check after a step.

    Attributes:
        before: database at the start of the step.
        after: database at its end.
        chronicle: history of the account.
        began: number of the first state that the step could have seen.
        said: everything that the runs of the step printed, logged and reported.
        folder: folder with all files of the runs.
        secrets: the token and other secrets.
        codes: exit codes of the runs; None for killed ones.
        is_whole: whether a full sync succeeded while Harvest did not change.
        marts: tables of the marts, if the step was to end with building them.
    """

    before: Snapshot
    after: Snapshot
    chronicle: History
    began: int
    said: str
    folder: Path
    secrets: tuple[str, ...]
    codes: tuple[int | None, ...] = ()
    is_whole: bool = False
    marts: Snapshot | None = None


Law = Callable[[Step], Iterator[str]]


def no_invented_row(step: Step) -> Iterator[str]:
    """Every row, with its lists, is a version that Harvest had; denormalised copies are compared after recovery."""
    for stream in DEFAULT:
        for key, _, own in step.after.records(stream):
            versions = step.chronicle.versions.get((stream, key))
            if versions is None:
                yield f"{stream} {key} never was in Harvest"
            elif own not in versions:
                nearest = min(versions, key=lambda version: len(own[0] ^ version[0]) + len(own[1] ^ version[1]))
                here, there = own[0] - nearest[0] or own[1] - nearest[1], nearest[0] - own[0] or nearest[1] - own[1]
                yield f"{stream} {key} never looked like this: here {sorted(map(str, here))}, there {sorted(map(str, there))}"


def no_doubled_key(step: Step) -> Iterator[str]:
    """Keys are unique; child rows have an existing parent row, and each list index occurs once."""
    for stream in DEFAULT:
        for key, count in Counter(step.after.keys[stream]).items():
            if count > 1:
                yield f"{stream} {key} is there {count} times"
        table = STREAMS[stream].table_name
        parents = {row.get("_dlt_id") for row in step.after.tables.get(table, ())}
        for name in step.after.children_of(table):
            rows = step.after.tables[name]
            orphans = [row for row in rows if row["_dlt_parent_id"] not in parents]
            if orphans:
                yield f"{name}: {len(orphans)} rows of no record"
            places = Counter((row["_dlt_parent_id"], row["_dlt_list_idx"]) for row in rows)
            if doubled := [place for place, count in places.items() if count > 1]:
                yield f"{name}: places taken twice: {doubled[:3]}"
    moved = Counter((row["table_name"], row["row_key"]) for row in _deletions(step.after))
    for key, count in moved.items():
        if count > 1:
            yield f"harvest_deletions has {key} {count} times"


def no_deletion_of_what_lives(step: Step) -> Iterator[str]:
    """Rows that existed before, and in Harvest during the whole step, still exist and are not recorded as deleted."""
    told_before = {(row["table_name"], row["row_key"], row["run_id"]) for row in _deletions(step.before)}
    told = {(row["table_name"], row["row_key"], row["run_id"]) for row in _deletions(step.after)} - told_before
    for stream in DEFAULT:
        alive = step.chronicle.always_alive(stream, step.began)
        for key in (set(step.before.keys[stream]) - set(step.after.keys[stream])) & alive:
            yield f"{stream} {key} lives and was taken away"
        living = {"/".join(map(str, key)): key for key in alive}
        for table, row_key, _ in told:
            if table == STREAMS[stream].table_name and row_key in living:
                yield f"{stream} {row_key} lives, and harvest_deletions says that it vanished"


def _deletions(stock: Snapshot) -> list[Row]:
    return stock.tables.get("harvest_deletions", [])


def no_cursor_past_what_is_stored(step: Step) -> Iterator[str]:
    """Records that Harvest showed before a stream's cursor are stored, at least as new, unless deleted since.

    For a run with restricted access from start to end, these are the records in its responses.
    """
    chronicle = step.chronicle
    for stream, position in step.after.positions.items():
        if "cursor" not in position or stream not in DEFAULT:
            continue
        at = datetime.fromisoformat(position["cursor"]).timestamp()
        partial = chronicle.partial_at(at)
        number = partial.moment if partial else chronicle.before(at)
        if number is None:
            continue
        seen = chronicle.moments[number].alive[stream]
        here = {key: row.get("updated_at") for key, row, _ in step.after.records(stream)}
        # An assignment disappears while its project is archived.
        owed = chronicle.always_alive(stream, number)
        for key in owed & partial.heard.get(stream, set()) if partial else owed:
            updated_at = seen[key]
            if key not in here:
                yield f"{stream} {key} was there before the position {position['cursor']}, and is not here"
            # A change that is committed late may set `updated_at` back, and a later one forward again.
            elif updated_at and here[key] < datetime.fromisoformat(
                min(moment.alive[stream][key] or updated_at for moment in chronicle.moments[number:])
            ):
                yield f"{stream} {key} changed at {updated_at}, before the position {position['cursor']}: {here[key]}"


def no_secret_anywhere(step: Step) -> Iterator[str]:
    """No output, file or table contains the token or the database's password."""
    for secret in step.secrets:
        if secret in step.said:
            yield "a secret was said"
        for path in sorted(step.folder.rglob("*")):
            if path.is_file() and any(secret.encode() in held for held in _unpacked(path)):
                yield f"a secret is in {path.relative_to(step.folder)}"
        for table, rows in step.after.tables.items():
            if secret in repr(rows):
                yield f"a secret is in the table {table}"


def _unpacked(path: Path) -> Iterator[bytes]:
    held = path.read_bytes()
    yield held
    if held[:2] == b"\x1f\x8b":
        yield gzip.decompress(held)
    elif held[:4] == b"PAR1" == held[-4:]:
        yield repr(pq.read_table(io.BytesIO(held)).to_pylist()).encode()


def no_unclear_end(step: Step) -> Iterator[str]:
    """A run that was not killed succeeds (0), fails with a message (1), or needs attention (3)."""
    for code in step.codes:
        if code not in (None, 0, 1, 3):
            yield f"a run ended with {code}: {step.said[-3_000:]}"


def nothing_missing_nothing_left_over(step: Step) -> Iterator[str]:
    """After a full sync while Harvest did not change, the tables have exactly the records that Harvest has."""
    if not step.is_whole:
        return
    for stream in DEFAULT:
        here, there = set(step.after.keys[stream]), set(step.chronicle.moments[-1].alive[stream])
        if here != there:
            yield f"{stream}: left over {sorted(here - there)[:5]}, missing {sorted(there - here)[:5]}"


def nothing_billed_by_what_is_gone(step: Step) -> Iterator[str]:
    """After a full sync while Harvest did not change, no work is billed by a deleted invoice, although no `updated_at` shows that."""
    if not step.is_whole:
        return
    invoices = {key[0] for key in step.after.keys["invoices"]}
    for stream in ("time_entries", "expenses"):
        billed = {row.get("invoice__id") for row in step.after.tables.get(STREAMS[stream].table_name, ())}
        if gone := billed - invoices - {None}:
            yield f"{stream}: billed by the invoices {sorted(gone)}, which are gone"


# Warnings of the build about sums that do not match or records that are incomplete. The others are about how people use
# Harvest: time marked as invoiced by hand, a rate restated.
CONSERVED = (
    *("invoice_amount", "invoice_due", "invoice_line_amount", "receivable_end"),
    *("entry_of_another_client", "invoice_in_another_currency", "rates_overlap", "unlisted"),
)


def nothing_lost_on_the_way_to_the_marts(step: Step) -> Iterator[str]:
    """The marts are built from the last load, and by all of their checks nothing of Harvest's tables is missing in them."""
    if step.marts is None:
        return
    runs = step.after.tables.get("harvest_runs", ())
    last = max((row["ended_at"] for row in runs if row["outcome"] == "complete"), default=None)
    built = [row["loaded_at"] for row in step.marts.tables.get("dim_account", ())]
    if built != [last]:
        yield f"the marts are of {built}, the last load of {last}: {step.said[-3_000:]}"
    for row in step.marts.tables.get("mart_data_quality", ()):
        if row["row_count"] and (row["severity"] == "error" or row["finding"] in CONSERVED):
            yield f"{row['finding']} finds {row['row_count']} rows. {row['words']} {row['query']}"


LAWS: tuple[Law, ...] = (
    no_invented_row,
    no_doubled_key,
    no_deletion_of_what_lives,
    no_cursor_past_what_is_stored,
    no_secret_anywhere,
    no_unclear_end,
    nothing_missing_nothing_left_over,
    nothing_billed_by_what_is_gone,
    nothing_lost_on_the_way_to_the_marts,
)


def broken(step: Step) -> list[str]:
    """All violations of all invariants, with the invariant's name."""
    return [f"{law.__name__}: {breach}" for law in LAWS for breach in law(step)]
