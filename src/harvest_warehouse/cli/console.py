"""Console output that is safe for any encoding, width and content: control characters in names are made visible."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO
from unicodedata import category

from rich.console import Console, ConsoleDimensions, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.measure import Measurement
from rich.segment import Segment
from rich.table import Table

from harvest_warehouse.cli.log import current

# Width of lines in files and pipes: not limited, so that names can be searched for.
_ENDLESS = 100_000
_NARROWEST_NAME = 10


def visible(text: str) -> str:
    """Make text safe for a terminal: control characters are spelt out, invisible characters are removed.

    Line breaks stay, and so do printable characters of all languages.
    """
    return text if text.isprintable() else "".join(map(_sign, text))


def _sign(sign: str) -> str:
    if sign.isprintable() or sign == "\n":
        return sign
    if sign == "\t":
        return " "
    kind = category(sign)
    # Bidirectional marks and zero-width characters (Cf) can hide text; other unprintable characters become U+FFFD.
    return {"Cc": repr(sign)[1:-1], "Cf": "", "Zl": " ", "Zp": " ", "Zs": " "}.get(kind, "\ufffd")


class _Visible:
    """Renderable whose text is made safe for a terminal; its own styles are kept."""

    def __init__(self, renderable: ConsoleRenderable) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


class _Hook(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Visible(each) for each in renderables]


class PlainConsole(Console):
    """rich's console without line breaks in files and pipes, and with control characters made visible."""

    def __init__(self, *, stderr: bool = False) -> None:
        # The width is looked up each time: rich would keep the value of COLUMNS from the start.
        # Patch: rich >=13.7; no upstream issue known;
        # is to be changed when `test_rich_takes_its_environment_as_an_argument` fails.
        super().__init__(stderr=stderr, soft_wrap=False, _environ={**os.environ, "COLUMNS": "", "LINES": ""})
        self.push_render_hook(_Hook())

    def print(self, *objects: Any, **how: Any) -> None:
        """Print as rich does; to standard error as lines of the log, if these are JSON."""
        if self.stderr and current().is_json:
            current().write("info", " ".join(map(str, objects)))
        else:
            super().print(*objects, **how)

    @property  # type: ignore[misc]  # nobody sets it
    def size(self) -> ConsoleDimensions:
        """Size of the terminal, or as wide as needed if there is none."""
        if not self.has_reader:
            return ConsoleDimensions(_ENDLESS, 25)
        columns = os.environ.get("COLUMNS", "")
        return ConsoleDimensions(int(columns), 25) if columns.isdecimal() and int(columns) else super().size

    @property
    def has_reader(self) -> bool:
        """True if the output is a terminal, not a file or a pipe."""
        return bool(self.file.isatty())

    def show(self, table: Table) -> None:
        """Print a table; on a narrow terminal the last columns are dropped, and listed below, so that no word is broken."""
        dropped: list[str] = []
        while len(table.columns) > 1 and self._narrowest(table) > self.width:
            dropped.insert(0, str(table.columns.pop().header))
        self.print(table)
        if names := ", ".join(filter(None, dropped)):
            self.print(f"(This terminal is too narrow for: {names}.)", style="dim", highlight=False)

    def _narrowest(self, table: Table) -> int:
        # Names may have no space to wrap at: assume a small minimum width for their columns.
        names = [column for column in table.columns if column.overflow == "fold" and column.max_width is None]
        for column in names:
            column.max_width = _NARROWEST_NAME
        found = Measurement.get(self, self.options.update(width=_ENDLESS), table).minimum
        for column in names:
            column.max_width = None
        return found


def write_text(pieces: Iterable[str]) -> None:
    """Write text for programs to standard output, as UTF-8 in files and pipes; made safe (`visible`) on a terminal."""
    for piece in pieces:
        _write(sys.stdout, piece)
    # None if it is closed.
    if sys.stdout is not None:
        sys.stdout.flush()


def read_text() -> str:
    """Read all of standard input: a file or a pipe as UTF-8 if it is valid, else in the console's encoding."""
    stream: TextIO | None = sys.stdin
    # None if it is closed.
    if stream is None:
        return ""
    buffer = None if stream.isatty() else getattr(stream, "buffer", None)
    if buffer is None:
        return stream.read()
    read: bytes = buffer.read()
    try:
        return read.decode("utf-8-sig")
    except UnicodeDecodeError:
        return read.decode(stream.encoding, "surrogateescape")


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:
        return
    buffer = None if stream.isatty() else getattr(stream, "buffer", None)
    if buffer is None:
        stream.write(visible(text))
        return
    stream.flush()
    # `replace`: a lone surrogate, as JSON may contain, cannot be encoded.
    buffer.write(text.encode("utf-8", "replace"))


def print_text(*lines: str) -> None:
    """Write lines for programs, as `write_text` does."""
    write_text(f"{line}\n" for line in lines)


def replace_what_cannot_be_shown() -> None:
    """Print characters that the console's encoding lacks as question marks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
