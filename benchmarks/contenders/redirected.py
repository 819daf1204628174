"""For programs that know one Harvest only: their requests go to the simulated account, and the rest of them is as it is.

Runs in the environment of that program, which has requests and nothing of ours.
"""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import urlsplit

import requests

_send = requests.Session.send


def redirect() -> None:
    """From now on."""
    requests.Session.send = _redirected  # type: ignore[method-assign]


def _redirected(self: requests.Session, request: requests.PreparedRequest, **arguments: Any) -> requests.Response:
    account = os.environ["BENCHMARK_URL"].removesuffix("/v2")
    url = urlsplit(str(request.url))
    if request.method == "POST":
        # A token is refreshed: the simulated account has one only.
        answer = requests.Response()
        answer.status_code, answer.url = 200, str(request.url)
        token = os.environ["BENCHMARK_TOKEN"]
        answer._content = json.dumps({"access_token": token, "refresh_token": token, "expires_in": 86_400}).encode()
        return answer
    if url.netloc.endswith(("harvestapp.com", "getharvest.com")):
        # Some take the first account that the token reaches, whichever it is.
        request.headers["Harvest-Account-Id"] = os.environ["BENCHMARK_ACCOUNT"]
        request.url = f"{account}{url.path}{f'?{url.query}' if url.query else ''}"
    return _send(self, request, **arguments)
