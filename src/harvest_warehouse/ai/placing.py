"""Put a piece into the text of a file that others use too, and take it out again. Pure."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from contextlib import suppress

from harvest_warehouse.ai.json_text import NotEditable, insertion
from harvest_warehouse.ai.pieces import BEGIN, DENIED, END, Piece


def addition(base: str, piece: Piece, place: int | None) -> tuple[int, str]:
    """Where a piece goes in a text without it (where it was before, else at the end), and the exact text to insert."""
    if piece.kind == "file":
        return 0, piece.content
    if piece.kind == "json":
        return insertion(base, piece.at, json.loads(piece.content))
    place = len(base) if place is None else place
    before = base[:place]
    ended = "" if not before or before.endswith("\n") else "\n"
    if piece.kind == "lines":
        return place, f"{ended}{piece.content}"
    gap = f"{ended}\n" if before else ""
    if piece.kind == "block":
        return place, f"{gap}{BEGIN}\n{piece.content}{END}\n"
    added = f"{gap}{piece.content}"
    try:
        tomllib.loads(base[:place] + added + base[place:])
    except tomllib.TOMLDecodeError as error:
        # Broken before, or servers are written as one value, to which no table can be added.
        raise NotEditable(str(error)) from None
    return place, added


def is_there(base: str, piece: Piece) -> bool:
    """True if a text has a JSON piece in other spacing or order."""
    if piece.kind != "json":
        return False
    with suppress(ValueError, KeyError, AttributeError, TypeError):
        at = json.loads(base)
        for key in piece.at:
            at = at[key]
        value = json.loads(piece.content)
        return bool(set(value) <= set(at)) if isinstance(value, list) else bool(at == value)
    return False


def reason_to_keep(base: str, piece: Piece) -> str:
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


def without_ours(base: str, piece: Piece) -> str:
    """A text without what was ours in it, as far as it can be told from the rest."""
    if piece.kind == "file":
        return ""
    if piece.kind == "block" and BEGIN in base and END in base:
        before, _, rest = base.partition(BEGIN)
        return before.rstrip("\n") + ("\n" if before.strip() else "") + rest.partition(END)[2].removeprefix("\n")
    if piece.kind == "json":
        return without_entry(base, piece.at, json.loads(piece.content)) or base
    return base


def without_entry(text: str, path: Sequence[str], ours: object = None) -> str | None:
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
