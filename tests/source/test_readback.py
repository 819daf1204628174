"""What was loaded is read back by each of dlt's ways: the test of the pins on sqlglot, duckdb and pandas."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import dlt
import pyarrow as pa
import pytest

from harvest_simulator import Simulator
from support.accounts import Account


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Account:
    simulator = Simulator(size="tiny")
    with simulator.serving() as url:
        account = Account(simulator, url, tmp_path_factory.mktemp("readback"))
        account.load("time_entries", "invoices", "clients")
        return account


def true_hours(account: Account) -> Decimal:
    return sum((entry["hours"] for entry in account.simulator.truth()["time_entries"]), Decimal())


def test_as_a_frame(account: Account) -> None:
    frame = account.pipeline.dataset().time_entries.df()
    assert len(frame) == len(account.simulator.truth()["time_entries"])
    # pandas holds decimals as floats here: exact figures are read by one of the other ways.
    assert round(float(frame["hours"].sum()), 6) == float(true_hours(account))


def test_as_an_arrow_table(account: Account) -> None:
    table = account.pipeline.dataset().time_entries.arrow()
    assert pa.types.is_decimal(table.schema.field("hours").type)
    assert pa.types.is_date(table.schema.field("spent_date").type)
    assert pa.types.is_timestamp(table.schema.field("updated_at").type)
    assert sum(table["hours"].to_pylist(), Decimal()) == true_hours(account)


def test_in_pieces(account: Account) -> None:
    pieces = list(account.pipeline.dataset().time_entries.iter_arrow(100))
    assert len(pieces) > 1
    assert sum(piece.num_rows for piece in pieces) == len(account.simulator.truth()["time_entries"])


def test_by_sql(account: Account) -> None:
    assert account.pipeline.dataset()("select sum(hours) from time_entries").fetchall() == [(true_hours(account),)]


def test_by_sql_over_child_tables(account: Account) -> None:
    invoices = account.simulator.truth()["invoices"]
    amount = sum((item["amount"] for invoice in invoices for item in invoice["line_items"]), Decimal())
    query = "select sum(i.amount) from invoices__line_items i join invoices on invoices._dlt_id = i._dlt_parent_id"
    assert account.pipeline.dataset()(query).fetchall() == [(amount,)]


def test_by_where_select_and_limit(account: Account) -> None:
    clients = account.pipeline.dataset().clients
    first = min(client["id"] for client in account.simulator.truth()["clients"])
    name = next(client["name"] for client in account.simulator.truth()["clients"] if client["id"] == first)
    assert clients.where("id", "eq", first).select("name").fetchall() == [(name,)]
    assert clients.order_by("id").limit(1).select("name").fetchall() == [(name,)]


def test_without_the_pipeline(account: Account, tmp_path: Path) -> None:
    file = account.folder / f"{account.name}.duckdb"
    dataset = dlt.dataset(dlt.destinations.duckdb(str(file)), "harvest", "harvest_time_tracking_source")
    assert len(dataset.time_entries.fetchall()) == len(account.simulator.truth()["time_entries"])
