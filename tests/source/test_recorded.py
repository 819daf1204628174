"""Every answer of Harvest that anybody recorded goes through the source into DuckDB and comes back whole.

The recordings lie outside the project and are not ours to copy: the samples of Harvest's documentation, and records of a
real account. A server replays them; a walk over each record, written without the source's code, compares each value.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dlt
import pytest

from harvest_time_tracking import STREAMS, Ledger, harvest_time_tracking_source, tables
from support.paths import SHARED

REAL = SHARED / "harvest-api" / "real"
SAMPLES = REAL / "docs_samples_2025-11"
SANDBOX = REAL / "sandbox_records_2024-04.jsonl"
ABSENT = f"no recorded answers here: put them into {REAL.name}/ of shared/harvest-api beside the checkout"

Record = dict[str, Any]


@dataclass(frozen=True)
class Take:
    """One recorded answer and the stream that it belongs to.

    Attributes:
        name: the file, and for records of the real account the stream and the parent.
        stream: the stream of the catalogue.
        path: where the replay serves it, below the base.
        body: what is served.
        records: what is in it, numbers with every digit.
        parent_id: in the path.
    """

    name: str
    stream: str
    path: str
    body: bytes = field(repr=False)
    records: tuple[Record, ...] = field(repr=False)
    parent_id: int | None = None

    @property
    def is_real(self) -> bool:
        """From a real account, not from the documentation."""
        return self.name.startswith("sandbox")


# Answers that no stream reads: what they are, and where the same facts come in.
NOT_READ = {"GET_invoices__invoiceId__messages__new.json": "a letter that was not written yet: a form, not a record"}

# One record or a part of a list: read with the whole list, so they are replayed as one.
AS_A_LIST = {
    "clients/{}": "clients",
    "estimate_item_categories/{}": "estimate_item_categories",
    "estimates/{}": "estimates",
    "expense_categories/{}": "expense_categories",
    "expenses/{}": "expenses",
    "invoice_item_categories/{}": "invoice_item_categories",
    "invoices/{}": "invoices",
    "roles/{}": "roles",
    "tasks/{}": "tasks",
    "time_entries/{}": "time_entries",
    "time_entries/{}/stop": "time_entries",
    "time_entries/{}/restart": "time_entries",
    "users/{}": "users",
    "users/{}/billable_rates/{}": "user_billable_rates",
    "users/{}/cost_rates/{}": "user_cost_rates",
    "projects/{}/task_assignments": "task_assignments",
    "projects/{}/task_assignments/{}": "task_assignments",
    "projects/{}/user_assignments": "user_assignments",
    "projects/{}/user_assignments/{}": "user_assignments",
    "users/me/project_assignments": "user_project_assignments",
}

# The connector that recorded the real account has names of its own.
BY_OTHER_NAMES = {
    "billable_rates": "user_billable_rates",
    "cost_rates": "user_cost_rates",
    "project_assignments": "user_project_assignments",
    **{f"time_{what}": f"report_time_{what}" for what in ("clients", "projects", "tasks", "team")},
    **{f"expenses_{what}": f"report_expenses_{what}" for what in ("clients", "projects", "categories", "team")},
    "uninvoiced": "report_uninvoiced",
    "project_budget": "report_project_budget",
}
# Its own marks on a record, no part of Harvest's answer.
MARKS = ("parent_id", "from", "to")


def exactly(text: str | bytes) -> Any:
    return json.loads(text, parse_float=Decimal)


def samples() -> Iterator[Take]:
    by_path = {re.sub(r"\{\w+\}", "{}", stream.path): stream for stream in STREAMS.values()}
    index = json.loads((SAMPLES / "_index.json").read_text())
    for name, facts in index.items():
        if name in NOT_READ:
            continue
        body = (SAMPLES / name).read_bytes()
        document = exactly(body)
        template = re.sub(r"\{\w+\}", "{}", facts["path"].removeprefix("/"))
        stream = by_path[template] if template in by_path else STREAMS[AS_A_LIST[template]]
        links = document.get("links") or {}
        numbers = re.findall(r"/(\d+)", urlsplit(links.get("first") or "").path)
        # A rate's own sample does not say whose it is: any person will do.
        parent_id = int(numbers[0]) if numbers else 1
        if template in by_path and stream.data_key is None:
            path = stream.path if "{" not in stream.path else f"projects/{document['id']}"
            yield Take(name, stream.name, path, body, (document,))
            continue
        key = str(stream.data_key)
        if key not in document:
            body = in_a_list(key, [json.loads(body)])
            document = {key: [document]}
        path = re.sub(r"\{\w+\}", str(parent_id), stream.path)
        yield Take(name, stream.name, path, body, tuple(document[key]), parent_id if stream.parent else None)


def sandbox() -> Iterator[Take]:
    grouped: dict[tuple[str, int | None], list[str]] = {}
    for line in SANDBOX.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        stream = STREAMS[BY_OTHER_NAMES.get(record["stream"], record["stream"])]
        parent_id = record["data"].get("parent_id") if stream.parent else None
        grouped.setdefault((stream.name, parent_id), []).append(line)
    for (name, parent_id), lines in grouped.items():
        stream = STREAMS[name]
        plain, exact = (
            [{key: value for key, value in read(line)["data"].items() if key not in MARKS} for line in lines]
            for read in (json.loads, exactly)
        )
        body = json.dumps(plain[0]).encode() if stream.data_key is None else in_a_list(stream.data_key, plain)
        path = re.sub(r"\{\w+\}", str(parent_id), stream.path)
        label = f"sandbox {name}" + (f" of {parent_id}" if parent_id else "")
        yield Take(label, name, path, body, tuple(exact), parent_id)


def in_a_list(key: str, records: list[Record]) -> bytes:
    return json.dumps(
        {key: records, "total_entries": len(records), "total_pages": 1, "links": {"next": None, "previous": None}}
    ).encode()


def in_rounds(takes: list[Take]) -> list[list[Take]]:
    """Loads in which no two answers would claim the same rows, and each child finds its parent."""
    rounds: list[list[Take]] = []
    # Lists of parents first.
    for take in sorted(takes, key=lambda take: take.parent_id is not None):
        fitting = next((taken for taken in rounds if fits(take, taken)), None)
        if fitting is None:
            rounds.append([take])
        else:
            fitting.append(take)
    return rounds


def fits(take: Take, taken: list[Take]) -> bool:
    stream = STREAMS[take.stream]
    if any(other.path == take.path for other in taken):
        return False
    if stream.parent is None:
        return all(STREAMS[other.stream].table_name != stream.table_name for other in taken)
    lists = [other for other in taken if other.stream == stream.parent.stream]
    parents = [record for other in lists for record in other.records if record["id"] == take.parent_id]
    only = stream.parent.only
    return not lists or any(only is None or only.admits(parent) for parent in parents)


def stub(parent_id: int) -> Record:
    """A parent that nobody recorded, such that anything can be below it."""
    return {"id": parent_id, "access_roles": ["manager"], "state": "open", "amount": 1, "due_amount": 0}


@contextmanager
def replaying(takes: list[Take]) -> Iterator[tuple[str, list[str]]]:
    """The base URL of a server that answers with the takes, and the paths it was asked for in vain."""
    answers = {take.path: take.body for take in takes}
    unknown: list[str] = []
    wanted: dict[str, set[int]] = {}
    for take in takes:
        parent = STREAMS[take.stream].parent
        if parent and take.parent_id is not None:
            wanted.setdefault(parent.stream, set()).add(take.parent_id)
    for stream, ids in wanted.items():
        answers.setdefault(stream, in_a_list(stream, [stub(parent_id) for parent_id in sorted(ids)]))
    answers.setdefault("company", b'{"name": "not recorded in this round"}')
    nested = {
        re.sub(r"\\\{\w+\\\}", r"\\d+", re.escape(STREAMS[take.stream].path)): STREAMS[take.stream].data_key
        for take in takes
        if STREAMS[take.stream].parent
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            path = urlsplit(self.path).path.removeprefix("/v2/")
            body = answers.get(path)
            if body is None:
                keys = [key for pattern, key in nested.items() if re.fullmatch(pattern, path)]
                body = in_a_list(str(keys[0]), []) if keys else None
            if body is None:
                unknown.append(path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(body or b"{}")))
            self.end_headers()
            self.wfile.write(body or b"{}")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's own name)
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v2", unknown
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Copy:
    """What a load made of a round: its tables, with dlt's own columns."""

    def __init__(self, pipeline: dlt.Pipeline, ledger: Ledger, unknown: list[str]) -> None:
        self.outcomes = {outcome.stream: outcome for outcome in ledger.outcomes()}
        self.unknown = unknown
        self.tables: dict[str, list[Record]] = {}
        self._children: dict[tuple[str, str], list[Record]] = {}
        with pipeline.sql_client() as client:
            names = client.execute_sql(
                "select table_name from information_schema.tables where table_schema = %s", "recorded"
            )
            for (name,) in names or ():
                with client.execute_query(f'select * from "{name}"') as cursor:
                    columns = [column[0] for column in cursor.description]
                    self.tables[name] = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    def row(self, table: str, **key: object) -> Record:
        found = [row for row in self.tables[table] if all(row[name] == value for name, value in key.items())]
        assert len(found) == 1, f"{table}: {len(found)} rows with {key}"
        return found[0]

    def children(self, table: str, row: Record) -> list[Record]:
        found = [child for child in self.tables[table] if child["_dlt_parent_id"] == row["_dlt_id"]]
        return sorted(found, key=lambda child: child["_dlt_list_idx"])


