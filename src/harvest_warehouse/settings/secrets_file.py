"""Write secrets into `.dlt/secrets.toml`: other entries and comments stay, and only the owner can read the file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from harvest_time_tracking import SettingWrong
from harvest_warehouse.settings.secret_states import spellings

SECRETS_FILE = Path(".dlt") / "secrets.toml"
_ONLY_OWNER = 0o600
_OTHERS = 0o077
_SECONDS = 10


def store(folder: Path, values: Mapping[str, str]) -> Path:
    """Set secrets in the file of a folder, all or none; the file is replaced as a whole.

    Args:
        folder: folder of the warehouse.
        values: value by dotted name, such as `runtime.slack_incoming_hook`.

    Returns:
        The file that was written; where the file is a link, what it leads to.

    Raises:
        SettingWrong: the file is not valid TOML, or a name cannot be set in it.
        OSError: the file cannot be written.
    """
    # A link, as some keep to a folder of their own, stays one.
    file = (folder / SECRETS_FILE).resolve()
    before = file.read_bytes().decode("utf-8-sig") if file.exists() else ""
    after = _edited(before, values)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Made for its owner only from the beginning: never readable for a moment.
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".secrets-", suffix=".toml")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(after.encode())
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(_ONLY_OWNER)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return file


def exposures(folder: Path) -> list[str]:
    """Who else could get at the secrets file: other users of the machine, or whoever gets the git repository.

    Returns:
        One sentence for each, with what to do; empty if there is no file, or nobody else.
    """
    file = folder / SECRETS_FILE
    if not file.exists():
        return []
    said = []
    if os.name == "posix" and file.stat().st_mode & _OTHERS:
        said.append(f"Other users of this machine may read {SECRETS_FILE}: chmod 600 {SECRETS_FILE}")
    return said + _in_git(folder)


def _in_git(folder: Path) -> list[str]:
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return []
    git = shutil.which("git")
    if git is None:
        return [f"This folder is in a git repository: see to it that {SECRETS_FILE} is ignored."]
    if _git(git, folder, "ls-files", "--error-unmatch") == 0:
        return [
            f"git tracks {SECRETS_FILE}: git rm --cached {SECRETS_FILE}, add it to .gitignore, and replace the secrets that "
            "were committed."
        ]
    if _git(git, folder, "check-ignore", "--quiet") == 1:
        return [f"git would add {SECRETS_FILE} to a commit: put the line {SECRETS_FILE.as_posix()} into .gitignore."]
    return []


def _git(git: str, folder: Path, *words: str) -> int:
    """Exit code of a git command about the secrets file."""
    line = [git, "-C", str(folder), *words, "--", SECRETS_FILE.as_posix()]
    try:
        return subprocess.run(line, capture_output=True, timeout=_SECONDS, check=False).returncode  # noqa: S603 (git itself)
    except (OSError, subprocess.TimeoutExpired):
        return -1


def _edited(text: str, values: Mapping[str, str]) -> str:
    try:
        want = tomllib.loads(text)
        document = tomlkit.parse(text)
    except (tomllib.TOMLDecodeError, TOMLKitError) as error:
        # Not the message itself: it may quote the file.
        line = re.search(r"\bline \d+", str(error))
        at = f" ({line[0]})" if line else ""
        raise SettingWrong(f"{SECRETS_FILE} is not valid TOML{at}: correct it first. Nothing was changed.") from None
    for name, value in values.items():
        # Where the file has it already: another spelling may come first.
        *path, key = next((one for one in spellings(name) if _has(want, one.split("."))), name).split(".")
        try:
            _set(want, path, key, value)
            _set(document, path, key, value)
        except (TypeError, KeyError, AttributeError, TOMLKitError):
            raise SettingWrong(f"{name} cannot be set: {SECRETS_FILE} has another value in its place.") from None
    after = tomlkit.dumps(document)
    if tomllib.loads(after) != want:
        raise SettingWrong(f"{SECRETS_FILE} is laid out in a way that cannot be edited: put the value in by hand.")
    return after


def _has(document: Mapping[str, Any], path: list[str]) -> bool:
    section: Any = document
    for name in path:
        if not isinstance(section, Mapping) or name not in section:
            return False
        section = section[name]
    return True


def _set(document: Any, path: list[str], key: str, value: str) -> None:
    section = document
    for name in path:
        if name not in section:
            # A header only for the last: [sources.harvest_time_tracking].
            section[name] = tomlkit.table(is_super_table=name != path[-1]) if _is_tomlkit(section) else {}
        section = section[name]
    if isinstance(section.get(key), Mapping):
        raise TypeError(key)
    section[key] = value


def _is_tomlkit(section: Any) -> bool:
    return type(section) is not dict
