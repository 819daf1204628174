"""Access tokens of a run: fetched before it, renewed when they expire, kept in memory only."""

from __future__ import annotations

from pathlib import Path

from dlt.common import logger

from harvest_time_tracking import Secret, SettingWrong
from harvest_time_tracking.secret import RenewableSecret
from harvest_warehouse.login.oauth import App, id_address, refreshed
from harvest_warehouse.settings.account import OAuthSettings, base_url, oauth_settings
from harvest_warehouse.settings.secret_states import OAUTH, secret_states
from harvest_warehouse.settings.secrets_file import SECRETS_FILE, store

_REFRESH_TOKEN = OAUTH[2]


def configured_token() -> Secret | None:
    """Access token of the configured login, which Harvest gives now; None if no refresh token is configured.

    A refresh token that comes back with it takes the place of the configured one, if that is in this folder's secrets file.

    Raises:
        LoginEnded: Harvest does not accept the refresh token any more.
        HarvestError: Harvest cannot be reached, or does not know the app.
    """
    settings = oauth_settings()
    if settings is None:
        return None
    renewal = _Renewal(settings, App(settings.client_id, settings.client_secret, id_address(base_url())))
    return RenewableSecret(renewal.access_token(), renewal.access_token)


class _Renewal:
    """Renewal of the access token, with the newest refresh token."""

    def __init__(self, settings: OAuthSettings, app: App) -> None:
        self._refresh_token = settings.refresh_token
        self._app = app
        self._is_warned = False

    def access_token(self) -> str:
        tokens = refreshed(self._app, self._refresh_token)
        if tokens.refresh is not None and tokens.refresh != self._refresh_token:
            self._refresh_token = tokens.refresh
            self._keep()
        return tokens.access.reveal()

    def _keep(self) -> None:
        """Write the new refresh token where the old one was, or warn once."""
        where = next((one.where for one in secret_states() if one.name == _REFRESH_TOKEN), "")
        why = f"it is set in {where}"
        if where == SECRETS_FILE.as_posix():
            try:
                store(Path.cwd(), {_REFRESH_TOKEN: self._refresh_token.reveal()})
            except (OSError, SettingWrong) as error:
                why = f"{SECRETS_FILE} cannot be written ({type(error).__name__})"
            else:
                return
        if not self._is_warned:
            self._is_warned = True
            logger.warning(
                f"Harvest sent a new refresh token, which is used until this run ends and cannot be kept: {why}. The old one works as "
                "long as Harvest accepts it; a later run that says otherwise needs `dlt-harvest login --oauth`, where the file can "
                "be written."
            )
