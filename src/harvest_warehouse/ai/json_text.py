"""Insert values into JSON text without touching another byte of it: other people's entries, order and spacing stay. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

_INDENT = 2


class NotEditable(ValueError):
    """The text is not plain JSON (it may have comments), or has something else in this place."""


def insertion(text: str, path: Sequence[str], value: object) -> tuple[int, str]:
    """Where to insert a value, and the text to insert.

    Args:
        text: a JSON object; may be empty.
        path: keys from the root to the value; missing objects are made. If the last key's value is a list, the items of
            `value` are put into it.
        value: value for the path; it must not be there yet.

    Raises:
        NotEditable: the text cannot be edited.
    """
    if not text.strip():
        nested = value
        for key in reversed(path):
            nested = {key: nested}
        return len(text), json.dumps(nested, indent=_INDENT) + "\n"
    try:
        json.loads(text)
        return _insertion(text, path, value)
    except (ValueError, IndexError) as error:
        raise NotEditable(str(error)) from None


def _insertion(text: str, path: Sequence[str], value: object) -> tuple[int, str]:
    place, depth = _blank(text, 0), 0
    for position, key in enumerate(path):
        if text[place] != "{":
            raise NotEditable(f"{key} would have to be in an object.")
        found = _value_of(text, place, key)
        if found is None:
            nested = value
            for inner in reversed(path[position + 1 :]):
                nested = {inner: nested}
            return _into(text, place, depth + 1, f"{json.dumps(key)}: {_indented(nested, depth + 1)}")
        place, depth = found, depth + 1
    if text[place] != "[" or not isinstance(value, list):
        raise NotEditable(f"{path[-1]} is there already.")
    pad = " " * _INDENT * (depth + 1)
    return _into(text, place, depth + 1, f",\n{pad}".join(json.dumps(item) for item in value))


def _into(text: str, place: int, depth: int, inner: str) -> tuple[int, str]:
    """Insertion right after an opening bracket."""
    is_empty = text[_blank(text, place + 1)] in "}]"
    after = f"\n{' ' * _INDENT * (depth - 1)}" if is_empty and text[place + 1] in "}]" else "" if is_empty else ","
    return place + 1, f"\n{' ' * _INDENT * depth}{inner}{after}"


def _indented(value: object, depth: int) -> str:
    return json.dumps(value, indent=_INDENT).replace("\n", f"\n{' ' * _INDENT * depth}")


def _value_of(text: str, place: int, key: str) -> int | None:
    """Position of a key's value in the object that begins at `place`; None if it has no such key."""
    place = _blank(text, place + 1)
    while text[place] != "}":
        name, place = json.JSONDecoder().raw_decode(text, place)
        place = _blank(text, _blank(text, place) + 1)
        if name == key:
            return place
        _, place = json.JSONDecoder().raw_decode(text, place)
        place = _blank(text, place)
        place = _blank(text, place + 1) if text[place] == "," else place
    return None


def _blank(text: str, place: int) -> int:
    """Position of the next sign that is no blank."""
    while text[place] in " \t\r\n":
        place += 1
    return place