TAKES = [*samples(), *sandbox()] if SAMPLES.exists() and SANDBOX.exists() else []
NAMES = [take.name for take in TAKES]
needs_recordings = pytest.mark.skipif(not TAKES, reason=ABSENT)


def copied(rounds: list[list[Take]], folder: Path) -> Mapping[str, Copy]:
    """Each take's name with the copy that it is in: a load for each round."""
    found = {}
    for number, taken in enumerate(rounds):
        pipeline = dlt.pipeline(
            f"round_{number}",
            destination=dlt.destinations.duckdb(str(folder / f"round_{number}.duckdb")),
            dataset_name="recorded",
            pipelines_dir=str(folder / "pipelines"),
        )
        ledger = Ledger()
        with replaying(taken) as (url, unknown):
            source = harvest_time_tracking_source(
                "a-token",
                "987654",
                url,
                requests_per_15_s=0,
                report_requests_per_15_min=0,
                reports_from="2021-05-01",
                reports_to="2021-05-31",
                project_ids=[take.records[0]["id"] for take in taken if take.stream == "projects_id"],
                ledger=ledger,
            ).with_resources(*{take.stream for take in taken})
            pipeline.run(source, loader_file_format="parquet").raise_on_failed_jobs()
        copy = Copy(pipeline, ledger, unknown)
        found.update({take.name: copy for take in taken})
    return found


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Copy]:
    by_origin = [[take for take in TAKES if take.is_real is is_real] for is_real in (False, True)]
    rounds = [taken for takes in by_origin for taken in in_rounds(takes)]
    return copied(rounds, tmp_path_factory.mktemp("recorded"))


