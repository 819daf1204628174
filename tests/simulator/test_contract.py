"""Every endpoint of the contract answers with the documented fields and types, and as recorded answers do."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import requests
import yaml

from harvest_simulator import Simulator
from support.paths import SHARED

HARVEST_API = SHARED / "harvest-api"
CONTRACT = HARVEST_API / "contract.yaml"
pytestmark = pytest.mark.skipif(not CONTRACT.exists(), reason="shared/harvest-api/contract.yaml is not here")

# Keys that Harvest may leave out: by role or plan, never captured, or only seen by a third party.
MAY_BE_ABSENT = {"newer", "newer_or_variant", "conditional", "legacy", "unverified", "docs_sample", "documented"}


def contract() -> dict[str, Any]:
    if not CONTRACT.exists():
        return {"endpoints": [], "objects": {}}
    loaded: dict[str, Any] = yaml.safe_load(CONTRACT.read_text())
    return loaded


KNOWN = contract()
ENDPOINTS = {endpoint["name"]: endpoint for endpoint in KNOWN["endpoints"]}


@pytest.fixture(scope="module")
def sim() -> Simulator:
    return Simulator(size="tiny", pto=True, enforce_limits=False)


@pytest.fixture(scope="module")
def base(sim: Simulator) -> Iterator[str]:
    with sim.serving() as url:
        yield url.removesuffix("/v2")


def ids(sim: Simulator) -> dict[str, str]:
    """An id for each placeholder of the contract's paths, chosen so that lists below it have rows."""
    truth = sim.truth()
    task_assignment = truth["task_assignments"][0]
    return {
        "CLIENT_ID": truth["clients"][0]["id"],
        "CONTACT_ID": truth["contacts"][0]["id"],
        "INVOICE_ID": next(m["invoice_id"] for m in truth["invoice_payments"] if has_message(truth, m["invoice_id"])),
        "INVOICE_ITEM_CATEGORY_ID": truth["invoice_item_categories"][0]["id"],
        "ESTIMATE_ID": truth["estimate_messages"][0]["estimate_id"],
        "ESTIMATE_ITEM_CATEGORY_ID": truth["estimate_item_categories"][0]["id"],
        "EXPENSE_ID": truth["expenses"][0]["id"],
        "EXPENSE_CATEGORY_ID": truth["expense_categories"][0]["id"],
        "TASK_ID": truth["tasks"][0]["id"],
        "TIME_ENTRY_ID": truth["time_entries"][0]["id"],
        "PROJECT_ID": task_assignment["project"]["id"],
        "TASK_ASSIGNMENT_ID": task_assignment["id"],
        "USER_ASSIGNMENT_ID": next(
            row["id"] for row in truth["user_assignments"] if row["project"] == task_assignment["project"]
        ),
        "ROLE_ID": truth["roles"][0]["id"],
        "USER_ID": truth["user_teammates"][0]["manager_user_id"],
        "BILLABLE_RATE_ID": rate_of(truth, "user_billable_rates"),
        "COST_RATE_ID": rate_of(truth, "user_cost_rates"),
        "HOLIDAY_CALENDAR_ID": truth["pto_holiday_calendars"][0]["id"],
    }


def has_message(truth: dict[str, list[Any]], invoice_id: int) -> bool:
    return any(message["invoice_id"] == invoice_id for message in truth["invoice_messages"])


def rate_of(truth: dict[str, list[Any]], stream: str) -> int:
    manager = truth["user_teammates"][0]["manager_user_id"]
    return int(next(rate["id"] for rate in truth[stream] if rate["user_id"] == manager))


def ask(sim: Simulator, base: str, endpoint: dict[str, Any]) -> Any:
    path = endpoint["path"].replace("https://id.getharvest.com", "")
    values = ids(sim)
    path = re.sub(r"\{(\w+)\}", lambda match: str(values[match.group(1)]), path)
    query = {"from": "2026-01-01", "to": "2026-03-16"} if endpoint.get("date_window") else {}
    answer = requests.get(base + path, params=query, headers=sim.headers, timeout=10)
    assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:200]}"
    return answer.json()


