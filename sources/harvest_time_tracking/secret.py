"""Secret text that is never shown by accident."""

from __future__ import annotations

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

    def __repr__(self) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)
