"""Restrict new files to their owner (umask): the database and dlt's folder hold salaries and rates."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_OTHERS = 0o077
_masks: list[int] = []


def keep_files_private() -> None:
    """Make files that this process creates from now on inaccessible to other users; existing ones are left unchanged."""
    if not _masks:
        _masks.append(os.umask(_OTHERS))


@contextmanager
def files_for_others() -> Iterator[None]:
    """Create files in this block with the user's own umask, so that others can read them."""
    if not _masks:
        yield
        return
    os.umask(_masks[0])
    try:
        yield
    finally:
        os.umask(_OTHERS)
