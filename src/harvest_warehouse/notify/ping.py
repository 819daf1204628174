"""Ping a healthchecks-style check: when a run starts, has ended well, and has not.

A run that is killed, or never starts, pings nothing: the check finds out by itself. https://healthchecks.io/docs/http_api/
"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from harvest_warehouse.notify.delivery import SECONDS, post

Signal = Literal["start", "success", "fail"]
_WHAT = "the check"
_PATHS: dict[Signal, str] = {"start": "/start", "success": "", "fail": "/fail"}


def send_ping(
    address: str,
    signal: Signal,
    run_id: str,
    text: str = "",
    *,
    seconds: float = SECONDS,
) -> str | None:
    """Ping a check.

    Args:
        address: address of the check, a secret, without its ending.
        signal: what to tell.
        run_id: id of the run, so that a start and an end are known to belong together.
        text: what the check keeps of it, at most 10 kB.
        seconds: longest time to wait.

    Returns:
        None if it was delivered, else why not. The text never contains the address.
    """
    place, question, query = address.partition("?")
    query = "&".join(filter(None, [query, f"rid={UUID(hex=run_id)}"]))
    return post(
        f"{place.rstrip('/')}{_PATHS[signal]}{question or '?'}{query}",
        what=_WHAT,
        data=text.encode()[:10_000],
        headers={"Content-Type": "text/plain; charset=utf-8"},
        seconds=seconds,
    )
