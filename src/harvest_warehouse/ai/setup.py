"""Write, check and remove the files for agents, keeping everything that somebody else wrote in them.

`.dlt/harvest_ai.json` records what was written, per file: the piece itself (never the rest of a file, which may have secrets).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harvest_time_tracking import SettingWrong
from harvest_warehouse.ai.json_text import NotEditable
from harvest_warehouse.ai.pieces import AGENTS, TOOLKIT, Agent, Piece, pieces, started
from harvest_warehouse.ai.placing import addition, is_there, reason_to_keep, without_entry, without_ours
from harvest_warehouse.ai.record import Record, make_folders, read_record, read_text, save_record

What = Literal["written", "unchanged", "kept", "removed", "missing", "changed by hand", "up to date", "out of date"]


@dataclass(frozen=True)
class Changed:
    """File, what was done with it or is the matter with it, and why if that needs words."""

    path: str
    what: What
    why: str = ""


@dataclass(frozen=True)
class AiReport:
    """Files of the agents, and the agents that are set up now."""

    files: tuple[Changed, ...]
    agents: tuple[Agent, ...]


def toolkit() -> Path:
    """Folder of our toolkit, for `dlthub ai toolkit install harvest --location` and for Claude's `/plugin marketplace add`."""
    return TOOLKIT


def set_up(
    folder: Path,
    agents: Sequence[Agent],
    *,
    command: str | None = None,
    is_demo: bool = False,
    hides_names: bool = False,
    destination: str | None = None,
    overwrite: bool = False,
    is_dry: bool = False,
) -> AiReport:
    """Write the files of agents; a second time changes nothing. Files that were changed by hand are kept.

    Args:
        folder: folder of the warehouse.
        agents: agents to set up, beside those that are; empty for those that are found here.
        command: command that starts dlt-harvest, if it is not on the PATH under its name.
        is_demo: whether the server is to serve the demo's database.
        hides_names: whether it is to give ids in place of people's names.
        destination: destination to serve, if it is not the configured one.
        overwrite: whether to replace files that were changed by hand.
        is_dry: whether to only say what would be done.

    Raises:
        SettingWrong: no agent is named or found.
    """
    record = read_record(folder)
    chosen = _in_order([*(agents or _found(folder)), *record.agents])
    if not chosen:
        raise SettingWrong(
            f"No agent was found here: name one with --agent ({', '.join(AGENTS)}); it may be given again."
        )
    start = started(folder, command, is_demo=is_demo, destination=destination, hides_names=hides_names)
    files = [
        _write(folder, record, piece, users, overwrite=overwrite, is_dry=is_dry)
        for piece, users in _wanted(chosen, start)
    ]
    if not is_dry:
        save_record(folder, record)
    return AiReport(tuple(filter(None, files)), tuple(chosen))


def remove(folder: Path, agents: Sequence[Agent] = ()) -> AiReport:
    """Remove what was written for agents; all of them if none is named. Files that were changed by hand are kept."""
    record = read_record(folder)
    gone = set(agents or AGENTS)
    files = []
    for path, one in sorted(record.files.items()):
        users = [agent for agent in one["agents"] if agent not in gone]
        if users:
            one["agents"] = users
            continue
        files.append(_take_out(folder, path, one))
        del record.files[path]
    for made in sorted(record.folders, key=len, reverse=True):
        if not any(path.startswith(f"{made}/") for path in record.files) and made != ".dlt":
            with suppress(OSError):
                (folder / made).rmdir()
                record.folders.remove(made)
    save_record(folder, record)
    return AiReport(tuple(files), record.agents)


def status(folder: Path) -> AiReport:
    """Check the files of the agents that are set up, against what would be written now."""
    record = read_record(folder)
    start = started(folder, None, is_demo=False, destination=None)
    wanted = {piece.path: piece for piece, _ in _wanted(record.agents, start)}
    files = []
    for path, one in sorted(record.files.items()):
        text = read_text(folder / path)
        is_whole = text is not None and one["piece"] in text
        what: What = "missing" if text is None else "up to date" if is_whole else "changed by hand"
        piece = wanted.get(path)
        # Arguments of the server may have been given by the user; the text of ours may be of an older version.
        if what == "up to date" and piece and piece.kind in ("file", "block") and piece.content not in one["piece"]:
            what = "out of date"
        files.append(Changed(path, what))
    return AiReport(tuple(files), record.agents)


def _wanted(agents: Iterable[Agent], start: Any) -> list[tuple[Piece, list[Agent]]]:
    """Pieces of all agents, each once, with the agents that use it."""
    found: dict[str, tuple[Piece, list[Agent]]] = {}
    for agent in agents:
        for piece in pieces(agent, start):
            found.setdefault(piece.path, (piece, []))[1].append(agent)
    return [found[path] for path in sorted(found)]


def _write(
    folder: Path, record: Record, piece: Piece, users: list[Agent], *, overwrite: bool, is_dry: bool
) -> Changed | None:
    """Write a piece; None if there is nothing to be written."""
    file = folder / piece.path
    known = record.files.get(piece.path)
    text = read_text(file)
    if text is None and piece.is_only_if_there:
        return None
    base, place = text or "", None
    if known and known["piece"] in base:
        place = base.index(known["piece"])
        base = base.replace(known["piece"], "", 1)
    elif known and is_there(base, piece):
        known["agents"] = users
        return Changed(piece.path, "unchanged")
    elif text is not None and (
        why := "it was changed by hand (--overwrite replaces it)" if known else reason_to_keep(base, piece)
    ):
        if not overwrite:
            return Changed(piece.path, "kept", why)
        base = without_ours(base, piece)
    try:
        place, added = addition(base, piece, place)
    except NotEditable as error:
        return Changed(piece.path, "kept", f"it cannot be edited safely ({error}); add this yourself: {piece.content}")
    is_same = known is not None and known["piece"] == added and known["piece"] in (text or "")
    new = text if is_same else base[:place] + added + base[place:]
    if not is_dry:
        is_made = known["is_made"] if known else text is None
        record.files[piece.path] = {"agents": users, "piece": added, "is_made": is_made, "at": list(piece.at)}
        if new is not None and new != text:
            make_folders(folder, record, file.parent)
            file.write_bytes(new.encode())
    return Changed(piece.path, "unchanged" if new == text else "written")


def _take_out(folder: Path, path: str, one: Mapping[str, Any]) -> Changed:
    file = folder / path
    text = read_text(file)
    if text is None:
        return Changed(path, "missing")
    if one["piece"] not in text and one["at"]:
        rest = without_entry(text, one["at"])
        if rest is not None:
            file.write_bytes(rest.encode())
            return Changed(path, "removed")
    if one["piece"] not in text:
        return Changed(path, "kept", "it was changed by hand: take out what is dlt-harvest's yourself")
    rest = text.replace(one["piece"], "", 1)
    if one["is_made"] and not rest:
        file.unlink()
    else:
        file.write_bytes(rest.encode())
    return Changed(path, "removed")


def _found(folder: Path) -> list[Agent]:
    """Agents that run this command, else those that have files here."""
    running = {
        "claude": "CLAUDECODE" in os.environ,
        "cursor": any(name.startswith("CURSOR_") for name in os.environ),
        "codex": any(name.startswith("CODEX_") for name in os.environ),
    }
    found = [agent for agent in AGENTS if running[agent]]
    return found or [agent for agent in AGENTS if (folder / f".{agent}").is_dir()]


def _in_order(agents: Iterable[Agent]) -> list[Agent]:
    named = set(agents)
    return [agent for agent in AGENTS if agent in named]
