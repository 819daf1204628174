"""Accounts that a token reaches, by Harvest's list, which needs no account id.

https://help.getharvest.com/api-v2/authentication-api/authentication/authentication/
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from harvest_time_tracking import Settings, printable
from harvest_time_tracking.http.network import Connection
from harvest_time_tracking.http.protocol import read_answer, read_document
from harvest_time_tracking.settings import is_loopback

_HARVEST_HOST = "api.harvestapp.com"
_ACCOUNTS_URL = "https://id.getharvest.com/api/v2/accounts"


@dataclass(frozen=True)
class ReachedAccount:
    """Account that a token reaches: its id, its name, and its product (`harvest` or `forecast`)."""

    account_id: str
    name: str
    product: str

    @property
    def is_harvest(self) -> bool:
        """True for Harvest, false for Forecast, which has a token in common with it and no table here."""
        return self.product == "harvest"

    def __str__(self) -> str:
        return f"{self.account_id} ({self.name})"


def reached_accounts(settings: Settings) -> list[ReachedAccount] | None:
    """List the accounts; None where the token must not be sent, since `base_url` is another host than Harvest's.

    Raises:
        HarvestError: Harvest does not accept the token, or the request failed.
    """
    url = urlsplit(settings.base_url)
    if is_loopback(url.hostname):
        address = f"{url.scheme}://{url.netloc}/api/v2/accounts"
    elif url.hostname == _HARVEST_HOST:
        address = _ACCOUNTS_URL
    else:
        return None
    received = Connection(settings).get(address)
    answer = read_answer(received.status, received.headers, received.body, address, datetime.now(UTC), settings)
    accounts = read_document(answer)[0].get("accounts")
    return [
        ReachedAccount(*(printable(str(account.get(name))) for name in ("id", "name", "product")))
        for account in (accounts if isinstance(accounts, list) else ())
        if isinstance(account, dict)
    ]
