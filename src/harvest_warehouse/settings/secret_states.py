"""Which secrets are set, and where: names only. Values are looked at and never returned."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import dlt
import tomlkit
from dlt.common.configuration.providers import ConfigProvider
from dlt.common.configuration.providers.doc import BaseDocProvider

from harvest_warehouse.settings.account import PIPELINE

State = Literal["set", "placeholder", "missing"]

SECTION = "sources.harvest_time_tracking"
NEEDED = (f"{SECTION}.access_token", f"{SECTION}.account_id")
OAUTH = (f"{SECTION}.oauth_client_id", f"{SECTION}.oauth_client_secret", f"{SECTION}.oauth_refresh_token")
"""What a login with an app of one's own keeps in place of an access token."""
WEBHOOK = "runtime.slack_incoming_hook"
SHORT = {"access_token": NEEDED[0], "account_id": NEEDED[1], "slack_incoming_hook": WEBHOOK}
"""Short names of the secrets that most people set."""
# Where dlt looks for the settings of a source, in its order.
_SOURCES = "sources"
_SECTIONS = (
    (_SOURCES, "harvest_time_tracking", "harvest_time_tracking_source"),
    (_SOURCES, "harvest_time_tracking"),
    (_SOURCES, "harvest_time_tracking_source"),
    (_SOURCES,),
    (),
)
# Other names in a file may be anything, even a token in the wrong place.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
# dlt's words for the file in this folder, and for the one in the user's own.
_FILES = {"secrets.toml": ".dlt/secrets.toml", "global:secrets.toml": "secrets.toml in dlt's global folder"}
_OF_DESTINATIONS = re.compile(r"DESTINATION__[A-Z0-9_]*CREDENTIALS[A-Z0-9_]*")


@dataclass(frozen=True)
class SecretState:
    """Whether a secret is set.

    Attributes:
        name: its dotted name, such as `sources.harvest_time_tracking.access_token`.
        state: set, placeholder (an example's text is still there), or missing.
        where: the variable or the file that has it; empty if it is missing.
    """

    name: str
    state: State
    where: str = ""


def secret_states() -> list[SecretState]:
    """Look for every secret: what Harvest needs, the webhook, and whatever else is in the secrets files or for destinations."""
    found = [_account_secret(name) for name in NEEDED]
    found += [one for one in map(_account_secret, OAUTH) if one.state != "missing"]
    found.append(_plain_secret(WEBHOOK))
    known = {WEBHOOK, *(spelling for name in (*NEEDED, *OAUTH) for spelling in spellings(name))}
    found += [_plain_secret(name) for name in sorted(set(_names_in_files()) - known)]
    for name in sorted(os.environ):
        dotted = name.replace("__", ".").lower()
        if _OF_DESTINATIONS.fullmatch(name) and dotted not in {one.name for one in found}:
            found.append(SecretState(dotted, state_of(os.environ[name]), _variable(name)))
    return found


def spellings(name: str) -> list[str]:
    """Every dotted name under which dlt looks for a secret, in its order: several for those of the account."""
    if name not in (*NEEDED, *OAUTH):
        return [name]
    key = name.rpartition(".")[2]
    plain = [".".join((*path, key)) for path in _SECTIONS]
    return [*(f"{PIPELINE}.{one}" for one in plain), *plain]


def state_of(value: object) -> State:
    """Tell a value from an example's text."""
    if value is None:
        return "missing"
    text = str(value).strip()
    is_example = not text or text == "***" or text.startswith(("<", "your ", "xxx")) or text.endswith("...")
    return "placeholder" if is_example else "set"


def _account_secret(name: str) -> SecretState:
    """Look where dlt looks for a setting of the source: first under the pipeline's name, then without."""
    key = name.rpartition(".")[2]
    for pipeline in (PIPELINE, None):
        for provider in _providers():
            for path in _SECTIONS:
                found = _looked_up(provider, name, key, pipeline, path)
                if found:
                    return found
    return SecretState(name, "missing")


def _plain_secret(name: str) -> SecretState:
    *path, key = name.split(".")
    for provider in _providers():
        found = _looked_up(provider, name, key, None, tuple(path))
        if found:
            return found
    return SecretState(name, "missing")


def _looked_up(
    provider: ConfigProvider, name: str, key: str, pipeline: str | None, path: tuple[str, ...]
) -> SecretState | None:
    value, variable = provider.get_value(key, str, pipeline, *path)
    if value is None:
        return None
    if not isinstance(provider, BaseDocProvider):
        return SecretState(name, state_of(value), _variable(variable))
    location = provider.get_value_location(key, pipeline, *path) or provider.name
    return SecretState(name, state_of(value), _FILES.get(location, location))


def _variable(name: str) -> str:
    return f"the variable {name}"


def _providers() -> list[ConfigProvider]:
    return [one for one in dlt.config.config_providers if one.supports_secrets]


def _names_in_files() -> Iterator[str]:
    for provider in _providers():
        if isinstance(provider, BaseDocProvider):
            yield from _leaves(tomlkit.parse(provider.to_toml()).unwrap(), ())


def _leaves(section: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    for name, value in section.items():
        if not _NAME.fullmatch(name):
            continue
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, name))
        else:
            yield ".".join((*path, name))
