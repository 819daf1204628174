"""Count the events and faults of many storms, and render the closing table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counts:
    """Number of occurrences by name."""

    struck: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, times: int = 1) -> None:
        """Count an occurrence."""
        if times:
            self.struck[name] += times

    def join(self, other: Counts) -> None:
        """Add the counts of another storm."""
        self.struck.update(other.struck)

    def table(self) -> str:
        """Render one line per name, sorted by name."""
        width = max((len(name) for name in self.struck), default=0)
        return "\n".join(f"{name:<{width}}  {times:>7,}" for name, times in sorted(self.struck.items()))
