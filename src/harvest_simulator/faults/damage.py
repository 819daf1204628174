"""Apply faults to responses. Pure: the current time is an argument."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from harvest_simulator.faults.faults import Fault
from harvest_simulator.http.responses import HTML_TYPE, Answer, bad_token, not_authorized, not_found, throttled

SLOW_SECONDS = 30.0
_PAGE = "<!DOCTYPE html>\n<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n"


def instead_of_an_answer(fault: Fault, now: datetime) -> Answer | None:
    """Response of a fault that replaces the real one; None for faults that modify the real response."""
    make = _INSTEAD.get(fault)
    return None if make is None else make(now)


def _throttled_until(now: datetime) -> Answer:
    answer = throttled(2).answer
    answer.headers["Retry-After"] = format_datetime(now + timedelta(seconds=2), usegmt=True)
    return answer


def _down_for_maintenance() -> Answer:
    answer = _web_page(503, "Harvest is down for maintenance")
    answer.headers["Retry-After"] = "5"
    return answer


def _web_page(status: int, title: str) -> Answer:
    return Answer(status, text=_PAGE.format(title), content_type=HTML_TYPE)


_INSTEAD: dict[Fault, Callable[[datetime], Answer]] = {
    Fault.RATE_LIMITED: lambda _now: throttled(2).answer,
    Fault.RATE_LIMITED_DATE: _throttled_until,
    Fault.RATE_LIMITED_BARE: lambda _now: Answer(429, text="", content_type=HTML_TYPE),
    Fault.SERVER_ERROR: lambda _now: _web_page(500, "We're sorry, but something went wrong (500)"),
    Fault.BAD_GATEWAY: lambda _now: _web_page(502, "502 Bad Gateway"),
    Fault.UNAVAILABLE: lambda _now: _down_for_maintenance(),
    Fault.HTML_200: lambda _now: _web_page(200, "Sign in to Harvest"),
    Fault.UNAUTHORIZED: lambda _now: bad_token().answer,
    Fault.FORBIDDEN: lambda _now: not_authorized().answer,
    Fault.NOT_FOUND: lambda _now: not_found().answer,
}


def spoil_data(fault: Fault, data: Any, address: str) -> Any:
    """Put wrong links or wrong records into a parsed response; `address` is the full URL of the request."""
    if not isinstance(data, dict):
        return data
    if fault in (Fault.FOREIGN_LINK, Fault.LOOPING_LINK) and "links" in data:
        foreign = "https://harvest.attacker.example/v2/time_entries?cursor=x"
        link = foreign if fault is Fault.FOREIGN_LINK else address
        return {**data, "links": {**data["links"], "next": link}}
    if fault is Fault.UNKNOWN_FIELD:
        news = {"brand_new_flag": "yes", "brand_new_object": {"id": 1, "label": "new", "parts": [{"id": 7}]}}
        return _each_record(data, lambda record: {**record, **news}, is_first_only=False)
    if fault is Fault.ODD_TYPE:
        return _each_record(data, _oddly_typed, is_first_only=True)
    return data


def _each_record(data: dict[str, Any], change: Any, is_first_only: bool) -> dict[str, Any]:
    for key, value in data.items():
        if isinstance(value, list) and "links" in data:
            changed = [change(row) if number == 0 or not is_first_only else row for number, row in enumerate(value)]
            return {**data, key: changed}
    changed_record: dict[str, Any] = change(data)
    return changed_record


def _oddly_typed(record: dict[str, Any]) -> dict[str, Any]:
    """Give a wrong type to one number (never an id), one date or timestamp, and one object of a record."""
    odd = dict(record)
    for keys, value in (
        (_keys(record, _is_number), "about twelve"),
        (_keys(record, _is_dated), "someday"),
        (_keys(record, lambda _key, value: isinstance(value, dict)), [1, 2]),
    ):
        key = next(keys, None)
        if key is not None:
            odd[key] = value
    return odd


def _keys(record: dict[str, Any], is_wanted: Any) -> Iterator[str]:
    return (key for key, value in record.items() if is_wanted(key, value))


def _is_number(key: str, value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and key != "id" and not key.endswith("_id")


def _is_dated(key: str, value: Any) -> bool:
    return isinstance(value, str) and key.endswith(("_date", "_at", "_on"))
