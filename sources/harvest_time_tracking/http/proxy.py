"""Network route to Harvest: proxies, certificates, and the meaning of connection errors."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from socket import gaierror
from urllib.parse import urlsplit

import requests
from requests.exceptions import InvalidSchema, InvalidURL, ProxyError

from ..errors import HarvestError, NetworkWrong, Unreachable
from ..settings import Settings, is_loopback
from ..words import printable, without_login

# A name server or proxy may still be starting, but more attempts are unlikely to help.
_BRIEF_TRIES = 3


@dataclass(frozen=True)
class Route:
    """Route from this machine to an address, as text without secrets.

    Attributes:
        host: host name of the address.
        proxy: address of the proxy, without user and password; None if there is none.
        proxy_from: where the proxy is configured: an environment variable, or the system.
        certificates: file of the trusted certificates; None without TLS.
        certificates_from: where that file is configured.
    """

    host: str
    proxy: str | None
    proxy_from: str
    certificates: str | None
    certificates_from: str

    def __str__(self) -> str:
        way = f"{self.host} {f'through the proxy {self.proxy} ({self.proxy_from})' if self.proxy is not None else 'without a proxy'}"
        return f"{way}, certificates from {self.certificates} ({self.certificates_from})" if self.certificates else way


def proxies_for(url: str) -> dict[str, str] | None:
    """Proxies to use instead of the environment's: empty ones for this machine itself; None for the environment's."""
    return {"http": "", "https": ""} if is_loopback(urlsplit(url).hostname) else None


def route_to(url: str) -> Route:
    """Route to `url`, according to the environment and the system."""
    place = urlsplit(url)
    found = requests.Session().merge_environment_settings(url, proxies_for(url) or {}, None, None, None)
    proxy = requests.utils.select_proxy(url, found["proxies"])
    bundle = found["verify"] if isinstance(found["verify"], str) else requests.utils.DEFAULT_CA_BUNDLE_PATH
    return Route(
        place.hostname or "",
        printable(without_login(proxy)) if proxy else None,
        _variable(proxy, (f"{place.scheme}_proxy", "all_proxy")) or "the system's settings",
        printable(bundle) if place.scheme == "https" else None,
        _variable(bundle, ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")) or "those that come with Python's certifi",
    )


def meaning_of(error: Exception, url: str, settings: Settings) -> HarvestError:
    """Translate a failed request to `url` into an error that says whether a retry may help, and where to look if not."""
    way, said = route_to(url), printable(str(error), most=2_000)
    # requests does not translate some of urllib3's errors.
    is_no_address = isinstance(error, InvalidURL | InvalidSchema) or "Failed to parse" in said
    if "SOCKS support" in said:
        return NetworkWrong(
            f"{way.proxy_from} names a SOCKS proxy ({way.proxy}), which needs PySocks: pip install PySocks."
        )
    if way.proxy is not None and (is_no_address or isinstance(error, ProxyError)):
        return _blocked(
            f"No way through the proxy {way.proxy!r} that {way.proxy_from} names", said, is_no_address=is_no_address
        )
    if "certificate" in said.lower() or "[X509" in said:
        why = re.search(r"verify failed: ([^(\[]*[^(\[ ])", said)
        return NetworkWrong(
            f"The certificate of {way.host} cannot be trusted ({why[1] if why else 'what is trusted cannot be read'}). "
            f"Trusted certificates are in {way.certificates} ({way.certificates_from}). If your company's proxy inspects traffic, "
            "put its certificate into the file that REQUESTS_CA_BUNDLE names."
        )
    if "WRONG_VERSION_NUMBER" in said:
        return NetworkWrong(f"Whatever answers for {way.host} does not speak https: check base_url and HTTPS_PROXY.")
    if any(isinstance(cause, gaierror) for cause in _causes(error)):
        return Unreachable(
            f"The name {way.host} is not known here: is the network up, and base_url right? If you need "
            "a proxy, HTTPS_PROXY must name it.",
            most_tries=_BRIEF_TRIES,
        )
    return Unreachable(f"No good answer from {settings.base_url} ({type(error).__name__}).")


def _blocked(where: str, said: str, *, is_no_address: bool) -> HarvestError:
    """Translate a failure of a proxy into an error."""
    if is_no_address:
        return NetworkWrong(f"{where}: that is not the address of a proxy.")
    if "only use HTTP" in said:
        return NetworkWrong(f"{where}: it speaks http, so its address must begin with http://.")
    answered = re.search(r"Tunnel connection failed: (\d+)", said)
    if answered and answered[1].startswith("4"):
        login = ", it needs a user and a password (http://user:password@...)" if answered[1] == "407" else ""
        return NetworkWrong(f"{where}: it answers {answered[1]}{login}.")
    if answered:
        return Unreachable(f"{where}: it answers {answered[1]}.")
    return Unreachable(f"{where}: it cannot be reached.", most_tries=_BRIEF_TRIES)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Iterate over an error and its causes, including those that requests and urllib3 keep in `reason` and `args`."""
    link: object = error
    while isinstance(link, BaseException):
        yield link
        link = getattr(link, "reason", None) or link.__cause__ or next(iter(link.args), None)


def _variable(value: str | None, names: tuple[str, ...]) -> str | None:
    """Name of the environment variable that holds a value."""
    spelled = [name for each in names for name in (each.upper(), each.lower())]
    return next((name for name in spelled if value and os.environ.get(name) == value), None)