@needs_recordings
def test_every_recorded_answer_has_its_place() -> None:
    in_the_folder = {path.name for path in SAMPLES.glob("*.json")} - {"_index.json"}
    assert {name for name in NAMES if not name.startswith("sandbox")} | set(NOT_READ) == in_the_folder
    lines = SANDBOX.read_text(encoding="utf-8").splitlines()
    assert sum(len(take.records) for take in TAKES if take.is_real) == len(lines)
    assert len(set(NAMES)) == len(NAMES)


@needs_recordings
@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_answer_comes_back_with_every_value(copies: Mapping[str, Copy], name: str) -> None:
    take = next(take for take in TAKES if take.name == name)
    compare_take(take, copies[name])


def compare_take(take: Take, copy: Copy) -> None:
    """Each record of the take is a row, and each of its values was looked at."""
    outcome = copy.outcomes[take.stream]
    assert (outcome.outcome, outcome.reason, outcome.odd_values) == ("complete", "", {}), outcome
    assert copy.unknown == []
    table = STREAMS[take.stream].table_name
    compared = 0
    for record in take.records:
        key = {name: record[name] for name in STREAMS[take.stream].key if name in record}
        if take.parent_id is not None:
            key[STREAMS[take.stream].key[0]] = take.parent_id
        row = copy.row(table, **key)
        assert row["account_id"] == "987654"
        compared += compare(copy, table, "", record, row)
    assert compared == sum(count(record) for record in take.records) > 0


def count(value: Any) -> int:
    """How many values there are in a record, at any depth; null is one."""
    if isinstance(value, dict):
        return sum(map(count, value.values()))
    if isinstance(value, list):
        return sum(map(count, value))
    return 1


def compare(copy: Copy, table: str, prefix: str, record: Record, row: Record) -> int:
    """Compare each value of a record with the row that it must be in; how many there were."""
    compared = 0
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            compared += compare(copy, table, f"{name}__", value, row)
        elif isinstance(value, list):
            compared += compare_list(copy, table, name, value, row)
        else:
            is_the_same(f"{table}.{name}", value, row.get(name))
            beside = [column for column in row if value is None and column.startswith(f"{name}__")]
            assert all(row[column] is None for column in beside), f"{table}.{name} is null, but {beside} hold values"
            compared += 1
    return compared


