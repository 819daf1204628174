"""Data requirements of figures: replace a figure by a reason if its lists were never read, or are empty in Harvest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from harvest_warehouse.dashboard.formatting import listed
from harvest_warehouse.dashboard.page import Page, Requirement, Section, Tile

Missing = Literal["never read", "switched off", "none"]

PEOPLE = Requirement(("users", "time_entries"), ("time_entries",))
UNBILLED = Requirement(("clients", "projects", "time_entries"), ("time_entries", "expenses"))
FEES = Requirement(("clients", "projects", "invoices"), ("projects",))
BUDGETS = Requirement(("projects", "time_entries"), ("projects",))
INVOICES = Requirement(("invoices",), ("invoices",))
REVENUE = Requirement(("clients", "projects", "time_entries"), ("time_entries", "expenses"))
ESTIMATES = Requirement(("estimates",), ("estimates",))
COMPANY = Requirement(("clients", "projects", "time_entries", "invoices"), ("time_entries", "expenses", "invoices"))
LISTS = ("clients", "projects", "users", "time_entries", "expenses", "invoices", "estimates")
"""Names of all lists that figures are computed from."""


@dataclass(frozen=True)
class _Gap:
    """Reason why a figure is missing."""

    is_unknown: bool
    lists: tuple[str, ...]
    is_off: bool = False

    @property
    def words(self) -> str:
        if self.is_unknown:
            return f"{listed(self.lists)} were never read from Harvest"
        if self.is_off:
            return f"{listed(self.lists)} are switched off in Harvest"
        return f"there are no {listed(self.lists, 'or')} in Harvest"


def known(page: Page, missing: Mapping[str, Missing]) -> Page:
    """Replace each figure and section whose data requirements are not met by a dash and the reason.

    Args:
        page: page computed as if all lists had been read.
        missing: lists without rows, and why.
    """
    return replace(
        page,
        tiles=tuple(_tile(tile, missing) for tile in page.tiles),
        sections=tuple(_section(section, missing) for section in page.sections),
    )


def _gap(basis: Requirement | None, missing: Mapping[str, Missing]) -> _Gap | None:
    if basis is None:
        return None
    unread = tuple(name for name in basis.needs if missing.get(name) == "never read")
    if unread:
        return _Gap(is_unknown=True, lists=unread)
    if all(name in missing for name in basis.of):
        return _Gap(is_unknown=False, lists=basis.of, is_off=all(missing[name] == "switched off" for name in basis.of))
    return None


def _tile(tile: Tile, missing: Mapping[str, Missing]) -> Tile:
    gap = _gap(tile.basis, missing)
    return (
        tile if gap is None else Tile(tile.label, "–", f"{'not known' if gap.is_unknown else 'no data'}: {gap.words}")
    )


def _section(section: Section, missing: Mapping[str, Missing]) -> Section:
    gap = _gap(section.basis, missing)
    if gap is None:
        return section
    subject = section.name.replace("-", " ").capitalize()
    said = "not known" if gap.is_unknown else "nothing to show"
    return Section(f"{subject}: {said}, {gap.words}", (), (), name=section.name)
