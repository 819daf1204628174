"""Writes the pages that the code decides: `python docs/generate`, or with `--check` says which of them are stale."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from architecture import architecture_picture
from cli import cli_page
from errors import errors_page
from metrics import metrics_page
from models import models_page
from settings import settings_page
from streams import streams_page

_DOCS = Path(__file__).parents[1]
PAGES: Mapping[str, Callable[[], str]] = {
    "reference/cli.md": cli_page,
    "reference/settings.md": settings_page,
    "reference/streams.md": streams_page,
    "reference/models.md": models_page,
    "reference/metrics.md": metrics_page,
    "explanation/errors.md": errors_page,
    "images/architecture.svg": architecture_picture,
}


def main(arguments: list[str]) -> int:
    """Write or check every page; gives the exit code."""
    stale = [name for name, page in PAGES.items() if not _is_fresh(_DOCS / name, page())]
    if "--check" not in arguments:
        for name in stale:
            (_DOCS / name).write_text(PAGES[name](), encoding="utf-8")
        return 0
    for name in stale:
        sys.stderr.write(f"docs/{name} is stale: run `make docs`.\n")
    return 1 if stale else 0


def _is_fresh(file: Path, text: str) -> bool:
    return file.exists() and file.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
