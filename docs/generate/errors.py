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

Errors are classified by **what happens next**, not by where they occur. A message says what happened, to what, and what to do, in one line. No
message contains a secret.

| class of error | what happens next |
| --- | --- |
| 429, 5xx, a broken connection, a body that does not match its headers | the client retries, within limits; it raises the error once the retries are used up |
| the token, a permission, the account, a setting, a proxy or a certificate | a person has to act: no retry would help. A refused stream (403) is skipped and the others continue; a refused token (401) stops the run |
| an answer that Harvest's documentation does not allow (a missing list, a link to another host, a loop) | the run stops and says what it received: a gateway may be in between, or Harvest has changed |
| the database, the lock, a load, a build, a copy | the command exits with 1 and leaves the tables as they were; the next run continues from there |

## Limits

Every wait and every loop has a limit.

- An answer that is not complete after five minutes is aborted and requested again, like a broken one.
- An answer of more than 256 MB, unpacked, or an empty page with a link to a next one, is an error: Harvest sends neither.
- `Retry-After` is obeyed; a 429 pauses all requests to the account.
- What no retry can fix (an unknown certificate, a proxy that refuses) is reported at once, with the variable to look at.

## Where errors become messages

Only the command line turns an error into a message and an [exit code](../reference/exit-codes.md): 2 for a setting, 3 for a token that sees less, 1
for everything else. If you import the packages, catch `{top}`: every error meant for users derives from it, and its text is the message.
[Recover from an error](../how-to/recover.md) says what to do about each message.

Text from Harvest, a gateway or a database is shown as one line of at most 300 characters, without control characters.

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
