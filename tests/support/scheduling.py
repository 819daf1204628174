"""Scheduling of tests on workers: tests that share an expensive fixture go to the same worker."""

from __future__ import annotations

from functools import cache

from xdist.scheduler import LoadScopeScheduling

from support.paths import ROOT

_DESTINATIONS = "tests/destinations"


class BySharedFixture(LoadScopeScheduling):
    """Scheduler that distributes tests one by one, except those that share a fixture, which each worker would have to create.

    These are all tests of a file with a module fixture, or those with the same parameter if the fixture has parameters; and all
    tests of the folder that shares the destinations' servers. (Marks of xdist's own `loadgroup` have no effect with pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def scope_of(nodeid: str) -> str:
    """Scope of a test: all tests of a scope go to one worker."""
    file, _, test = nodeid.partition("::")
    if file.startswith(f"{_DESTINATIONS}/"):
        return _DESTINATIONS
    text = _text(file)
    if 'scope="module", params' in text:
        return f"{file}::{test.partition('[')[2].partition('-')[0] or test}"
    return file if 'scope="module"' in text else nodeid


@cache
def _text(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")
