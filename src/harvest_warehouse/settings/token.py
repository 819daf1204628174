"""Forget Harvest's token in a process that has no use for it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import tomlkit
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers import CustomLoaderDocProvider
from dlt.common.configuration.providers.doc import BaseDocProvider
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

_TOKEN = "access_token"  # noqa: S105 (the setting's name)
_SECRETS = (_TOKEN, "oauth_client_secret", "oauth_refresh_token")
_DESTINATION = "destination"


def forget_token() -> None:
    """Remove the settings of sources from dlt's configuration in memory, and the token from the environment.

    Credentials of destinations stay, whatever their names: one of them has an `access_token` of its own.
    """
    for name in [name for name in os.environ if name.lower().endswith(_SECRETS)]:
        if _DESTINATION not in name.lower():
            del os.environ[name]
    providers = Container()[PluggableRunContext].providers
    for provider in [one for one in providers.providers if isinstance(one, BaseDocProvider)]:
        kept = _kept(tomlkit.parse(provider.to_toml()).unwrap())
        providers[provider.name] = CustomLoaderDocProvider(
            provider.name, kept.copy, provider.supports_secrets, provider.locations
        )


def _kept(section: Mapping[str, Any]) -> dict[str, Any]:
    """A section without sources and tokens, except in the sections of destinations."""
    made: dict[str, Any] = {}
    for name, value in section.items():
        if name == _DESTINATION or not isinstance(value, Mapping):
            made |= {name: value} if name not in _SECRETS else {}
        elif name != "sources":
            made[name] = _kept(value)
    return made
