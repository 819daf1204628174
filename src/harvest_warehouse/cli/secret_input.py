"""Ask for a secret: hidden on a terminal, and refused where it cannot be one."""

from __future__ import annotations

import warnings
from getpass import GetPassWarning, getpass


def prompted(name: str) -> str:
    """Ask for a secret without showing it. Raises SettingWrong."""
    from harvest_time_tracking import SettingWrong

    with warnings.catch_warnings():
        # Without a way to hide what is typed, it would be shown.
        warnings.simplefilter("error", GetPassWarning)
        try:
            return getpass(f"{name} (hidden): ")
        except GetPassWarning:
            raise SettingWrong("This terminal cannot hide what is typed: pass the value through a pipe.") from None
        except EOFError:
            raise SettingWrong("Nothing was typed. Nothing was changed.") from None


def checked(name: str, value: str) -> str:
    """A value without blanks around it. Raises SettingWrong, without the value, if it cannot be one."""
    from harvest_time_tracking import SettingWrong
    from harvest_warehouse.settings.secret_states import state_of

    value = value.strip()
    if state_of(value) != "set" or not value.isprintable():
        raise SettingWrong(
            f"That is no value for {name}: it is empty, an example, or has characters that cannot be printed. Nothing was changed."
        )
    if name.endswith(".account_id") and not value.isdecimal():
        raise SettingWrong("account_id is a number, shown beside the token. Nothing was changed.")
    if name.endswith(".access_token") and (" " in value or not value.isascii()):
        raise SettingWrong(f"{name} has a space or a letter that no token has. Nothing was changed.")
    return value
