"""Page and batch sizes of reads."""

from __future__ import annotations

from dataclasses import dataclass

PER_PAGE = 2_000
"""Largest page size that Harvest allows: https://help.getharvest.com/api-v2/introduction/overview/pagination/."""


@dataclass(frozen=True)
class ReadSizes:
    """Page and batch sizes. Users need not set them; tests on a small account do.

    Attributes:
        per_page: largest page size to request.
        pages_at_once: lists longer than this many pages are read in windows of days, so that a change during the read costs
            one window instead of the whole list.
        pages_of_a_window: approximate number of pages per window.
        portion: about how many pages of a list, or parents of a child stream, a first load reads into one load package: the
            most that a killed run has to read again.
    """

    per_page: int = PER_PAGE
    pages_at_once: int = 40
    pages_of_a_window: int = 25
    portion: int = 150


USUAL = ReadSizes()
