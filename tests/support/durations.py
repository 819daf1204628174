"""Stored durations of tests: quick ones run at each commit, and the longest start first."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from functools import cache

import pytest

from support.paths import ROOT

FILE = ROOT / "tests" / "durations.json"
# Tests below this, on an idle machine, are quick; unmeasured ones count as quick.
_QUICK_SECONDS = 0.3


@cache
def stored() -> Mapping[str, float]:
    """Mean seconds of a test's slower cases, including set-up, by function."""
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}


def function_of(nodeid: str) -> str:
    """Test function of a node id, without its case."""
    return nodeid.partition("[")[0]


def seconds_of(nodeid: str) -> float:
    """Expected duration of a test, in seconds."""
    return stored().get(function_of(nodeid), 0.0)


def is_quick(nodeid: str) -> bool:
    """True if a test is quick enough for each commit."""
    return seconds_of(nodeid) < _QUICK_SECONDS


class Stopwatch:
    """Plugin that measures and stores the durations of tests: `pytest --store-durations`, on an otherwise idle machine."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the duration of a test's set-up, call or tear-down."""
        self._seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Store the durations, keeping those of tests that did not run."""
        cases: defaultdict[str, list[float]] = defaultdict(list)
        for nodeid, seconds in self._seconds.items():
            cases[function_of(nodeid)].append(seconds)
        found = {name: round(sum(times) / len(times), 1) for name, times in cases.items()}
        kept = {name: seconds for name, seconds in {**stored(), **found}.items() if seconds >= _QUICK_SECONDS}
        FILE.write_text(json.dumps(dict(sorted(kept.items())), indent=0) + "\n", encoding="utf-8")
