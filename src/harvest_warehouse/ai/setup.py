"""Write, check and remove the files for agents, keeping everything that somebody else wrote in them.

`.dlt/harvest_ai.json` records what was written, per file: the piece itself (never the rest of a file, which may have secrets).
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harvest_time_tracking import SettingWrong
from harvest_warehouse.ai.json_text import NotEditable, insertion
from harvest_warehouse.ai.pieces import AGENTS, BEGIN, DENIED, END, TOOLKIT, Agent, Piece, pieces, started

RECORD = ".dlt/harvest_ai.json"
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


@dataclass
class _Record:
    """What was written: by path, the piece, its agents, and the folders that were made for it."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)

    @property
    def agents(self) -> tuple[Agent, ...]:
        named = {agent for one in self.files.values() for agent in one["agents"]}
        return tuple(agent for agent in AGENTS if agent in named)


def toolkit() -> Path:
    """Folder of our toolkit, for `dlthub ai toolkit install harvest --location` and for Claude's `/plugin marketplace add`."""
    return TOOLKIT


def set_up(
    folder: Path,
    agents: Sequence[Agent],
    *,
    command: str | None = None,
    is_demo: bool = False,
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
        destination: destination to serve, if it is not the configured one.
        overwrite: whether to replace files that were changed by hand.
        is_dry: whether to only say what would be done.

    Raises:
        SettingWrong: no agent is named or found.
    """
    record = _read(folder)
    chosen = _in_order([*(agents or _found(folder)), *record.agents])
    if not chosen:
        raise SettingWrong(
            f"No agent was found here: name one with --agent ({', '.join(AGENTS)}); it may be given again."
        )
    start = started(folder, command, is_demo=is_demo, destination=destination)
    files = [
        _write(folder, record, piece, users, overwrite=overwrite, is_dry=is_dry)
        for piece, users in _wanted(chosen, start)
    ]
    if not is_dry:
        _save(folder, record)
    return AiReport(tuple(filter(None, files)), tuple(chosen))


def remove(folder: Path, agents: Sequence[Agent] = ()) -> AiReport:
    """Remove what was written for agents; all of them if none is named. Files that were changed by hand are kept."""
    record = _read(folder)
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
    _save(folder, record)
    return AiReport(tuple(files), record.agents)


def status(folder: Path) -> AiReport:
    """Check the files of the agents that are set up, against what would be written now."""
    record = _read(folder)
    start = started(folder, None, is_demo=False, destination=None)
    wanted = {piece.path: piece for piece, _ in _wanted(record.agents, start)}
    files = []
    for path, one in sorted(record.files.items()):
        text = _text(folder / path)
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
    folder: Path, record: _Record, piece: Piece, users: list[Agent], *, overwrite: bool, is_dry: bool
) -> Changed | None:
    """Write a piece; None if there is nothing to be written."""
    file = folder / piece.path
    known = record.files.get(piece.path)
    text = _text(file)
    if text is None and piece.is_only_if_there:
        return None
    base, place = text or "", None
    if known and known["piece"] in base:
        place = base.index(known["piece"])
        base = base.replace(known["piece"], "", 1)
    elif known and _is_there(base, piece):
        known["agents"] = users
        return Changed(piece.path, "unchanged")
    elif text is not None and (
        why := "it was changed by hand (--overwrite replaces it)" if known else _others(base, piece)
    ):
        if not overwrite:
            return Changed(piece.path, "kept", why)
        base = _without_ours(base, piece)
    try:
        place, added = _addition(base, piece, place)
    except NotEditable as error:
        return Changed(piece.path, "kept", f"it cannot be edited safely ({error}); add this yourself: {piece.content}")
    is_same = known is not None and known["piece"] == added and known["piece"] in (text or "")
    new = text if is_same else base[:place] + added + base[place:]
    if not is_dry:
        is_made = known["is_made"] if known else text is None
        record.files[piece.path] = {"agents": users, "piece": added, "is_made": is_made, "at": list(piece.at)}
        if new is not None and new != text:
            _make_folders(folder, record, file.parent)
            file.write_bytes(new.encode())
    return Changed(piece.path, "unchanged" if new == text else "written")


def _addition(base: str, piece: Piece, place: int | None) -> tuple[int, str]:
    """Where a piece goes in a text without it (where it was before, else at the end), and the exact text to insert."""
    if piece.kind == "file":
        return 0, piece.content
    if piece.kind == "json":
        return insertion(base, piece.at, json.loads(piece.content))
    if piece.kind == "toml":
        _refuse_broken_toml(base)
    place = len(base) if place is None else place
    before = base[:place]
    ended = "" if not before or before.endswith("\n") else "\n"
    if piece.kind == "lines":
        return place, f"{ended}{piece.content}"
    gap = f"{ended}\n" if before else ""
    return place, f"{gap}{BEGIN}\n{piece.content}{END}\n" if piece.kind == "block" else f"{gap}{piece.content}"


def _is_there(base: str, piece: Piece) -> bool:
    """True if a text has a JSON piece in other spacing or order."""
    if piece.kind != "json":
        return False
    with suppress(ValueError, AttributeError, TypeError):
        at = json.loads(base)
        for key in piece.at:
            at = at[key]
        value = json.loads(piece.content)
        return bool(set(value) <= set(at)) if isinstance(value, list) else bool(at == value)
    return False


def _refuse_broken_toml(base: str) -> None:
    try:
        read = tomllib.loads(base)
    except tomllib.TOMLDecodeError as error:
        raise NotEditable(str(error)) from None
    if "mcp_servers = " in base and not isinstance(read.get("mcp_servers"), dict):
        raise NotEditable("mcp_servers is not a table")


def _others(base: str, piece: Piece) -> str:
    """Why a file that we have no record of is not touched; empty if it may be."""
    if piece.kind == "file":
        return "" if base == piece.content else "it is not one that was written here (--overwrite replaces it)"
    if piece.kind == "block":
        return (
            "it has a block of dlt-harvest's that is not recorded here (--overwrite replaces it)"
            if BEGIN in base
            else ""
        )
    if piece.kind == "toml":
        return (
            "it has an entry of that name already"
            if f"[mcp_servers.{piece.content[13:].partition(']')[0]}]" in base
            else ""
        )
    if piece.kind == "json" and piece.at[-1] != "deny":
        return "it has an entry of that name already" if f'"{piece.at[-1]}"' in base else ""
    return ""


def _without_ours(base: str, piece: Piece) -> str:
    """A text without what was ours in it, as far as it can be told from the rest."""
    if piece.kind == "file":
        return ""
    if piece.kind == "block" and BEGIN in base and END in base:
        before, _, rest = base.partition(BEGIN)
        return before.rstrip("\n") + ("\n" if before.strip() else "") + rest.partition(END)[2].removeprefix("\n")
    if piece.kind == "json":
        return _without_entry(base, piece.at, json.loads(piece.content)) or base
    return base


def _without_entry(text: str, path: Sequence[str], ours: object = None) -> str | None:
    """JSON text without the value at a path (of a list: without our items), in our spacing; None if it has none."""
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        read = json.loads(text)
        at = read
        for key in path[:-1]:
            at = at[key]
        if isinstance(at[path[-1]], list):
            own = ours if isinstance(ours, list) else DENIED
            at[path[-1]] = [item for item in at[path[-1]] if item not in own]
        else:
            del at[path[-1]]
        return json.dumps(read, indent=2) + "\n"
    return None


def _take_out(folder: Path, path: str, one: Mapping[str, Any]) -> Changed:
    file = folder / path
    text = _text(file)
    if text is None:
        return Changed(path, "missing")
    if one["piece"] not in text and one["at"]:
        rest = _without_entry(text, one["at"])
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


def _make_folders(folder: Path, record: _Record, parent: Path) -> None:
    missing = [one for one in (parent, *parent.parents) if one != folder and folder in one.parents and not one.exists()]
    parent.mkdir(parents=True, exist_ok=True)
    record.folders = sorted({*record.folders, *(one.relative_to(folder).as_posix() for one in missing)})


def _read(folder: Path) -> _Record:
    text = _text(folder / RECORD)
    if text is None:
        return _Record()
    try:
        read = json.loads(text)
        return _Record(read["files"], read["folders"])
    except (ValueError, KeyError, TypeError):
        raise SettingWrong(
            f"{RECORD} is damaged: delete it, and what it would have listed, and run `dlt-harvest ai init` again."
        ) from None


def _save(folder: Path, record: _Record) -> None:
    file = folder / RECORD
    if not record.files:
        file.unlink(missing_ok=True)
        if ".dlt" in record.folders:
            with suppress(OSError):
                (folder / ".dlt").rmdir()
        return
    _make_folders(folder, record, file.parent)
    body = {"files": {path: record.files[path] for path in sorted(record.files)}, "folders": record.folders}
    new = json.dumps(body, indent=1, ensure_ascii=False) + "\n"
    if _text(file) != new:
        file.write_bytes(new.encode())


def _text(file: Path) -> str | None:
    """Text of a file with its own line ends; None if it does not exist."""
    try:
        return file.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise SettingWrong(f"{file} is not text in UTF-8.") from None
