"""Every mart equals a second computation, written in plain Python from what the simulator knows."""

from __future__ import annotations

import pytest

from mart_truth import KEYS, Books
from marts import Shop, assert_same_table


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Books]:
    shop = Shop(tmp_path_factory.mktemp("medium"), size="medium")
    shop.load()
    shop.build()
    return shop, Books(shop.simulator.truth(), shop.as_of)


@pytest.mark.parametrize("name", KEYS)
def test_every_figure_of_the_medium_company_equals_the_second_computation(
    medium: tuple[Shop, Books], name: str
) -> None:
    shop, books = medium
    want = getattr(books, name)()
    if name not in ("mart_utilisation_weekly", "mart_timesheet_compliance_weekly"):
        currencies = {row["currency"] for row in want.values() if "currency" in row} or {key[0] for key in want}
        assert len(currencies) > 2, "a comparison in one currency would say little"
    assert_same_table(shop, name, want)
