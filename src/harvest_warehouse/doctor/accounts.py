"""Accounts that a token reaches, by Harvest's list, which needs no account id; and those that a run goes through.

https://help.getharvest.com/api-v2/authentication-api/authentication/authentication/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from harvest_time_tracking import Settings, SettingWrong, printable
from harvest_time_tracking.http.network import Connection
from harvest_time_tracking.http.protocol import read_answer, read_document
from harvest_time_tracking.settings import is_loopback
from harvest_warehouse.login import configured_token
from harvest_warehouse.settings.account import account_settings, wanted_accounts

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


@dataclass(frozen=True)
class Accounts:
    """Accounts that a run goes through.

    Attributes:
        settings: settings of each, in the order in which they are configured or listed by Harvest.
        is_several: whether `accounts` is configured, even if only one is in it.
        is_all: whether it is `"all"`.
        names: name by id, as far as Harvest's list was asked.
    """

    settings: tuple[Settings, ...]
    is_several: bool = False
    is_all: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    def called(self, account_id: str) -> str:
        """How messages call an account: its number, and its name if that is known."""
        name = self.names.get(account_id)
        return f"{account_id} ({name})" if name else account_id


def configured_accounts(*, account_id: str | None = None, start_date: str | None = None) -> Accounts:
    """Settings of the configured accounts: those of `accounts`, else that of `account_id`.

    Gets an access token if a login with OAuth is configured. Asks Harvest for its list if `accounts` is `"all"`: accounts of Forecast are left out.

    Args:
        account_id: only this one of them.
        start_date: overrides the configured one.

    Raises:
        SettingWrong: a setting is missing or invalid, or `account_id` is not one of the accounts.
        HarvestError: Harvest's list cannot be read, or Harvest gives no token.
    """
    wanted, token = wanted_accounts(), configured_token()
    if wanted is None:
        return Accounts((account_settings(start_date=start_date, account_id=account_id, access_token=token),))
    some_id = "0" if wanted == "all" else wanted[0]
    first = account_settings(start_date=start_date, account_id=some_id, access_token=token)
    names: dict[str, str] = {}
    if wanted == "all":
        names = _all_of_harvest(first)
    ids = tuple(names) if wanted == "all" else wanted
    if account_id is None:
        return Accounts(tuple(replace(first, account_id=one) for one in ids), True, wanted == "all", names)
    if account_id not in ids:
        raise SettingWrong(f"{account_id} is none of the accounts: {', '.join(ids)}.")
    return Accounts((replace(first, account_id=account_id),), names=names)


def _all_of_harvest(settings: Settings) -> dict[str, str]:
    reached = reached_accounts(settings)
    if reached is None:
        raise SettingWrong(
            'base_url is not Harvest\'s own, so its list of accounts is not asked: name them, as in accounts = ["123456"].'
        )
    names = {account.account_id: account.name for account in reached if account.is_harvest}
    if not names:
        raise SettingWrong("This token reaches no account of Harvest. `dlt-harvest login` says what a token reaches.")
    return names


def google_hint(account_id: str) -> str:
    """What to do if a company allows its people to sign in with Google only: it refuses tokens of other logins."""
    return (
        "If this company requires signing in with Google, do so once in your browser, at "
        f"https://id.getharvest.com/accounts/{account_id}/google, and sign in again (dlt-harvest login --oauth)."
    )


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
