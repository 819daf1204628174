"""Rows and the keys among them: what is there twice is told from what is there once."""

from __future__ import annotations

import pytest

from harvest_time_tracking import STREAMS
from harvest_warehouse.database import open_database
from harvest_warehouse.database.row_counts import Held, held
from harvest_warehouse.warehouse import Target
from support.accounts import Account


@pytest.mark.parametrize("stream", ["time_entries", "invoice_payments", "roles"])
def test_a_row_that_is_there_twice_is_a_row_more_and_no_key_more(synced: tuple[Account, Target], stream: str) -> None:
    account, warehouse = synced
    there = len(account.simulator.truth()[stream])
    with open_database(warehouse) as database:
        assert held(database, STREAMS[stream], "123456") == Held(there, there)
        database.run(
            [
                f'insert into "{stream}" select * from "{stream}" where id = (select min(id) from "{stream}")',
                f'update "{stream}" set account_id = \'other\' where id = (select max(id) from "{stream}")',
            ]
        )
        doubled = held(database, STREAMS[stream], "123456")
        assert (doubled, doubled.doubled) == (Held(there, there - 1), 1)
        assert held(database, STREAMS[stream], "nobody") == Held(0, 0)


def test_only_the_rows_that_are_asked_about_are_counted(synced: tuple[Account, Target]) -> None:
    account, warehouse = synced
    days = sorted(entry["spent_date"] for entry in account.simulator.truth()["time_entries"])
    later = sum(day >= days[len(days) // 2] for day in days)
    with open_database(warehouse) as database:
        found = held(
            database, STREAMS["time_entries"], "123456", "spent_date >= :first", {"first": days[len(days) // 2]}
        )
    assert found == Held(later, later)
