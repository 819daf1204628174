"""Read the account's settings from dlt's configuration (`.dlt/secrets.toml`, `.dlt/config.toml`, environment)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import dlt
from dlt.common.configuration import inject_section, with_config
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext

from harvest_time_tracking import STREAMS, Secret, Settings, SettingWrong, column_policy, printable
from harvest_time_tracking.reading.request_shares import check_requests
from harvest_time_tracking.settings import HOW_TO_SIGN_IN, as_date

PIPELINE = "harvest_time_tracking_pipeline"
REREAD_REQUESTS = 10
"""Default number of requests per sync for the rolling re-read of history, enough for 20,000 time entries."""


def account_settings(
    pipeline_name: str = PIPELINE,
    *,
    start_date: str | None = None,
    account_id: str | None = None,
    access_token: Secret | None = None,
) -> Settings:
    """Read the account's settings from dlt's configuration: `.dlt/secrets.toml`, `.dlt/config.toml` or the environment.

    Resolved as for the dlt source itself, in every form that dlt accepts.

    Args:
        pipeline_name: name of the pipeline; settings under it take precedence, as in dlt.
        start_date: overrides the configured one.
        account_id: overrides the configured one, which may then be missing.
        access_token: overrides the configured one, which may then be missing.

    Raises:
        SettingWrong: a setting is missing or invalid; the message says how to set it.
    """
    given: dict[str, Any] = {} if account_id is None else {"account_id": account_id}
    if access_token is not None:
        given["access_token"] = access_token.reveal()
    with _found(pipeline_name):
        found: Settings = _resolve(**given)
    if access_token is not None:
        found = replace(found, access_token=access_token)
    return found if start_date is None else replace(found, start_date=as_date("start_date", start_date))


def wanted_accounts(pipeline_name: str = PIPELINE) -> tuple[str, ...] | Literal["all"] | None:
    """Accounts to go through in one run: all that the token reaches (`"all"`), or these (`["123456", "234567"]`), in place of `account_id`.

    Raises:
        SettingWrong: it is neither, or a number is there twice.
    """
    with _found(pipeline_name):
        found: Any = _resolve_accounts()
    if found is None:
        return None
    text = found.strip() if isinstance(found, str) else ""
    if text.lower() == "all":
        return "all"
    listed = text.strip("[]").replace(",", " ").split() if isinstance(found, str) else found
    ids = tuple(str(one).strip(" '\"") for one in listed) if isinstance(listed, list | tuple) else ()
    if not ids or not all(re.fullmatch(r"[0-9]+", one) for one in ids):
        raise SettingWrong(
            f'accounts must be "all" or a list of account numbers, got {printable(str(found), most=80)!r}.'
        )
    if len(set(ids)) < len(ids):
        raise SettingWrong(f"accounts has a number twice: {', '.join(ids)}.")
    return ids


def reread_requests(pipeline_name: str = PIPELINE) -> int:
    """Approximate number of requests that each sync spends on re-reading history, from the account's configuration sections.

    Raises:
        SettingWrong: it is not a number, or negative.
    """
    with _found(pipeline_name):
        found: int = _resolve_reread_requests()
    if found < 0:
        raise SettingWrong(f"reread_requests must be 0 (read no history again) or more, got {found}.")
    return found


def children_requests(pipeline_name: str = PIPELINE) -> int | None:
    """Read the setting `children_requests`: number of requests per run for child records; None for the default.

    Raises:
        SettingWrong: it is not a number, or too small.
    """
    with _found(pipeline_name):
        found: int | None = _resolve_children_requests()
    check_requests(found)
    return found


def base_url(pipeline_name: str = PIPELINE) -> str:
    """Base URL of the API, from the account's configuration sections; of all settings the one that a login needs."""
    with _found(pipeline_name):
        found: str = _resolve_base_url()
    return found


@dataclass(frozen=True)
class OAuthSettings:
    """App of the user's own at Harvest, and the refresh token that a login with it gave.

    Attributes:
        client_id: id of the app.
        client_secret: its secret.
        refresh_token: what gets new access tokens.
    """

    client_id: str
    client_secret: Secret
    refresh_token: Secret


def oauth_settings(pipeline_name: str = PIPELINE) -> OAuthSettings | None:
    """Read `oauth_client_id`, `oauth_client_secret` and `oauth_refresh_token`, which `dlt-harvest login --oauth` writes; None without the last.

    Raises:
        SettingWrong: the refresh token is there without its app.
    """
    with _found(pipeline_name):
        values: tuple[str | None, ...] = _resolve_oauth()
    client_id, client_secret, refresh_token = (str(value).strip() if value else "" for value in values)
    if not refresh_token:
        return None
    if not client_id or not client_secret:
        raise SettingWrong(
            "oauth_refresh_token is set, and oauth_client_id or oauth_client_secret is missing: run `dlt-harvest login --oauth`, "
            "or remove it."
        )
    return OAuthSettings(client_id, Secret(client_secret), Secret(refresh_token))


@contextmanager
def _found(pipeline_name: str) -> Iterator[None]:
    """Include settings under the pipeline's name, and translate dlt's configuration errors into SettingWrong."""
    try:
        with inject_section(ConfigSectionContext(pipeline_name=pipeline_name)):
            yield
    except ConfigFieldMissingException as error:
        raise SettingWrong(f"{' and '.join(error.fields)} missing. {HOW_TO_SIGN_IN}") from None
    except ConfigurationException as error:
        raise SettingWrong(f"dlt cannot read its configuration: {printable(str(error))}") from None


_SECTIONS = ("sources", "harvest_time_tracking", "harvest_time_tracking_source")


@with_config(sections=_SECTIONS)
def _resolve_reread_requests(reread_requests: int = REREAD_REQUESTS) -> int:
    return reread_requests


@with_config(sections=_SECTIONS)
def _resolve_oauth(
    oauth_client_id: str | None = None, oauth_client_secret: str | None = None, oauth_refresh_token: str | None = None
) -> tuple[str | None, ...]:
    return oauth_client_id, oauth_client_secret, oauth_refresh_token


@with_config(sections=_SECTIONS)
def _resolve_accounts(accounts: Any = None) -> Any:
    return accounts


@with_config(sections=_SECTIONS)
def _resolve_children_requests(children_requests: int | None = None) -> int | None:
    return children_requests


@with_config(sections=_SECTIONS)
def _resolve_base_url(base_url: str = Settings.base_url) -> str:
    return base_url


@with_config(sections=_SECTIONS)
def _resolve(
    access_token: str = dlt.secrets.value,
    account_id: str = dlt.secrets.value,
    base_url: str = Settings.base_url,
    start_date: str | None = None,
    user_agent: str = Settings.user_agent,
    requests_per_15_s: int = Settings.requests_per_15_s,
    report_requests_per_15_min: int = Settings.report_requests_per_15_min,
    exclude_columns: Any = None,
    on_new_column: Any = None,
) -> Settings:
    return Settings(
        Secret(access_token.strip()),
        str(account_id).strip(),
        base_url,
        user_agent,
        as_date("start_date", start_date),
        requests_per_15_s,
        report_requests_per_15_min,
        column_policy(exclude_columns, on_new_column, STREAMS),
    )
