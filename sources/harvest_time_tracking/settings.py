"""Settings of the source: account, token and rate limits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

from .column_policy import KEEP_ALL, ColumnPolicy
from .errors import SettingWrong
from .secret import Secret
from .words import printable, without_login

__all__ = ["Secret", "Settings", "as_date", "is_loopback"]

BASE_URL = "https://api.harvestapp.com/v2"
# Harvest wants an application and a contact: https://help.getharvest.com/api-v2/introduction/overview/general/
USER_AGENT = "dlt-harvest (https://dlthub.com)"
REQUESTS_PER_15_S = 100
REPORT_REQUESTS_PER_15_MIN = 100


@dataclass(frozen=True)
class Settings:
    """Settings of one Harvest account: credentials, base URL and rate limits.

    Attributes:
        access_token: a personal access token, or an OAuth2 access token.
        account_id: the account's number, as text.
        base_url: base URL of the API, including its version, without a trailing slash.
        user_agent: `User-Agent` header of every request; Harvest refuses a request without one.
        start_date: first day of the dated lists (time entries, expenses, invoices, estimates) and of the reports; None
            for the whole history.
        requests_per_15_s: rate limit for all requests except reports; 0 disables it.
        report_requests_per_15_min: rate limit for reports; 0 disables it.
        columns: columns to leave empty, and what to do with new fields.

    Raises:
        SettingWrong: a value is invalid; the message names the setting and what is expected.
    """

    access_token: Secret = field(repr=False)
    account_id: str
    base_url: str = BASE_URL
    user_agent: str = USER_AGENT
    start_date: date | None = None
    requests_per_15_s: int = REQUESTS_PER_15_S
    report_requests_per_15_min: int = REPORT_REQUESTS_PER_15_MIN
    columns: ColumnPolicy = KEEP_ALL

    def __post_init__(self) -> None:
        token = self.access_token.reveal()
        if not token.strip():
            raise SettingWrong(f"access_token is empty. {HOW_TO_SIGN_IN}")
        if not _fits_in_a_header(token):
            raise SettingWrong(
                f"access_token holds a space, a line break or a character that no token has. {HOW_TO_SIGN_IN}"
            )
        if not re.fullmatch(r"[0-9]+", self.account_id):
            raise SettingWrong(
                f"account_id must be the account's number, got {printable(self.account_id, most=12)!r}. It is shown beside the token on "
                f"https://id.getharvest.com/developers."
            )
        self._check_base_url()
        if not self.user_agent.strip() or not self.user_agent.isprintable() or not self.user_agent.isascii():
            raise SettingWrong(
                "user_agent must name an application and a contact in plain letters, such as 'Acme BI (data@acme.example)'."
            )
        for name in ("requests_per_15_s", "report_requests_per_15_min"):
            if getattr(self, name) < 0:
                raise SettingWrong(f"{name} must be 0 (no pacing) or more, got {getattr(self, name)}.")

    def _check_base_url(self) -> None:
        shown = printable(without_login(self.base_url))
        if not _is_address(self.base_url):
            raise SettingWrong(f"base_url must look like {BASE_URL}, got {shown!r}.")
        if "@" in self.base_url:
            raise SettingWrong(f"base_url holds a user or a password, which Harvest does not ask for: leave {shown!r}.")
        url = urlsplit(self.base_url)
        if url.scheme == "http" and not is_loopback(url.hostname):
            raise SettingWrong(f"base_url {shown!r} would send the token unencrypted: use https.")


def is_loopback(host: str | None) -> bool:
    """True if a host is this machine: requests to it stay off the network and bypass proxies."""
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


HOW_TO_SIGN_IN = (
    "Make a personal access token at https://id.getharvest.com/developers and put it, with the account's id, into "
    ".dlt/secrets.toml under [sources.harvest_time_tracking] as access_token and account_id, or into the environment as "
    "SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN and SOURCES__HARVEST_TIME_TRACKING__ACCOUNT_ID."
)


def _fits_in_a_header(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text


def _is_address(text: str) -> bool:
    """True if a text is a valid and unambiguous base URL."""
    try:
        url = urlsplit(text)
        # Raises if the port is not a number, or if a label of the host name is empty or too long for DNS.
        has_host = url.port != 0 and bool((url.hostname or "").encode("idna"))
    except ValueError:
        return False
    is_plain = text.isprintable() and {" ", "\\"}.isdisjoint(text)
    return has_host and is_plain and url.scheme in ("http", "https") and not url.query and not url.fragment


def as_date(name: str, value: object) -> date | None:
    """Parse a date setting: a date, text (`2024-01-31`), or None or empty text for none.

    Raises:
        SettingWrong: the text is not a calendar day.
    """
    if value is None or value == "":
        return None
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    try:
        # A day, or a timestamp, as other tools write their start dates.
        return datetime.fromisoformat(str(value)).date()
    except ValueError:
        raise SettingWrong(f"{name} must be a day such as 2024-01-31, got {value!r}.") from None