def records_of(endpoint: dict[str, Any], body: Any) -> list[Any]:
    if endpoint["pagination"] is None:
        return [body]
    if endpoint["data_key"] is not None:
        return list(body[endpoint["data_key"]])
    return next(value for value in body.values() if isinstance(value, list))


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


IS_OF_TYPE: dict[str, Callable[[Any], bool]] = {
    "integer": lambda value: is_number(value) and isinstance(value, int),
    "decimal": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "time": lambda value: isinstance(value, str),
    "date": lambda value: isinstance(value, str) and date.fromisoformat(value).isoformat() == value,
    "datetime": lambda value: re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value) is not None,
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}


def is_of_type(value: Any, field: dict[str, Any]) -> bool:
    if value is None:
        return bool(field["nullable"])
    if field.get("wire") == "json_string":
        return isinstance(value, str) and Decimal(value).is_finite()
    return IS_OF_TYPE[field["type"]](value)


def findings(record: Any, fields: dict[str, Any], where: str) -> Iterator[str]:
    """What of a record is not as the contract says."""
    for name in record.keys() - fields.keys():
        yield f"{where}.{name} is not in the contract"
    for name, field in fields.items():
        if name in record:
            yield from findings_of_value(record[name], field, f"{where}.{name}")
        elif field.get("presence", "always") not in MAY_BE_ABSENT:
            yield f"{where}.{name} is missing"


def findings_of_value(value: Any, field: dict[str, Any], where: str) -> Iterator[str]:
    if field.get("presence") == "legacy":
        yield f"{where} was dropped years ago"
    if not is_of_type(value, field):
        yield f"{where} is {value!r}, not {field['type']}"
        return
    for item in value if isinstance(value, list) else [value]:
        if item is not None and item not in field.get("enum", [item]):
            yield f"{where} is {item!r}, not one of {field['enum']}"
        if item is not None and "fields" in field:
            yield from findings(item, field["fields"], where)


@pytest.mark.parametrize("name", ENDPOINTS)
def test_each_endpoint_answers_with_the_fields_and_types_of_the_contract(name: str, sim: Simulator, base: str) -> None:
    endpoint = ENDPOINTS[name]
    body = ask(sim, base, endpoint)
    records = records_of(endpoint, body)
    assert records, "a list without rows proves nothing"
    fields = KNOWN["objects"][endpoint["object"]]["fields"]
    assert sorted({finding for record in records for finding in findings(record, fields, endpoint["object"])}) == []


@pytest.mark.parametrize("name", [n for n, e in ENDPOINTS.items() if e["pagination"]])
def test_each_list_has_the_envelope_of_the_contract(name: str, sim: Simulator, base: str) -> None:
    endpoint = ENDPOINTS[name]
    body = ask(sim, base, endpoint)
    data_key = endpoint["data_key"] or next(key for key, value in body.items() if isinstance(value, list))
    fields = {data_key: {"type": "array", "nullable": False}, **KNOWN["envelope"]["keys"]}
    assert list(findings(body, fields, name)) == []
    assert set(body) == set(fields)


SANDBOX = HARVEST_API / "real" / "sandbox_records_2024-04.jsonl"
# The recorder's names of streams, where they differ from the contract's objects.
SANDBOX_OBJECTS = {
    "billable_rates": "billable_rate",
    "cost_rates": "cost_rate",
    "expense_categories": "expense_category",
    "invoice_item_categories": "invoice_item_category",
    "estimate_item_categories": "estimate_item_category",
    "company": "company",
    "project_budget": "report_project_budget",
    "uninvoiced": "report_uninvoiced",
}


def object_of(stream: str) -> str:
    if stream in SANDBOX_OBJECTS:
        return SANDBOX_OBJECTS[stream]
    if stream.startswith(("time_", "expenses_")) and stream != "time_entries":
        return f"report_{stream}"
    return stream.removesuffix("ies") + "y" if stream.endswith("ies") else stream.removesuffix("s")


