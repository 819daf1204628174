"""OAuth2 at Harvest ID: the address to sign in at, and tokens in return for a code or for a refresh token.

https://help.getharvest.com/api-v2/authentication-api/authentication/authentication/ documents the flow. It does not say
whether a refresh token may be used again: both are provided for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

from harvest_time_tracking import HarvestError, NeedsYou, Secret, Settings, SettingWrong, printable
from harvest_time_tracking.errors import RetryableError
from harvest_time_tracking.http.proxy import meaning_of, proxies_for
from harvest_time_tracking.settings import USER_AGENT, is_loopback

_HARVEST_HOST = "api.harvestapp.com"
_ID_ADDRESS = "https://id.getharvest.com"
_TIMEOUT_SECONDS = (10.0, 60.0)
_MOST_BYTES = 1 << 16
_WAITS_SECONDS = (2.0, 10.0)


class LoginEnded(NeedsYou):
    """Harvest no longer accepts the refresh token: somebody has to sign in again."""


@dataclass(frozen=True)
class App:
    """App that a user registered at https://id.getharvest.com/developers, and the address of Harvest ID.

    Attributes:
        client_id: its id.
        client_secret: its secret.
        address: address of Harvest ID, without a path.
    """

    client_id: str
    client_secret: Secret
    address: str = _ID_ADDRESS


@dataclass(frozen=True)
class Tokens:
    """Tokens that Harvest gave: `refresh` is None where it sent none."""

    access: Secret
    refresh: Secret | None


def id_address(base_url: str) -> str:
    """Address of Harvest ID for a base URL of the API.

    Raises:
        SettingWrong: `base_url` is neither Harvest's nor on this machine: secrets are sent to no other host.
    """
    url = urlsplit(base_url)
    if is_loopback(url.hostname):
        return f"{url.scheme}://{url.netloc}"
    if url.hostname == _HARVEST_HOST:
        return _ID_ADDRESS
    raise SettingWrong("base_url is not Harvest's own, and OAuth works at Harvest only: use a personal access token.")


def authorize_url(app: App, redirect_uri: str, state: str) -> str:
    """Address of the page on which a person allows the app to read."""
    asked = {"client_id": app.client_id, "response_type": "code", "state": state, "redirect_uri": redirect_uri}
    return f"{app.address}/oauth2/authorize?{urlencode(asked)}"


def redeemed(app: App, code: Secret) -> Tokens:
    """Tokens in return for the code that a login gave.

    Raises:
        SettingWrong: Harvest does not know the app, or accept the code.
        HarvestError: Harvest cannot be reached, or failed.
    """
    try:
        return _tokens(app, {"grant_type": "authorization_code", "code": code.reveal()})
    except LoginEnded:
        raise SettingWrong(
            "Harvest does not accept the code of this login: it is used, or too old. Sign in again."
        ) from None


def refreshed(app: App, refresh_token: Secret, sleep: Callable[[float], object] = time.sleep) -> Tokens:
    """New tokens in return for a refresh token.

    Raises:
        LoginEnded: Harvest does not accept it any more.
        SettingWrong: Harvest does not know the app.
        HarvestError: Harvest cannot be reached, or failed, three times in a row.
    """
    for seconds in (*_WAITS_SECONDS, None):
        try:
            return _tokens(app, {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()})
        except RetryableError:
            if seconds is None:
                raise
            sleep(seconds)
    raise AssertionError("unreachable")


def _tokens(app: App, grant: Mapping[str, str]) -> Tokens:
    url = f"{app.address}/api/v2/oauth2/token"
    status, document = _posted(url, {**grant, "client_id": app.client_id, "client_secret": app.client_secret.reveal()})
    access, refresh = document.get("access_token"), document.get("refresh_token")
    if status == 200 and _is_token(access):
        return Tokens(Secret(str(access)), Secret(str(refresh)) if _is_token(refresh) else None)
    said = printable(str(document.get("error") or document.get("message") or "no reason"), most=80)
    del document, access, refresh, grant
    if said == "invalid_grant":
        raise LoginEnded(
            "Harvest does not accept the refresh token any more (invalid_grant): access was revoked, its owner left, or the app was "
            "changed. Sign in again: dlt-harvest login --oauth"
        )
    if said in ("invalid_client", "unauthorized_client"):
        raise SettingWrong(
            f"Harvest does not know this app ({said}): compare its client id and secret with https://id.getharvest.com/developers, "
            "then run `dlt-harvest login --oauth`."
        )
    if status == 429 or status >= 500 or status == 200:
        raise RetryableError(f"{urlsplit(url).hostname} gave no token ({status}).")
    raise HarvestError(
        f"{urlsplit(url).hostname} gave no token ({status}): {said}. Sign in again: dlt-harvest login --oauth"
    )


def _posted(url: str, form: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Status and JSON of a response; an empty document if it is none."""
    try:
        with requests.post(
            url,
            data=dict(form),
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            # Otherwise a .netrc file would add a login.
            auth=lambda request: request,
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
            stream=True,
            proxies=proxies_for(url),
        ) as response:
            status, body = response.status_code, response.raw.read(_MOST_BYTES, decode_content=True)
    except (requests.RequestException, OSError, ValueError) as error:
        failure = meaning_of(error, url, Settings(Secret("none"), "0", url))
    else:
        return status, _parsed(body)
    # Raised outside of `except`: the original error, chained, would carry the request and with it the secrets.
    raise failure


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_token(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value.isascii() and value.isprintable() and " " not in value
