"""Check a token before it is kept: that Harvest accepts it, which account it is for, and what its owner sees."""

from __future__ import annotations

from dataclasses import dataclass

from harvest_time_tracking import STREAMS, Client, Secret, Settings, SettingWrong, printable
from harvest_time_tracking.errors import Forbidden, NotFound, TokenRejected
from harvest_warehouse.doctor.accounts import ReachedAccount, google_hint, reached_accounts

# Somebody is waiting at the terminal.
_TRIES = 3
_UNCHANGED = "Nothing was changed."


@dataclass(frozen=True)
class LoginReport:
    """Result of checking a token.

    Attributes:
        account_id: the Harvest account that it is for.
        person: name of the token's owner in that account.
        roles: their access roles.
        reached: every account that the token reaches, of all products; empty if Harvest's list was not asked.
    """

    account_id: str
    person: str
    roles: tuple[str, ...]
    reached: tuple[ReachedAccount, ...]

    @property
    def sees_all(self) -> bool:
        """True if every row of the account is visible."""
        return "administrator" in self.roles


def check_login(token: Secret, base_url: str, account_id: str | None = None) -> LoginReport:
    """Ask Harvest what a token reaches, with three requests at most. Nothing is written.

    Args:
        token: the token.
        base_url: base address of the API.
        account_id: the account; None for the only one that it reaches.

    Raises:
        SettingWrong: Harvest does not accept the token, or which account it is for cannot be told.
        HarvestError: Harvest cannot be reached, or failed.
    """
    try:
        reached = reached_accounts(Settings(token, account_id or "0", base_url))
    except TokenRejected:
        raise SettingWrong(f"Harvest does not accept this token: was it copied as a whole? {_UNCHANGED}") from None
    chosen = _chosen(reached, account_id)
    with Client(Settings(token, chosen, base_url), tries=_TRIES) as client:
        try:
            me = client.page(STREAMS["users_me"].path, None).records[0]
        except (TokenRejected, NotFound, Forbidden) as error:
            hint = f" {google_hint(chosen)}" if reached and not isinstance(error, NotFound) else ""
            raise SettingWrong(f"The token does not open account {chosen}: {error}{hint} {_UNCHANGED}") from None
    roles = me.get("access_roles")
    return LoginReport(
        chosen,
        printable(" ".join(str(me.get(key) or "") for key in ("first_name", "last_name"))) or "somebody without a name",
        tuple(printable(str(role)) for role in roles) if isinstance(roles, list) else (),
        tuple(reached or ()),
    )


def _chosen(reached: list[ReachedAccount] | None, account_id: str | None) -> str:
    """Id of the account to use."""
    if reached is None:
        if account_id:
            return account_id
        raise SettingWrong(
            f"base_url is not Harvest's own, so its list of accounts is not asked: add --account-id. {_UNCHANGED}"
        )
    mine = [account for account in reached if account.is_harvest]
    said = ", ".join(map(str, mine)) or "none"
    if account_id:
        if account_id not in {account.account_id for account in mine}:
            raise SettingWrong(
                f"This token does not reach account {account_id} of Harvest. It reaches: {said}. {_UNCHANGED}"
            )
        return account_id
    if len(mine) != 1:
        raise SettingWrong(f"Which account? This token reaches: {said}. Choose one by --account-id. {_UNCHANGED}")
    return mine[0].account_id
