"""Warehouses for tests of the dashboard: an empty account, one with time only, and one of 500 people."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import uvicorn

from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.header import Header, accounts, header
from harvest_warehouse.dashboard.page import Page, Section
from harvest_warehouse.dashboard.pages import PAGES
from harvest_warehouse.dashboard.reader import Reader
from harvest_warehouse.dashboard.records.records import Records
from harvest_warehouse.dashboard.serve.access import Access
from harvest_warehouse.dashboard.serve.answers import Answer, Dashboard
from harvest_warehouse.dashboard.serve.app import application
from harvest_warehouse.dashboard.serve.guard import Guard
from harvest_warehouse.database.pipelines import open_pipeline
from support.servers import free_port
from support.shop import Shop

CROWD = 500
KEY_OF_THE_TESTS = "the-key-of-the-tests"
BAD = """<script>window.ran = true; alert(1)</script> & "x\""""


def nothing(folder: Path) -> Shop:
    shop = Shop(folder, empty=True)
    shop.load()
    shop.build()
    return shop


def time_only(folder: Path) -> Shop:
    shop = Shop(folder)
    shop.load("time_entries")
    shop.build()
    return shop


def crowd(folder: Path) -> Shop:
    """Tiny company with 500 more people, who worked for the last 60 days on projects of 60 more clients."""
    shop = Shop(folder)
    shop.load()
    day = f"date '{shop.as_of}'"
    _run(
        shop,
        f"""
        insert into users by name
        select '123456' as account_id, 9000000 + range as id, 'Pat' as first_name, 'Number ' || range as last_name,
          true as is_active, range % 5 = 0 as is_contractor, 144000 as weekly_capacity,
          {day} - 90 as created_at, 'x' as _dlt_load_id, 'u' || range as _dlt_id
        from range({CROWD})
        """,
        """
        insert into clients by name
        select '123456' as account_id, 9000000 + range as id, 'Client ' || range as name, true as is_active,
          (select max(currency) from clients) as currency
        from range(60)
        """,
        """
        insert into projects by name
        select '123456' as account_id, 9000000 + range as id, 9000000 + range % 60 as client__id,
          'Project ' || range as name, true as is_active, true as is_billable, false as is_fixed_fee, 'project' as budget_by,
          400 as budget, now() as created_at
        from range(180)
        """,
        f"""
        insert into time_entries by name
        select '123456' as account_id, 9000000000 + range as id, {day} - cast(range % 60 as integer) as spent_date,
          9000000 + range // 60 as user__id, 9000000 + range % 180 % 60 as client__id, 9000000 + range % 180 as project__id,
          (select min(id) from tasks) as task__id, 2 + range % 7 as hours, 2 + range % 7 as rounded_hours,
          true as billable, true as budgeted, false as is_billed, false as is_running, 100 as billable_rate,
          50 as cost_rate
        from range({CROWD * 60})
        """,
    )
    shop.build()
    return shop


def ask(shop: Shop, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query, as the dashboard reads them: it may be served by this process."""
    return [tuple(row.values()) for row in Reader(shop.warehouse)(query)]


def named_badly(shop: Shop, folder: Path) -> Shop:
    """Copy of an account whose names in the marts are hostile HTML."""
    other = shop.copy(folder)
    names = [
        (table, column)
        for table, column in ask(
            other,
            "select table_name, column_name from information_schema.columns where table_schema = 'harvest_marts'",
        )
        if column in ("account_name", "client_name", "project_name", "person_name")
    ]
    assert len({column for _, column in names}) == 4
    other.run(*(f"update marts.{table} set {column} = '{BAD}'" for table, column in names))
    return other


def _run(shop: Shop, *statements: str) -> None:
    # Sent untranslated: `range` is not a table of the dataset.
    with open_pipeline(shop.warehouse).sql_client() as client:
        for statement in statements:
            client.execute_sql(statement)


def top(shop: Shop, now: datetime | None = None) -> Header:
    """Header as it is on the day of the figures, so that they are not old, or at another time."""
    read = Reader(shop.warehouse)
    head = header(read, next(iter(accounts(read))), AlertSettings(), now=now)
    return head if now else replace(head, age=timedelta(hours=5))


def page(shop: Shop, name: str, **filters: Any) -> Page:
    """Page with the default filters, except for the given ones."""
    head = top(shop)
    currency = filters.pop("currency", next(iter(head.currencies), ""))
    chosen = Filters(head.account_id, currency, **{"target": head.target, **filters})
    return PAGES[name](Reader(shop.warehouse), chosen, head)


def records(shop: Shop, kind: str) -> Section:
    """Records of a kind, with each condition that may be given once, and matches some."""
    read = Reader(shop.warehouse)
    account = next(iter(accounts(read)))
    conditions = {
        "time": (("from", "2000-01-01"), ("only", "employees"), ("to", "2100-01-01"), ("weeks", "400")),
        "unbilled": (("age", "0-30"), ("age", "90+"), ("from", "2000-01-01")),
        "invoices": (("only", "open"), ("overdue", "not_due"), ("overdue", "90+")),
    }
    return Records(kind, account, conditions[kind]).read(read, 1_000, hides_rates=False)


def tiles(of: Page) -> dict[str, str]:
    return {tile.label: tile.figure for tile in of.tiles}


def amount(figure: str) -> Decimal:
    """Number in a figure such as `EUR 1,234` or `1,234 h`."""
    return Decimal("".join(sign for sign in figure.replace("−", "-") if sign in "-0123456789."))


# Background colours of the pages; test_browser.py checks that they are what a browser shows.
GROUNDS = {"light": "#ffffff", "dark": "#181c1a"}


def text(answer: Answer) -> str:
    return gzip.decompress(answer.body).decode()


@contextmanager
def served(shop: Shop, *, hides_rates: bool = False, port: int | None = None) -> Iterator[str]:
    """The dashboard of an account, being served behind its guard: its address, without the key."""
    access = Access("127.0.0.1", port or free_port(), KEY_OF_THE_TESTS)
    app = Guard(application(Dashboard(shop.warehouse, hides_rates=hides_rates)), access)
    server = uvicorn.Server(
        uvicorn.Config(app, port=access.port, ws="none", lifespan="off", log_level="error", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server ended"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{access.port}"
    finally:
        server.should_exit = True
        thread.join()
