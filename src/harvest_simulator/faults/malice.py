"""Hostile responses, never seen from Harvest: of a broken gateway, a wrong clock, or an attacker. Pure."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache
from typing import Any

import orjson

from harvest_simulator.faults.faults import Fault
from harvest_simulator.http.responses import Answer

TRICKLE_SECONDS = 400
HUGE_TOTAL = 100_000_000_000
_BOMB_BYTES = 512 << 20
_NEW_FIELDS = 2_000

_STRANGE_NAMES = (
    "",
    " ",
    "...",
    "\t\n",
    "_",
    "__",
    "名前",
    "🙂",
    "select",
    "drop table clients; --",
    '"',
    "'",
    "\x00",
    "\x1b[2J",
)


# Markup for terminals, web pages and chat messages, and a password.
_LURES = "[red]x[/red] <b>y</b> <http://evil.example|z> <!channel> http://user:hunter2@proxy.example:8080"


def telltale(headers: Mapping[str, str]) -> Answer:
    """Error of a gateway that repeats the request's headers, token included, among terminal control sequences."""
    sent = next((value for name, value in headers.items() if name.lower() == "authorization"), "")
    words = f"denied for {sent}\r\n\x1b[2J\x1b]52;c;ZXZpbA==\x07\u202e {_LURES} {'and so on ' * 1_000}"
    return Answer(400, {"message": words})


def dated(fault: Fault | None, now: datetime) -> str:
    """`Date` header of a response, by fault."""
    if fault is Fault.ODD_DATE:
        return "Fri, 31 Dec 9999 23:59:59 GMT"
    if fault is Fault.UNREADABLE_DATE:
        return "9999"
    if fault is Fault.DATE_OF_YEAR_202:
        return "Mon, 16 Mar 202 09:00:00 GMT"
    days = {Fault.CLOCK_AHEAD: 1, Fault.CLOCK_BEHIND: -1}.get(fault, 0) if fault else 0
    return format_datetime(now + timedelta(days=days), usegmt=True)


@cache
def gzip_bomb() -> bytes:
    """Gzip bomb of half a gigabyte of blanks, as consecutive gzip members."""
    blanks = 1 << 20
    return gzip.compress(b" " * blanks) * (_BOMB_BYTES // blanks)


def trickles_after(fault: Fault | None, head: bytes) -> int | None:
    """Number of bytes of a response to send at once before the rest trickles; None without such a fault."""
    return {Fault.TRICKLE: len(head), Fault.TRICKLING_HEAD: 0}.get(fault) if fault else None


def twisted(fault: Fault, data: Any, address: str, number: int) -> Any:
    """Put unexpected content into a parsed response; unchanged for a fault of another kind.

    Args:
        fault: kind of the fault.
        data: the correct response.
        address: URL of the request.
        number: number of earlier requests.
    """
    if not isinstance(data, dict):
        return data
    if change := _RECORDS.get(fault):
        return _each_record(data, change)
    if "links" not in data:
        return data
    if fault is Fault.HUGE_TOTAL:
        return {**data, "total_entries": HUGE_TOTAL, "total_pages": HUGE_TOTAL // data["per_page"]}
    if fault in (Fault.ENDLESS_LINK, Fault.ENDLESS_ROWS):
        lists = [key for key, value in data.items() if isinstance(value, list) and fault is Fault.ENDLESS_LINK]
        onward = f"{address.partition('&again=')[0]}&again={number}"
        return {**data, **{key: [] for key in lists}, "links": {**data["links"], "next": onward}}
    return data


def _each_record(data: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    for key, value in data.items():
        if isinstance(value, list) and "links" in data:
            return {**data, key: [change(record) for record in value]}
    return change(data)


def _with_many_fields(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, **{f"new_{number}": number for number in range(_NEW_FIELDS)}}


def _with_strange_names(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, **dict.fromkeys((*_STRANGE_NAMES, "x" * 10000), "strange")}


def _with_a_huge_number(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "huge": orjson.Fragment(b"7" * 400), "tiny": orjson.Fragment(b"1e-99999999999999999999")}


def _with_odd_years(record: dict[str, Any]) -> dict[str, Any]:
    """Set dates to the year 202, a typical typing error, and updated_at to the year 99."""
    odd = {key: f"0202{value[4:]}" for key, value in record.items() if key.endswith("_date") and isinstance(value, str)}
    return {**record, **odd, **({"updated_at": "0099-01-01T00:00:00Z"} if "updated_at" in record else {})}


def _respelled(value: Any) -> Any:
    """Add, at each depth, fields that differ from existing ones (`id`, `name`, objects, lists) only in spelling."""
    if isinstance(value, list):
        return [_respelled(item) for item in value]
    if not isinstance(value, dict):
        return value
    alike: dict[str, Any] = {key.capitalize(): "alike" for key in value if key in ("id", "name", "kind")}
    alike |= {key.upper(): {"id": "alike"} for key, held in value.items() if isinstance(held, dict)}
    alike |= {key.upper(): [{"id": "alike"}] for key, held in value.items() if isinstance(held, list)}
    return {**alike, **{key: _respelled(held) for key, held in value.items()}, " name": "alike"}


def _with_names_alike(record: dict[str, Any]) -> dict[str, Any]:
    ours = {"account_id": "alike", "Account_Id": "alike", "_dlt_id": "alike", "_harvest_deleted": "alike"}
    joined = {f"{key}__id": "alike" for key, value in record.items() if isinstance(value, dict)}
    return {**ours, **_respelled(record), **joined}


_RECORDS: dict[Fault, Callable[[dict[str, Any]], dict[str, Any]]] = {
    Fault.MANY_FIELDS: _with_many_fields,
    Fault.STRANGE_NAMES: _with_strange_names,
    Fault.HUGE_NUMBER: _with_a_huge_number,
    Fault.ODD_YEARS: _with_odd_years,
    Fault.NAMES_ALIKE: _with_names_alike,
}
