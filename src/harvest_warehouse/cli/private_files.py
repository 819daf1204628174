"""Files that only their owner reads: the database has salaries and rates in it, dlt's folder rows on their way into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_OTHERS = 0o077
_masks: list[int] = []


def keep_files_private() -> None:
    """From now on, nobody else may read or change what this process makes; what is there already stays as it is."""
    if not _masks:
        _masks.append(os.umask(_OTHERS))


@contextmanager
def files_for_others() -> Iterator[None]:
    """What is made in the block is for others to read, as far as the user's own umask goes."""
    if not _masks:
        yield
        return
    os.umask(_masks[0])
    try:
        yield
    finally:
        os.umask(_OTHERS)
