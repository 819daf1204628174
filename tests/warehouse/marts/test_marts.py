"""Every mart equals a second computation, written in plain Python from what the simulator knows."""

from __future__ import annotations

import pytest

from harvest_warehouse.marts.models import described, models
from mart_truth import KEYS, Books
from support.shop import Shop, assert_same_table

# What the account's records do not tell: when they were read, and the checks' own words and statements.
NOT_OF_THE_ACCOUNT = {"dim_account": {"loaded_at"}, "mart_data_quality": {"words", "query"}}
# Nothing in these depends on a currency.
WITHOUT_MONEY = {
    *("dim_account", "dim_date", "dim_person", "dim_person_rate", "dim_task", "fct_capacity_day"),
    *("mart_utilisation_weekly", "mart_timesheet_compliance_weekly", "mart_data_quality"),
}


@pytest.fixture(scope="module", params=["small", pytest.param("medium", marks=pytest.mark.nightly)])
def company(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Books]:
    if request.param == "small":
        shop: Shop = request.getfixturevalue("small_shop").copy(tmp_path_factory.mktemp("small"))
    else:
        shop = Shop(tmp_path_factory.mktemp(request.param), size=request.param)
        shop.load()
        shop.build()
    return shop, Books(shop.simulator.truth(), shop.as_of)


def test_every_table_is_computed_twice() -> None:
    assert set(KEYS) == {*(model.name for model in models() if model.is_kept), "mart_data_quality"}


@pytest.mark.parametrize("name", KEYS)
def test_every_column_of_a_company_equals_the_second_computation(company: tuple[Shop, Books], name: str) -> None:
    shop, books = company
    want = getattr(books, name)()
    columns = {*KEYS[name], *next(iter(want.values()))}
    assert {*columns, *NOT_OF_THE_ACCOUNT.get(name, ()), "account_id"} == set(described()[name].columns)
    if name not in WITHOUT_MONEY:
        currencies = {row["currency"] for row in want.values() if "currency" in row} or {key[0] for key in want}
        assert len(currencies) > 2, "a comparison in one currency would say little"
    assert_same_table(shop, name, want)
