"""Sanitise untrusted text for messages, logs and terminals: control characters, line breaks, secrets."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from unicodedata import category

from .secret import Secret

MOST_SHOWN = 300
# Longer text is cut first: the rest would not be shown, and matching patterns on it takes time.
_MOST_READ = 10_000
# A shorter secret protects nothing, and would match inside ordinary words.
_SHORTEST_SECRET = 8

# Terminal control sequences: titles, links and the clipboard (OSC and the like), colours and the cursor (CSI), other ESC.
# https://ecma-international.org/publications-and-standards/standards/ecma-48/
_COMMANDS = re.compile(
    r"(?:\x1b[\]P^_X]|[\x9d\x90\x9e\x9f\x98])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|\x1b[ -/]*[0-~]"
)
_BREAKS = re.compile(r"[^\S ]\s*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_LOGIN = re.compile(r"(://)\S*@")
# Matches partial tokens as well: a message that repeats a token may cut it.
_TOKEN = re.compile(
    r"""(\bbearer\s+)(?=\S*[^a-z\s])\S+|(\b(?:access|motherduck)_token["']?\s*[=:]\s*["']?|\bpassword=)[^\s&]+""",
    re.IGNORECASE,
)


def printable(text: str, *, most: int = MOST_SHOWN) -> str:
    """Sanitise text to one line of at most `most` characters, without secrets and terminal control sequences.

    Removes control and format characters (escape sequences, C1, zero-width characters, bidirectional marks) and replaces
    other unprintable ones by U+FFFD. Redacts (`***`) every existing `Secret`, other tokens after "Bearer", and everything
    before the last `@` of an address. Markup is not escaped: escape the result for its output format.
    """
    text = _plain(text[:_MOST_READ]).strip()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def printable_lines(text: str, *, most: int = MOST_SHOWN) -> list[str]:
    """Sanitise each line of a text, such as a traceback, as `printable` does, keeping its indentation."""
    # Before splitting: a secret may continue on the next line.
    lines = _without_secrets(text).splitlines()
    return [f"{line[: len(line) - len(line.lstrip(' '))]}{printable(line, most=most)}" for line in lines]


def without_login(address: str) -> str:
    """Remove user and password from an address: everything before its last `@`."""
    login, _, place = address.rpartition("@")
    scheme = _SCHEME.match(login)
    return f"{scheme[0] if scheme else ''}{place}"


def _sign(sign: str) -> str:
    if sign.isprintable():
        return sign
    return "" if category(sign) in ("Cc", "Cf") else "\N{REPLACEMENT CHARACTER}"


def _plain(text: str) -> str:
    text = _BREAKS.sub(" ", _COMMANDS.sub("", text))
    if not text.isprintable():
        text = "".join(map(_sign, text))
    return _TOKEN.sub(r"\1\2***", _LOGIN.sub(r"\1***@", _without_secrets(text)))


def _without_secrets(text: str) -> str:
    """Redact each secret: verbatim, URL-, JSON- or HTML-escaped, in base64, and with whitespace in between."""
    for secret in {secret.reveal() for secret in Secret.all()}:
        if len(secret) >= _SHORTEST_SECRET:
            for spelled in ([*map(_spelled, secret)], *map(_escaped, _in_base64(secret))):
                text = re.sub(r"\s*".join(spelled), "***", text)
    return text


def _escaped(text: str) -> list[str]:
    return [re.escape(sign) for sign in text]


def _spelled(sign: str) -> str:
    number = ord(sign)
    quoted = "".join(f"%(?:25)*{byte:02x}" for byte in sign.encode())
    others = rf"{quoted}|\\+u{number:04x}|&\#(?:0*{number}|x0*{number:x});"
    return rf"(?:\\*{re.escape(sign)}|(?i:{others}))"


def _in_base64(secret: str) -> Iterator[str]:
    """Parts of a secret's base64 form that do not depend on the text around it, for each alignment (3 bytes make 4 letters)."""
    for before in range(3):
        text = secret.encode()[(3 - before) % 3 :]
        letters = b64encode(text[: len(text) // 3 * 3]).decode()
        yield letters
        yield letters.replace("+", "-").replace("/", "_")
