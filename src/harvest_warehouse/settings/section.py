"""Read a configuration section of dlt-harvest's own, and refuse unknown names, in files and in the environment."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal, InvalidOperation

import dlt

from harvest_time_tracking import SettingWrong


def given(
    section: str, known: Sequence[str], *, secrets: Collection[str] = (), texts: Collection[str] = ()
) -> dict[str, object]:
    """Read the settings of a section that are set; the environment takes precedence over files.

    Args:
        section: name of the section, such as `harvest_marts`.
        known: names of its settings.
        secrets: names of those whose values no message may show.
        texts: names of those that are texts, whatever they begin with, such as passwords.

    Raises:
        SettingWrong: a name is unknown (with the closest match), or the text of a table or list is neither TOML nor JSON.
    """
    for name in _names_in_files(section):
        if name not in known:
            raise SettingWrong(f"[{section}] has no setting {name!r}.{_hint(name, known)}")
    variables = {variable(section, name): name for name in known}
    for written in _variables(section):
        if written not in variables:
            raise SettingWrong(f"There is no setting {written}.{_hint(written.upper(), list(variables))}")
    values: dict[str, object] = {name: dlt.config.get(f"{section}.{name}") for name in known}
    return {
        name: _read(variable(section, name), value, is_secret=name in secrets)
        if isinstance(value, str) and name not in texts
        else value
        for name, value in values.items()
        if value is not None
    }


def variable(section: str, name: str) -> str:
    """Name of the environment variable for a setting."""
    return f"{section}__{name}".upper()


def number(name: str, value: object, where: str) -> Decimal:
    """Parse a setting that is a number.

    Args:
        name: name of the setting.
        value: value as configured.
        where: sentence that says where it is set, for the message.

    Raises:
        SettingWrong: the value is not a finite number.
    """
    try:
        parsed = Decimal(str(value))
    except InvalidOperation:
        parsed = Decimal("nan")
    if not parsed.is_finite():
        raise SettingWrong(f"{name} must be a number, got {value!r}. {where}")
    return parsed


def _names_in_files(section: str) -> Iterator[str]:
    for provider in dlt.config.config_providers:
        found, _ = provider.get_value(section, object, "")
        if isinstance(found, dict):
            yield from found


def _variables(section: str) -> list[str]:
    """Environment variables of a section, including those in lower case, which dlt does not read."""
    return sorted(name for name in os.environ if name.upper().startswith(variable(section, "")))


def _hint(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]}?" if close else f" There are: {', '.join(known)}."


def _read(name: str, text: str, *, is_secret: bool = False) -> object:
    """Parse a setting's text: a list or a table as TOML or JSON; anything else stays text."""
    if not text.lstrip().startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text.strip()}", parse_float=Decimal)["value"]
    except tomllib.TOMLDecodeError as error:
        said = error
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError:
        why = "" if is_secret else f": {said} in {text!r}"
        raise SettingWrong(
            f'{name} is neither TOML, such as {{USD = {{"2026-01" = 0.92}}}} or ["Monday", "Tuesday"], nor JSON{why}.'
        ) from None
