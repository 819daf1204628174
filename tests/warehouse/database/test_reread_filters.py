"""The filters that bring rows again: all of them, by their days or their projects, whichever takes fewer requests."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from harvest_time_tracking import STREAMS
from harvest_warehouse.database import open_database
from harvest_warehouse.database.reread_filters import Filters, filters_of
from harvest_warehouse.warehouse import Target
from support.accounts import Account


def filters(warehouse: Target, stream: str, condition: str, rows_of_a_page: int = 2_000) -> Filters:
    with open_database(warehouse) as database:
        return filters_of(database, STREAMS[stream], "123456", condition, rows_of_a_page=rows_of_a_page)


def brings(asked: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Whether Harvest lists an entry for a filter, by its documentation."""
    if "project_id" in asked and entry["project"]["id"] != asked["project_id"]:
        return False
    return asked.get("from", "") <= entry["spent_date"] <= asked.get("to", "9")


@pytest.mark.parametrize("rows_of_a_page", [2_000, 20], ids=["one page", "many pages"])
def test_all_rows_are_brought_for_few_requests(synced: tuple[Account, Target], rows_of_a_page: int) -> None:
    account, warehouse = synced
    entries = account.simulator.truth()["time_entries"]
    [(invoice_id, _)] = Counter(row["invoice"]["id"] for row in entries if row["invoice"]).most_common(1)
    billed = [row for row in entries if (row["invoice"] or {}).get("id") == invoice_id]
    found = filters(warehouse, "time_entries", f"invoice__id = {invoice_id}", rows_of_a_page)
    assert all(any(brings(asked, row) for asked in found) for row in billed)
    days = {row["spent_date"] for row in billed}
    projects = {row["project"]["id"] for row in billed}
    between = sum(min(days) <= row["spent_date"] <= max(days) for row in entries)
    assert between > 20 * len(projects)
    # All in these days on one page of 2,000; of twenty, those of the invoice's projects alone.
    assert len(found) == (1 if rows_of_a_page == 2_000 else len(projects))
    assert all(("project_id" in asked) is (rows_of_a_page == 20) for asked in found)


def test_what_nobody_has_asks_for_nothing_and_a_list_without_dates_is_read_whole(
    synced: tuple[Account, Target],
) -> None:
    _, warehouse = synced
    assert filters(warehouse, "time_entries", "id = 1") == []
    assert filters(warehouse, "clients", "id = 1") == []
    assert filters(warehouse, "clients", "id = (select min(id) from clients)") == [{}]


def test_rows_without_a_day_are_brought_by_their_project_or_with_the_whole_list(
    synced: tuple[Account, Target],
) -> None:
    account, warehouse = synced
    entry = account.simulator.truth()["time_entries"][0]
    invoice = account.simulator.truth()["invoices"][0]
    with open_database(warehouse) as database:
        database.run(
            [
                f"update time_entries set spent_date = null where id = {entry['id']}",
                f"update invoices set issue_date = null where id = {invoice['id']}",
            ]
        )
    assert filters(warehouse, "time_entries", f"id = {entry['id']}") == [{"project_id": entry["project"]["id"]}]
    assert filters(warehouse, "invoices", f"id = {invoice['id']}") == [{}]
