"""Progress callbacks for the steps of a run."""

from __future__ import annotations


def say_nothing(step: str) -> None:
    """Ignore a step: the default progress callback."""
