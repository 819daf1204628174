"""Send a notification within a bounded time, without its address in any message: what all channels have in common."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests

from harvest_time_tracking.http.proxy import proxies_for

SECONDS = 30.0
"""Longest time that one message may take."""


@dataclass(frozen=True)
class Attachment:
    """File to send with a message.

    Attributes:
        name: name of the file, such as `monday.html`.
        content: its bytes.
        media_type: MIME type, such as `text/html`.
    """

    name: str
    content: bytes
    media_type: str


def within(seconds: float, what: str, send: Callable[[], str | None]) -> str | None:
    """Call `send` in a thread, and give up after `seconds`.

    Args:
        seconds: longest time to wait; the timeouts of requests and smtplib start again with every byte.
        what: what is sent to, for the message: `the webhook`.
        send: sends, and returns None or why it failed.

    Returns:
        None if it was delivered, else why not.
    """
    outcome: list[str | None] = []
    sending = threading.Thread(target=lambda: outcome.append(send()), daemon=True)
    sending.start()
    sending.join(seconds)
    return outcome[0] if outcome else silent(what, seconds)


def silent(what: str, seconds: float) -> str:
    """Message for something that did not answer in time."""
    return f"{what} did not answer within {seconds:g} s"


def post(
    address: str,
    *,
    what: str = "the webhook",
    json: object = None,
    data: bytes | Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
) -> str | None:
    """POST a message to an address that is a secret.

    Returns:
        None if it was delivered, else why not. The text never contains the address.
    """
    return within(seconds, what, lambda: answered(address, what, seconds, json=json, data=data, headers=headers)[1])


def answered(
    address: str,
    what: str,
    seconds: float,
    *,
    json: object = None,
    data: bytes | Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[requests.Response | None, str | None]:
    """POST once, in this thread; return the answer if it is good, else why it is not.

    Redirects are not followed: a login page would count as delivered.
    """
    try:
        answer = requests.post(
            address,
            json=json,
            data=data,
            headers=dict(headers or {}),
            timeout=seconds,
            allow_redirects=False,
            proxies=proxies_for(address),
        )
    except requests.ConnectionError:
        return None, f"{what} cannot be reached"
    except requests.Timeout:
        return None, silent(what, seconds)
    except (requests.RequestException, ValueError) as error:
        # The error's own message contains the address.
        return None, f"{what}'s address does not work ({type(error).__name__})"
    if answer.is_redirect:
        return None, f"{what} answered {answer.status_code} and leads elsewhere, where nothing is sent"
    return (answer, None) if answer.ok else (None, f"{what} answered {answer.status_code}")
