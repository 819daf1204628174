"""Which tests go to one worker together: those that share what is dear to make."""

from __future__ import annotations

from functools import cache

from xdist.scheduler import LoadScopeScheduling

from support.paths import ROOT

_DESTINATIONS = "tests/destinations"


class BySharedFixture(LoadScopeScheduling):
    """Gives tests to workers one by one, but for those that share a fixture: else each worker would make it.

    That is a whole file where it has a fixture of its module, or what has the same parameter where that fixture has some; and the
    whole folder whose tests share the servers of the destinations. (Marks of xdist's own `loadgroup` say nothing with pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def scope_of(nodeid: str) -> str:
    """What a test is given to a worker with."""
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