def compare_list(copy: Copy, table: str, name: str, values: list[Any], row: Record) -> int:
    """A list is a table of its own, in Harvest's order; one that nobody documented in a flat table is JSON in a text."""
    if f"{table}__{name}" not in copy.tables and name in row:
        assert exactly(row[name]) == values, f"{table}.{name}: recorded {values}, came back as {row[name]}"
        return count(values)
    table = f"{table}__{name}"
    children = copy.children(table, row)
    assert len(children) == len(values), f"{table}: {len(children)} rows of {len(values)}"
    compared = 0
    for value, child in zip(values, children, strict=True):
        assert child["account_id"] == row["account_id"]
        if isinstance(value, dict):
            compared += compare(copy, table, "", value, child)
        else:
            is_the_same(f"{table}.value", value, child["value"])
            compared += 1
    return compared


DAY = re.compile(r"\d{4}-\d\d-\d\d")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def is_the_same(what: str, want: Any, have: Any) -> None:
    """By value and by kind: a day is a date, an instant a UTC timestamp, a number a number with all its digits."""
    if isinstance(want, str) and INSTANT.fullmatch(want):
        is_same = isinstance(have, datetime) and have.utcoffset() is not None and have == datetime.fromisoformat(want)
    elif isinstance(want, str) and DAY.fullmatch(want):
        is_same = type(have) is date and have == date.fromisoformat(want)
    elif isinstance(want, bool) or want is None:
        is_same = have is want
    elif isinstance(want, int | Decimal):
        is_same = type(have) in (int, Decimal) and have == want
    else:
        is_same = type(have) is str and have == want
    assert is_same, f"{what}: recorded {want!r}, came back as {have!r}"


# Every field that was recorded is documented by now; tomorrow's are not. One of each kind, in every object at any depth.
UNDOCUMENTED: Record = {
    "legacy_text": "as it was",
    "legacy_number": 2**40,
    "legacy_amount": Decimal("0.125"),
    "legacy_flag": False,
    "legacy_object": {"id": 9, "name": "an old friend", "rate": Decimal("1.5")},
    "legacy_list": [3, 1, 2],
}


@needs_recordings
def test_fields_that_the_documentation_does_not_know_come_back_as_new_columns(tmp_path: Path) -> None:
    takes = [with_undocumented_fields(take) for take in TAKES if take.is_real]
    for name, copy in copied(in_rounds(takes), tmp_path).items():
        take = next(take for take in takes if take.name == name)
        assert not set(UNDOCUMENTED) & set(tables()[STREAMS[take.stream].table_name].columns)
        compare_take(take, copy)


def with_undocumented_fields(take: Take) -> Take:
    def enriched(value: Any, make: type) -> Any:
        if isinstance(value, dict):
            more = {key: make(new) if isinstance(new, Decimal) else new for key, new in UNDOCUMENTED.items()}
            more["legacy_object"] = {**more["legacy_object"], "rate": make("1.5")}
            return {key: enriched(item, make) for key, item in value.items()} | more
        return [enriched(item, make) for item in value] if isinstance(value, list) else value

    document = json.loads(take.body)
    key = STREAMS[take.stream].data_key
    body = enriched(document, float) if key is None else document | {key: enriched(document[key], float)}
    records = tuple(enriched(record, Decimal) for record in take.records)
    return replace(take, body=json.dumps(body).encode(), records=records)


def test_the_comparison_itself_sees_a_difference() -> None:
    """A walk that finds nothing wrong proves something only if it can find something wrong."""
    same = [
        ("text", "text"),
        ("2021-05-05", date(2021, 5, 5)),
        ("2021-05-05T12:52:20Z", datetime(2021, 5, 5, 12, 52, 20, tzinfo=UTC)),
        (Decimal("33.35"), Decimal("33.350000000")),
        (5, Decimal(5)),
        (None, None),
        (False, False),
    ]
    for want, have in same:
        is_the_same("it", want, have)
    different = [("", None), (None, ""), (0, False), (Decimal("0.1"), 0.1), ("2021-05-05", "2021-05-05"), ("1", 1)]
    for want, have in different:
        with pytest.raises(AssertionError):
            is_the_same("it", want, have)
    assert count({"a": {"b": [1, {"c": None}]}, "d": []}) == 2
