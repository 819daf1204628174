"""Write the files of a deployment: templates, filled in with the destination, the schedule and the names of secrets."""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import time
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

from harvest_time_tracking import SettingWrong
from harvest_warehouse.destinations import DEFAULT
from harvest_warehouse.settings.secret_states import NEEDED, secret_states
from harvest_warehouse.warehouse import Target

Kind = Literal[
    "container",
    "compose",
    "systemd",
    "kubernetes",
    "cron",
    "github-actions",
    "dagster",
    "airflow",
    "prefect",
    "kestra",
    "dlthub",
]
KINDS: tuple[Kind, ...] = get_args(Kind)

_TEMPLATES = Path(__file__).parent / "templates"
# Ending of templates that would else be taken for modules of this package.
_TEMPLATE = ".template"
_CONFIG = Path(".dlt") / "config.toml"
# What is put in place of @name@ or, as a block of lines with the indentation of its place, @name:lines@.
_PLACE = re.compile(r"^( *)@(\w+):lines@$|@(\w+)@", re.MULTILINE)
_ODD = re.compile(r"[^\w./@+-]")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
# The image is built from the same folder.
_WITH: Mapping[Kind, tuple[Kind, ...]] = {"compose": ("container",), "kubernetes": ("container",)}
# Where the disk is lost after a run, with what it is called.
_LOSING: Mapping[Kind, str] = {
    "github-actions": "A runner of GitHub Actions",
    "kestra": "A container of Kestra",
    "dlthub": "A job of dltHub",
}
_NO_CONFIG = "# Settings of dlt-harvest that are no secrets. None were set in the folder that this was written for.\n"


@dataclass(frozen=True)
class DeployReport:
    """Result of writing a deployment.

    Attributes:
        kind: kind of the deployment.
        folder: folder with the files.
        files: files that were written, relative to it.
        secrets: names of the environment variables that need a value.
    """

    kind: Kind
    folder: Path
    files: tuple[Path, ...]
    secrets: tuple[str, ...]


def deploy(warehouse: Target, kind: Kind, folder: Path, *, at: time = time(3), replaces: bool = False) -> DeployReport:
    """Write the files of a deployment into a folder. No value of a secret is read into them, only names.

    Args:
        warehouse: the database, whose destination and folder are filled in.
        kind: kind of the deployment.
        folder: folder for the files; it is made if it is not there.
        at: time of day of the nightly run.
        replaces: whether files that are there may be replaced.

    Raises:
        SettingWrong: a file is there already, or this kind cannot hold the database; nothing was written.
        OSError: a file cannot be written.
    """
    _refuse_odd_names(warehouse.folder, kind)
    if kind in _LOSING and warehouse.kind.is_file:
        raise SettingWrong(f"{_LOSING[kind]} loses its disk: use a destination that is a server, by --destination.")
    secrets = tuple(_secrets(kind))
    values = _values(warehouse, at, secrets)
    files = {name: text for one in (*_WITH.get(kind, ()), kind) for name, text in _filled(one, values)}
    if kind in ("compose", "kubernetes"):
        files[Path("config.toml")] = _config(warehouse.folder)
    there = sorted(str(name) for name in files if (folder / name).exists())
    if there and not replaces:
        raise SettingWrong(
            f"{folder} has {', '.join(there)} already: add --replace, or choose another folder. Nothing was written."
        )
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        # Git and zip archives lose it; the image sets it, too.
        file.chmod(0o755 if name.suffix == ".sh" else 0o644)
    return DeployReport(kind, folder, tuple(files), secrets)


def _values(warehouse: Target, at: time, secrets: Sequence[str]) -> dict[str, str]:
    extras = ["dashboard"] if warehouse.destination == DEFAULT else [warehouse.kind.name, "dashboard"]
    return {
        "at": f"{at:%H:%M}",
        "hour": str(at.hour),
        "minute": str(at.minute),
        "destination": warehouse.destination,
        "extra": f"[{','.join(extras)}]",
        "dagster_extra": f"[{','.join([*extras, 'dagster'])}]",
        "version": version("dlt-harvest"),
        "folder": str(warehouse.folder.absolute()),
        "command": str(_command()),
        "user": getpass.getuser(),
        "compose_variables": "\n".join(f"{name}: ${{{name}:?set it in secrets.env}}" for name in secrets),
        "actions_variables": "\n".join(f"{name}: ${{{{ secrets.{name} }}}}" for name in secrets),
        "kubernetes_variables": "\n".join(
            f"- name: {name}\n  valueFrom: {{secretKeyRef: {{name: dlt-harvest, key: {name}}}}}" for name in secrets
        ),
        "kestra_variables": "\n".join(f"{name}: \"{{{{ secret('{name}') }}}}\"" for name in secrets),
        "secret_names": ", ".join(secrets),
        "secret_words": " ".join(secrets),
        "credentials": "\n".join(f"LoadCredential={name}:/etc/dlt-harvest/{name}" for name in secrets),
        # systemd takes $$ for $.
        "exports": " ".join(f'{name}="$$(cat "$$CREDENTIALS_DIRECTORY/{name}")"' for name in secrets),
        "secrets": "\n".join(f"{name}=" for name in secrets),
    }


def _secrets(kind: Kind) -> Iterator[str]:
    """Environment variables of the secrets that are set here, and of those that every account needs."""
    names = [one.name for one in secret_states() if one.state == "set"]
    for name in dict.fromkeys((*NEEDED, *names)):
        variable = name.replace(".", "__").upper()
        # The compose file has a database of its own.
        if _VARIABLE.fullmatch(variable) and not (kind == "compose" and variable.startswith("DESTINATION__")):
            yield variable


def _command() -> Path:
    """Path of the command in this environment."""
    return Path(sys.executable).with_name("dlt-harvest")


def _refuse_odd_names(folder: Path, kind: Kind) -> None:
    """Refuse folders whose names cron, systemd or a shell would read as several words, or as something else. Raises SettingWrong."""
    for path in (folder.absolute(), _command()) if kind in ("systemd", "cron", "airflow") else ():
        if odd := _ODD.search(str(path)):
            raise SettingWrong(
                f"{path} has {odd[0]!r} in its name, which {kind} takes for something else: use another folder."
            )


def _config(folder: Path) -> str:
    file = folder / _CONFIG
    return file.read_text(encoding="utf-8") if file.exists() else _NO_CONFIG


def _filled(kind: Kind, values: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    for file in sorted((_TEMPLATES / kind).iterdir()):
        text = _PLACE.sub(lambda place: _put(place, values), file.read_text(encoding="utf-8"))
        yield Path(file.name.removesuffix(_TEMPLATE)), text


def _put(place: re.Match[str], values: Mapping[str, str]) -> str:
    indent, lines, word = place.groups()
    if lines is None:
        return values[word]
    return "\n".join(f"{indent}{line}" for line in values[lines].splitlines())
