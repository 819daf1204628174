"""Sizes of reads: how much is read at a time."""

from __future__ import annotations

from dataclasses import dataclass

PER_PAGE = 2_000
"""The most records that Harvest gives in one page: https://help.getharvest.com/api-v2/introduction/overview/pagination/."""


@dataclass(frozen=True)
class ReadSizes:
    """Sizes of reads. A user needs none of this; a test of a small account does.

    Attributes:
        per_page: how many records to ask for in one page at most.
        pages_at_once: a list of more pages is read in windows of days, so that a change while it is read costs one window and
            not the list.
        pages_of_a_window: about how many pages such a window has.
        portion: about how many pages of a list, or parents of a stream by parent, a first load reads into one load package:
            what a run that is killed must ask again at most.
    """

    per_page: int = PER_PAGE
    pages_at_once: int = 40
    pages_of_a_window: int = 25
    portion: int = 150


USUAL = ReadSizes()
