"""Secret text that is never shown by accident."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import ClassVar
from weakref import WeakValueDictionary


class Secret:
    """Text that prints as stars; `reveal()` returns it.

    While an instance exists, `words.printable` also redacts its text in messages from elsewhere.
    """

    __slots__ = ("__weakref__", "_text")
    _there: ClassVar[WeakValueDictionary[int, Secret]] = WeakValueDictionary()

    def __init__(self, text: str) -> None:
        self._text = text
        self._there[id(self)] = self

    @classmethod
    def all(cls) -> list[Secret]:
        """List all secrets that exist now."""
        return list(cls._there.values())

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    @property
    def generation(self) -> int:
        """How often the text was renewed."""
        return 0

    def renew(self, generation: int) -> bool:  # noqa: ARG002 (as in `RenewableSecret`)
        """Get a new text in place of that of a generation; false if there is none to be had."""
        return False

    def __repr__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class RenewableSecret(Secret):
    """Secret that expires, such as an OAuth2 access token; its earlier texts are redacted, too.

    Args:
        text: the first text.
        new: gets the next text; called by one thread at a time. May raise HarvestError.
    """

    __slots__ = ("_earlier", "_lock", "_new")

    def __init__(self, text: str, new: Callable[[], str]) -> None:
        super().__init__(text)
        self._new = new
        self._lock = Lock()
        self._earlier: list[Secret] = []

    @property
    def generation(self) -> int:
        """How often the text was renewed."""
        return len(self._earlier)

    def renew(self, generation: int) -> bool:
        """Get a new text, unless another thread did so since that generation."""
        with self._lock:
            if generation == self.generation:
                text = self._new()
                self._earlier.append(Secret(self._text))
                self._text = text
        return True
