"""The page of errors, docs/explanation/errors.md: the tree of their classes, read from the code without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PACKAGES = ("sources/harvest_time_tracking", "src/harvest_warehouse")
_TOP = "HarvestError"

_PAGE = """# Errors

The tree is written by `make docs` from the code.

Errors are classed by **what happens next**, not by where they arise. A message says what happened, to what, and what to do, in one line.
No message holds a secret.

| class of error | what happens next |
| --- | --- |
| 429, 5xx, a broken connection, a body that is not what was announced | the client asks again, within bounds; it raises the error once the tries are used up |
| the token, a permission, the account, a setting, a proxy or a certificate | a person has to act: no retry would help. A refused stream (403) is skipped and the others go on; a refused token (401) stops the run |
| an answer that Harvest's documentation does not allow (a missing list, a link to another host, a loop) | the run stops and says what came: it may be a gateway in between, or news from Harvest |
| the database, the lock, a load, a build, a copy | the command ends with 1 and leaves what was there; the next run continues |

## What bounds them

Every wait and every loop has a bound.

- An answer that is not complete after five minutes is broken off and requested again, like a broken one.
- One of more than 256 MB, unpacked, or an empty page that has a link to a next one, is an error: neither is Harvest's.
- `Retry-After` is obeyed; a 429 pauses every worker of the account.
- What no retry can fix (an unknown certificate, a proxy that refuses) is reported at once, with the variable to look at.

## Where they become a message

Only the command line turns an error into a message and an [exit code](../reference/exit-codes.md): 2 for a setting, 3 for a token that sees
less, 1 for everything else. If you import the packages, catch `{top}`: every error that is meant for people derives from it, and its
text is the message. What to do about each message is under [Recover from an error](../how-to/recover.md).

What Harvest, a gateway or a database says is shown as one line of at most 300 characters, without control characters.

## The tree

{tree}
"""


def errors_page() -> str:
    """The page, as Markdown."""
    found = {name: (bases, words, file) for name, bases, words, file in _classes()}
    return _PAGE.format(top=_TOP, tree="\n".join(_branch(_TOP, found, 0)))


def _branch(name: str, found: dict[str, tuple[list[str], str, str]], depth: int) -> Iterator[str]:
    _, words, file = found[name]
    yield f"{'    ' * depth}- `{name}`: {words} *({file})*"
    for child in sorted(one for one, (bases, _, _) in found.items() if name in bases):
        yield from _branch(child, found, depth + 1)


def _classes() -> Iterator[tuple[str, list[str], str, str]]:
    for package in _PACKAGES:
        for file in sorted((_ROOT / package).rglob("*.py")):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef) and (words := ast.get_docstring(node)):
                    bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
                    line = " ".join(words.partition("\n\n")[0].split())
                    yield node.name, bases, line, f"{file.relative_to((_ROOT / package).parent).with_suffix('')}"
