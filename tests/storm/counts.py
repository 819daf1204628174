"""How often each thing struck, over many storms, and the closing table of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Counts:
    """What happened, by its name."""

    struck: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, times: int = 1) -> None:
        """It happened."""
        if times:
            self.struck[name] += times

    def join(self, other: Counts) -> None:
        """With those of another storm."""
        self.struck.update(other.struck)

    def table(self) -> str:
        """One line each, in the order of their names."""
        width = max((len(name) for name in self.struck), default=0)
        return "\n".join(f"{name:<{width}}  {times:>7,}" for name, times in sorted(self.struck.items()))