def recorded() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    if SANDBOX.exists():
        for line in SANDBOX.read_text().splitlines():
            said = json.loads(line)
            # The recorder added the parent and the window.
            data = {k: v for k, v in said["data"].items() if k not in ("parent_id", "from", "to")}
            found.setdefault(object_of(said["stream"]), []).append(data)
    return found


RECORDED = recorded()


def kinds(value: Any) -> set[str]:
    if value is None:
        return {"null"}
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, int | float):
        return {"number"}
    return {type(value).__name__}


def shape(records: list[Any], fields: dict[str, Any]) -> dict[str, set[str]]:
    """Key paths to the JSON kinds seen under them."""
    found: dict[str, set[str]] = {}
    for record in records:
        for key, value in record.items():
            found.setdefault(key, set()).update(kinds(value))
            nested = fields.get(key, {}).get("fields")
            if nested and value:
                inner = shape(value if isinstance(value, list) else [value], nested)
                for path, seen in inner.items():
                    found.setdefault(f"{key}.{path}", set()).update(seen)
    return found


def presence_of(fields: dict[str, Any], path: str) -> str:
    head, _, rest = path.partition(".")
    field = fields.get(head, {"presence": "unknown"})
    return presence_of(field["fields"], rest) if rest else field["presence"]


@pytest.mark.parametrize("name", RECORDED)
def test_keys_and_kinds_of_recorded_answers_are_those_of_the_simulator(name: str, sim: Simulator, base: str) -> None:
    fields = KNOWN["objects"][name]["fields"]
    endpoint = next(e for e in KNOWN["endpoints"] if e["object"] == name and not e["path"].endswith("_ID}"))
    ours = shape(records_of(endpoint, ask(sim, base, endpoint)), fields)
    theirs = shape(RECORDED[name], fields)
    variable = {"newer", "newer_or_variant", "conditional", "legacy", "docs_sample", "documented"}
    for path in ours.keys() ^ theirs.keys():
        parent = path.rpartition(".")[0]
        if parent and (ours.get(parent) == {"null"} or theirs.get(parent) == {"null"}):
            continue
        if parent and (parent not in ours or parent not in theirs or parent.split(".")[0] in ("line_items",)):
            continue
        assert presence_of(fields, path) in variable, (
            f"{name}.{path} is only in {'our' if path in ours else 'the recorded'} answer"
        )
    for path in ours.keys() & theirs.keys():
        # A value that was null in every record of one side says nothing about its kind.
        one, other = ours[path] - {"null"}, theirs[path] - {"null"}
        assert not one or not other or one == other, f"{path}: {one} here, {other} recorded"


DOCS = HARVEST_API / "real" / "docs_samples_2025-11"
DOCS_INDEX = json.loads((DOCS / "_index.json").read_text()) if DOCS.exists() else {}


def doc_endpoint(path: str) -> dict[str, Any]:
    pattern = re.sub(r"\{\w+\}", "{}", "/v2" + path)
    return next(e for e in KNOWN["endpoints"] if re.sub(r"\{\w+\}", "{}", e["path"]) == pattern)


@pytest.mark.parametrize("file", [name for name, entry in DOCS_INDEX.items() if entry["method"] == "GET"])
def test_every_key_of_a_documented_sample_is_answered_by_the_simulator(file: str, sim: Simulator, base: str) -> None:
    endpoint = doc_endpoint(DOCS_INDEX[file]["path"])
    fields = KNOWN["objects"][endpoint["object"]]["fields"]
    sample = shape(records_of(endpoint, json.loads((DOCS / file).read_text())), fields)
    ours = shape(records_of(endpoint, ask(sim, base, endpoint)), fields)
    if endpoint["kind"] == "single" and endpoint["path"].endswith("_ID}"):
        # One row may have nulls where the sample has objects: look at all rows of its list.
        listed = next(
            (e for e in KNOWN["endpoints"] if e["object"] == endpoint["object"] and e["pagination"]), endpoint
        )
        ours = shape(records_of(listed, ask(sim, base, listed)), fields)
    assert sorted(sample.keys() - ours.keys()) == []
    for path in sample:
        one, other = ours[path] - {"null"}, sample[path] - {"null"}
        assert not one or not other or one == other, f"{path}: {one} here, {other} in the sample"
