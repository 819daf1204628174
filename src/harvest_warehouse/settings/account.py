"""Read the account's settings from dlt's configuration (`.dlt/secrets.toml`, `.dlt/config.toml`, environment)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal

import dlt
from dlt.common.configuration import inject_section, with_config
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
from dlt.common.configuration.specs.config_section_context import ConfigSectionContext

from harvest_time_tracking import Secret, Settings, SettingWrong, printable
from harvest_time_tracking.reading.request_shares import check_requests
from harvest_time_tracking.settings import HOW_TO_SIGN_IN, as_date

PIPELINE = "harvest_time_tracking_pipeline"
REREAD_REQUESTS = 10
"""Default number of requests per sync for the rolling re-read of history, enough for 20,000 time entries."""


def account_settings(
    pipeline_name: str = PIPELINE, *, start_date: str | None = None, account_id: str | None = None
) -> Settings:
    """Read the account's settings from dlt's configuration: `.dlt/secrets.toml`, `.dlt/config.toml` or the environment.

    Resolved as for the dlt source itself, in every form that dlt accepts.

    Args:
        pipeline_name: name of the pipeline; settings under it take precedence, as in dlt.
        start_date: overrides the configured one.
        account_id: overrides the configured one, which may then be missing.

    Raises:
        SettingWrong: a setting is missing or invalid; the message says how to set it.
    """
    given: dict[str, Any] = {} if account_id is None else {"account_id": account_id}
    with _found(pipeline_name):
        found: Settings = _resolve(**given)
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
) -> Settings:
    return Settings(
        Secret(access_token.strip()),
        str(account_id).strip(),
        base_url,
        user_agent,
        as_date("start_date", start_date),
        requests_per_15_s,
        report_requests_per_15_min,
    )
