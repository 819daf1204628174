"""Record of what was written for agents (`.dlt/harvest_ai.json`): by file, the piece itself, never the rest of the file."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harvest_time_tracking import SettingWrong
from harvest_warehouse.ai.pieces import AGENTS, Agent

RECORD = ".dlt/harvest_ai.json"


@dataclass
class Record:
    """What was written: by path, the piece, its agents, and the folders that were made for it."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)

    @property
    def agents(self) -> tuple[Agent, ...]:
        """Agents that are set up."""
        named = {agent for one in self.files.values() for agent in one["agents"]}
        return tuple(agent for agent in AGENTS if agent in named)


def make_folders(folder: Path, record: Record, parent: Path) -> None:
    """Make the folders of a file, and record those that were missing."""
    missing = [one for one in (parent, *parent.parents) if one != folder and folder in one.parents and not one.exists()]
    parent.mkdir(parents=True, exist_ok=True)
    record.folders = sorted({*record.folders, *(one.relative_to(folder).as_posix() for one in missing)})


def read_record(folder: Path) -> Record:
    """Read the record; an empty one if there is none. Raises SettingWrong if it is damaged."""
    text = read_text(folder / RECORD)
    if text is None:
        return Record()
    try:
        read = json.loads(text)
        return Record(read["files"], read["folders"])
    except (ValueError, KeyError, TypeError):
        raise SettingWrong(
            f"{RECORD} is damaged: delete it, and what it would have listed, and run `dlt-harvest ai init` again."
        ) from None


def save_record(folder: Path, record: Record) -> None:
    """Write the record; without any files, remove it."""
    file = folder / RECORD
    if not record.files:
        file.unlink(missing_ok=True)
        if ".dlt" in record.folders:
            with suppress(OSError):
                (folder / ".dlt").rmdir()
        return
    make_folders(folder, record, file.parent)
    body = {"files": {path: record.files[path] for path in sorted(record.files)}, "folders": record.folders}
    new = json.dumps(body, indent=1, ensure_ascii=False) + "\n"
    if read_text(file) != new:
        file.write_bytes(new.encode())


def read_text(file: Path) -> str | None:
    """Text of a file with its own line ends; None if it does not exist."""
    try:
        return file.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise SettingWrong(f"{file} is not text in UTF-8.") from None
