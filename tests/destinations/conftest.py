"""Every test here runs on every destination that can be had; the others are skipped with the reason."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from sqlglot import exp

from destinations.doubles import DOUBLES, REQUIRED, Double, NoServer
from destinations.story import Story, told
from harvest_warehouse.destinations import statements
from harvest_warehouse.destinations.dialect import HOME, written
from harvest_warehouse.warehouse import Target

Opened = Callable[[str], "Here"]


SENT: dict[str, None] = {}
"""Every statement that was sent to DuckDB in these tests, in the order of their first time."""


class Here:
    """A destination that stands, and the story that happened on it."""

    def __init__(self, stand: Double, environment: dict[str, str], folder: Path, stack: ExitStack) -> None:
        self.stand = stand
        self.environment = environment
        self._folder = folder
        self._stack = stack
        self._story: Story | Exception | None = None

    def warehouse(self, folder: Path, **names: str) -> Target:
        return Target(folder, pipelines_dir=folder / "pipelines", destination=self.stand.name, **names)

    @property
    def story(self) -> Story:
        """Told when it is asked for first, and once."""
        if self.stand.is_slow and "DESTINATIONS_SIZE" not in os.environ:
            pytest.skip(
                "its story takes about a minute of CPU: DESTINATIONS_SIZE=tiny tells it, and so do `make nightly` and `make test-destinations`"
            )
        if self._story is None:
            with pytest.MonkeyPatch.context() as patch:
                for name, value in self.environment.items():
                    patch.setenv(name, value)
                try:
                    self._story = self._stack.enter_context(told(self.warehouse(self._folder)))
                except Exception as error:  # noqa: BLE001 (told again, it would end like this again)
                    self._story = error
        if isinstance(self._story, Exception):
            raise self._story
        return self._story


def _noted(tree: exp.Expr, dialect: str) -> str:
    statement = written(tree, dialect)
    if dialect == HOME:
        SENT.setdefault(statement)
    return statement


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Opens each destination once."""
    stands: dict[str, Here | NoServer] = {}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(statements, "written", _noted)
        # What was said before would not be noted.
        statements._said.cache_clear()

        def open_one(name: str) -> Here:
            if name not in stands:
                try:
                    environment = dict(stack.enter_context(DOUBLES[name].opened()))
                    stands[name] = Here(DOUBLES[name], environment, tmp_path_factory.mktemp(name), stack)
                except NoServer as error:
                    stands[name] = error
            found = stands[name]
            if isinstance(found, NoServer):
                (pytest.fail if name in REQUIRED else pytest.skip)(f"{name}: {found}")
            return found

        yield open_one


# The others' story is told at night: the doubles' own tests, and what every dialect can say, are for each change.
@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.nightly] * one.is_slow) for name, one in DOUBLES.items()])
def here(request: pytest.FixtureRequest, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> Here:
    """One destination after the other, configured as a user's environment does it."""
    found = opened(request.param)
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def reference(opened: Opened) -> Here:
    """DuckDB, which the others are compared with."""
    return opened("duckdb")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Destination, what stands for it, how many checks passed, and why others were skipped."""
    counts: dict[str, Counter[str]] = {}
    reasons: dict[str, set[str]] = {}
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.stats.get(outcome, []):
            name = next((name for name in DOUBLES if f"[{name}" in report.nodeid), None)
            if name and "destinations/" in report.nodeid and (outcome != "passed" or report.when == "call"):
                counts.setdefault(name, Counter())[outcome] += 1
                if outcome == "skipped" and isinstance(report.longrepr, tuple):
                    reasons.setdefault(name, set()).add(report.longrepr[2].removeprefix("Skipped: "))
    if not counts:
        return
    terminalreporter.section("destinations")
    line = partial("{:<14}{:<42}{:>7}{:>8}{:>9}  {}".format)
    terminalreporter.write_line(line("destination", "stands for it", "passed", "failed", "skipped", "why"))
    for name, count in counts.items():
        bad = count["failed"] + count["error"]
        why = "; ".join(sorted(reasons.get(name, ())))
        terminalreporter.write_line(line(name, DOUBLES[name].how, count["passed"], bad, count["skipped"], why))
