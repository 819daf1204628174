"""How long each test took when that was last stored: what is quick runs at each commit, what takes longest begins first."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from functools import cache

import pytest

from support.paths import ROOT

FILE = ROOT / "tests" / "durations.json"
# Below this, on a quiet machine, a test is quick; what was never measured is taken for quick.
_QUICK_SECONDS = 0.3


@cache
def stored() -> Mapping[str, float]:
    """Seconds of a test's slower cases on average, set-up included, by its function."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def function_of(nodeid: str) -> str:
    """A test's function, without its case."""
    return nodeid.partition("[")[0]


def seconds_of(nodeid: str) -> float:
    """How long a test will take, about."""
    return stored().get(function_of(nodeid), 0.0)


def is_quick(nodeid: str) -> bool:
    """Whether a test is for each commit."""
    return seconds_of(nodeid) < _QUICK_SECONDS


class Stopwatch:
    """Adds up what each test took, and stores it in the end: `pytest --store-durations`, on a machine that does nothing else."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test was set up, run or taken down."""
        self._seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Keep what other runs stored of tests that did not run now."""
        cases: defaultdict[str, list[float]] = defaultdict(list)
        for nodeid, seconds in self._seconds.items():
            cases[function_of(nodeid)].append(seconds)
        found = {name: round(sum(times) / len(times), 1) for name, times in cases.items()}
        kept = {name: seconds for name, seconds in {**stored(), **found}.items() if seconds >= _QUICK_SECONDS}
        FILE.write_text(json.dumps(dict(sorted(kept.items())), indent=0) + "\n", encoding="utf-8")
