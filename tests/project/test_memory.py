"""What keeps a run small: records by parts, what tells of parents without its lists, no library that nobody asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal

import pytest

from harvest_time_tracking.columns import tables
from harvest_time_tracking.http.protocol import Answer, Page, read_page
from harvest_time_tracking.records.converters import NestedRows
from harvest_warehouse.settings.process import pandas_kept_out
from support.accounts import Account

OpenAccount = Callable[..., Account]
COUNT = 601


def invoices_page(text: str) -> Page:
    return read_page(Answer(text.encode(), None, "/v2/invoices"), "invoices", "https://api.harvestapp.com/v2")


def record(number: int) -> str:
    lines = f'[{{"id": {number}1, "quantity": 0.10, "unit_price": 12345678901234567.25}}, {{"id": {number}2}}]'
    return f'{{"id": {number}, "notes": "\\"invoices\\": [", "amount": {number}.10, "line_items": {lines}}}'


RECORDS = ",\n ".join(map(record, range(1, COUNT + 1)))


@pytest.mark.parametrize(
    "text",
    [
        f'{{"invoices":[{RECORDS}],"total_entries":{COUNT}}}',
        f'\n{{ "invoices" : [ {RECORDS} ] , "page": 1}}',
        # Where it is not said at once which list it is.
        f'{{"page": 1, "invoices": [{RECORDS}]}}',
        f'{{"\\u0069nvoices": [{RECORDS}], "more": {{"invoices": [{{"id": 7}}]}}}}',
        f'{{"invoices": [{{"id": 7}}], "invoices": [{RECORDS}]}}',
    ],
    ids=["as harvest writes it", "with blanks", "behind another field", "spelled oddly", "twice"],
)
def test_records_with_lists_are_made_some_at_a_time_and_none_is_another_or_lost(text: str) -> None:
    made = list(
        NestedRows(tables()["invoices"], ["account_id", "id"], {}).portions(invoices_page(text), {"account_id": "1"})
    )
    assert max(map(len, made)) < COUNT / 2
    rows = [row for some in made for row in some]
    assert [row["id"] for row in rows] == list(range(1, COUNT + 1))
    assert [row["amount"] for row in rows] == [Decimal(f"{number}.10") for number in range(1, COUNT + 1)]
    for row in rows:
        first, second = row["line_items"]
        assert (first["id"], second["id"]) == (int(f"{row['id']}1"), int(f"{row['id']}2"))
        assert first["unit_price"] == Decimal("12345678901234567.25")


def test_a_page_is_kept_without_the_lists_of_objects_in_its_records_and_with_all_else() -> None:
    fields = {"id": 1, "roles": ["manager"], "none": [], "client": {"id": 2}, "mixed": [1, {"id": 3}]}
    page = invoices_page(json.dumps({"invoices": [{**fields, "line_items": [{"id": 4}]}]}))
    assert page.records == [{name: value for name, value in fields.items() if name != "mixed"}]
    assert json.loads(page.body)["invoices"][0]["line_items"] == [{"id": 4}]


RUN = """
import sys
from harvest_warehouse.cli import app
for command in sys.argv[1:]:
    assert not app(command.split(), standalone_mode=False)
    assert "pandas" not in sys.modules, command
import pandas
"""


@pytest.mark.nightly
def test_a_run_into_a_file_takes_no_pandas_and_leaves_it_to_others(open_account: OpenAccount) -> None:
    account = open_account()
    account.simulator.enforce_limits = False
    prefix = "SOURCES__HARVEST_TIME_TRACKING__"
    environment = os.environ | {
        f"{prefix}ACCESS_TOKEN": account.simulator.access_token,
        f"{prefix}ACCOUNT_ID": account.simulator.account_id,
        f"{prefix}BASE_URL": account.url,
        f"{prefix}REQUESTS_PER_15_S": "0",
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN, "load clients invoices", "build", "sync --no-build"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_pandas_is_there_again_after_the_block_and_after_an_error() -> None:
    before = list(sys.meta_path)
    with pandas_kept_out(False):
        assert sys.meta_path == before
    with pytest.raises(ValueError, match="x"), pandas_kept_out():
        raise ValueError("x")
    assert sys.meta_path == before
