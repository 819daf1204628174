"""Harvest ID: a person allows an app to read, and the app gets tokens (OAuth2).

https://help.getharvest.com/api-v2/authentication-api/authentication/authentication/ documents the flow; that the code comes
back in the query and that a token lives 1,209,599 seconds was seen by others. Readings, which nothing recorded confirms: the
errors `invalid_client` and, for a code, `invalid_grant`; that a refresh token sent back may be new (`rotates`), and the old one
then ends; and that a company that requires Google refuses other logins' tokens with 401 (`requires_google`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Lock
from urllib.parse import parse_qsl, urlencode

from harvest_simulator.clock import Clock
from harvest_simulator.http.responses import Answer

AUTHORIZE_PATH = "/oauth2/authorize"
TOKEN_PATH = "/api/v2/oauth2/token"  # noqa: S105 (a path)
_LIFE = timedelta(seconds=1_209_599)


class Identity:
    """Identity provider with one app and one person, who allows whatever is asked unless `refuses`."""

    def __init__(self, clock: Clock) -> None:
        self.client_id = "simulated-app"
        self.client_secret = "simulated-app-secret-wQ7r"  # noqa: S105 (opens nothing but this simulator)
        self.redirect_uri = "http://127.0.0.1:47823/callback"
        self.rotates = False
        self.uses_fragment = False
        self.refuses = False
        self.requires_google = False
        self.issued = 0
        self._clock = clock
        self._codes: set[str] = set()
        self._refresh_tokens: set[str] = set()
        self._access_tokens: dict[str, datetime] = {}
        self._lock = Lock()

    def answer(self, path: str, query: Mapping[str, str], body: bytes) -> Answer:
        """Answer a request to one of the two paths."""
        return self.authorize(query) if path == AUTHORIZE_PATH else self.token(dict(parse_qsl(body.decode())))

    def authorize(self, query: Mapping[str, str]) -> Answer:
        """Answer the page on which the person decides, as if they had: a redirect back to the app."""
        known = query.get("client_id") == self.client_id and query.get("response_type") == "code"
        target = query.get("redirect_uri", self.redirect_uri)
        if not known or not target.startswith(self.redirect_uri):
            return Answer(400, {"error": "invalid_request"})
        given = {"state": query["state"]} if "state" in query else {}
        given |= {"error": "access_denied"} if self.refuses else {"code": self._code(), "scope": "all"}
        return Answer(
            302, text="", headers={"Location": f"{target}{'#' if self.uses_fragment else '?'}{urlencode(given)}"}
        )

    def token(self, form: Mapping[str, str]) -> Answer:
        """Answer a request for tokens."""
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return Answer(401, {"error": "invalid_client"})
        with self._lock:
            match form.get("grant_type"):
                case "authorization_code" if form.get("code") in self._codes:
                    self._codes.remove(form["code"])
                    return self._given(self._new_refresh_token())
                case "refresh_token" if (old := form.get("refresh_token", "")) in self._refresh_tokens:
                    if not self.rotates:
                        return self._given(old)
                    self._refresh_tokens.remove(old)
                    return self._given(self._new_refresh_token())
        return Answer(400, {"error": "invalid_grant"})

    def accepts(self, access_token: str) -> bool:
        """True if an access token of this provider has not expired."""
        until = self._access_tokens.get(access_token)
        return until is not None and self._clock.now() < until

    def revoke(self) -> None:
        """End all tokens, as the person can at any time."""
        self._refresh_tokens.clear()
        self._access_tokens.clear()

    def _code(self) -> str:
        self._codes.add(code := f"code-{len(self._codes)}-kTz5Lm2v")
        return code

    def _new_refresh_token(self) -> str:
        self._refresh_tokens.add(token := f"{self.issued}.rt.hB8xWc4nYp6JdR2s")
        return token

    def _given(self, refresh_token: str) -> Answer:
        self.issued += 1
        token = f"{self.issued}.at.vN3qZk9fGu7TeX1m"
        self._access_tokens[token] = self._clock.now() + _LIFE
        seconds = int(_LIFE.total_seconds())
        return Answer(
            data={
                "access_token": token,
                "refresh_token": refresh_token,
                "token_type": "bearer",
                "expires_in": seconds,
            }
        )
