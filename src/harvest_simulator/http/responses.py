"""Responses and refusals, with Harvest's own bodies.

https://help.getharvest.com/api-v2/introduction/overview/general/ (response codes); bodies as captured.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


@dataclass(slots=True)
class Answer:
    """Response to send: `data` as JSON, or `text` unchanged. `row_count` determines the latency."""

    status: int = 200
    data: Any = None
    text: str | None = None
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    row_count: int = 1


class Refusal(Exception):
    """A request is refused with an error response; raised anywhere below the server."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def no_user_agent() -> Refusal:
    """Refuse a client without a User-Agent (400). The body is not documented."""
    return Refusal(Answer(400, {"error": "bad_request", "error_description": "User-Agent header is required."}))


def bad_token() -> Refusal:
    """Refuse an invalid token (401 with a challenge, as captured in 2019)."""
    text = "The access token provided is expired, revoked, malformed or invalid for other reasons."
    challenge = f'Bearer realm="Harvest API", error="invalid_token", error_description="{text}"'
    return Refusal(
        Answer(401, {"error": "invalid_token", "error_description": text}, headers={"WWW-Authenticate": challenge})
    )


def not_authorized() -> Refusal:
    """Refuse for lack of permission, or because a module is switched off in the account (403)."""
    return Refusal(Answer(403, {"message": "Not authorized!"}, headers={"Hint": "Not authorized!"}))


def not_found() -> Refusal:
    """Refuse an unknown id, or an account that the token does not reach (404)."""
    return Refusal(Answer(404, {"status": 404, "error": "Not Found"}))


def not_routable() -> Refusal:
    """Refuse an unknown path, with a web page instead of JSON (404)."""
    page = "<!DOCTYPE html>\n<html><head><title>Page not found</title></head><body><h1>Not found</h1></body></html>\n"
    return Refusal(Answer(404, text=page, content_type=HTML_TYPE))


def not_valid(message: str) -> Refusal:
    """Refuse an invalid request (422)."""
    return Refusal(Answer(422, {"message": message}))


def throttled(retry_after_seconds: int) -> Refusal:
    """Refuse a request over the rate limit, with the number of seconds to wait (429)."""
    message = f"Request was throttled. Try again in {retry_after_seconds} seconds."
    data = {"message": message, "retry_after": retry_after_seconds}
    return Refusal(Answer(429, data, headers={"Retry-After": str(retry_after_seconds)}))
