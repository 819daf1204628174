"""Answers and refusals, with Harvest's own bodies.

https://help.getharvest.com/api-v2/introduction/overview/general/ (response codes); bodies as captured.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


@dataclass(slots=True)
class Answer:
    """What goes on the wire: `data` is rendered as JSON, or `text` is sent as it is. `row_count` sets the latency."""

    status: int = 200
    data: Any = None
    text: str | None = None
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    row_count: int = 1


class Refusal(Exception):
    """Raised anywhere below the server to end a request with an error answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def no_user_agent() -> Refusal:
    """400: a client that does not say who it is. The body is not documented."""
    return Refusal(Answer(400, {"error": "bad_request", "error_description": "User-Agent header is required."}))


def bad_token() -> Refusal:
    """401 with a challenge, as captured in 2019."""
    text = "The access token provided is expired, revoked, malformed or invalid for other reasons."
    challenge = f'Bearer realm="Harvest API", error="invalid_token", error_description="{text}"'
    return Refusal(
        Answer(401, {"error": "invalid_token", "error_description": text}, headers={"WWW-Authenticate": challenge})
    )


def not_authorized() -> Refusal:
    """403: no permission, or a part of Harvest that the company has switched off."""
    return Refusal(Answer(403, {"message": "Not authorized!"}, headers={"Hint": "Not authorized!"}))


def not_found() -> Refusal:
    """404 for an unknown id, or an account that the token does not reach."""
    return Refusal(Answer(404, {"status": 404, "error": "Not Found"}))


def not_routable() -> Refusal:
    """A path that leads nowhere answers with a web page, not with JSON."""
    page = "<!DOCTYPE html>\n<html><head><title>Page not found</title></head><body><h1>Not found</h1></body></html>\n"
    return Refusal(Answer(404, text=page, content_type=HTML_TYPE))


def not_valid(message: str) -> Refusal:
    """422: what was asked cannot be done."""
    return Refusal(Answer(422, {"message": message}))


def throttled(retry_after_seconds: int) -> Refusal:
    """429 with the whole seconds to wait."""
    message = f"Request was throttled. Try again in {retry_after_seconds} seconds."
    data = {"message": message, "retry_after": retry_after_seconds}
    return Refusal(Answer(429, data, headers={"Retry-After": str(retry_after_seconds)}))
