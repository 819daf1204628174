"""Over memory, pipes and HTTP, in both of the protocol's forms: every metric and every question has the books' figures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from mcp import Client

from harvest_warehouse.database import open_database
from harvest_warehouse.mcp.answer import cells
from harvest_warehouse.mcp.server import made
from harvest_warehouse.semantics import semantic_model
from harvest_warehouse.semantics.metric_query import ACCOUNT, narrowed, parsed
from mart_truth import Books
from support.mcp_sessions import connected, piped, served, spoken
from support.shop import Shop
from warehouse.semantics.semantic_truth import metric_truth

MODEL = semantic_model()
TRANSPORTS = ("memory", "pipes", "http")
MODES = ("auto", "legacy")


@pytest.fixture(scope="module")
def books(proven_shop: Shop) -> Books:
    return Books(proven_shop.simulator.truth(), proven_shop.as_of)


@pytest.fixture(scope="module")
def answered(proven_shop: Shop) -> dict[str, list[list[Any]]]:
    """Rows of every question, by the statements that tests/warehouse/semantics compares with the books."""
    made_here = {}
    with open_database(proven_shop.warehouse, "reading") as database:
        for name, one in MODEL.questions.items():
            values = {**one.params, ACCOUNT: proven_shop.simulator.account_id}
            rows = database.rows(narrowed(parsed(one.sql)).sql("duckdb"), values)
            made_here[name] = json.loads(json.dumps(cells(rows)[0]))
    return made_here


@contextmanager
def opened(transport: str, folder: Path, shop: Shop) -> Iterator[Any]:
    """What the SDK's client connects to."""
    if transport == "memory":
        yield made(shop.warehouse)
    elif transport == "pipes":
        yield piped(folder)
    else:
        with served(folder) as (url, token):
            yield connected(url, token)


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("transport", "mode"), list(product(TRANSPORTS, MODES)))
def test_every_figure_arrives_as_the_books_have_it(
    transport: str, mode: str, proven_shop: Shop, books: Books, answered: dict[str, list[list[Any]]], tmp_path: Path
) -> None:
    shop = proven_shop.copy(tmp_path)
    differing: list[str] = []
    without_trust: list[str] = []

    async def ask(client: Client, tool: str, asked: str, **arguments: Any) -> dict[str, Any]:
        result = await client.call_tool(tool, arguments)
        assert not result.is_error, (asked, result.content)
        assert result.structured_content is not None
        if not result.structured_content["trust"]["words"]:
            without_trust.append(asked)
        return result.structured_content

    async def session(client: Client) -> None:
        for name, metric in MODEL.metrics.items():
            said = await ask(client, "metric", name, names=[name], limit=200)
            heads = [column["name"] for column in said["columns"]]
            assert heads == [*metric.split_by, name]
            have = {tuple(row[:-1]): Fraction(row[-1]) for row in said["rows"]}
            if not equal(have, metric_truth(books, name)):
                differing.append(name)
        for name in MODEL.questions:
            said = await ask(client, "question", name, name=name)
            if sorted(map(repr, said["rows"])) != sorted(map(repr, answered[name][: len(said["rows"])])):
                differing.append(name)
            assert said["is_cut"] or len(said["rows"]) == len(answered[name]), name

    with opened(transport, tmp_path, shop) as place:
        spoken(place, session, mode)
    assert (differing, without_trust) == ([], [])


def equal(have: dict[tuple[Any, ...], Fraction], want: dict[tuple[Any, ...], Any]) -> bool:
    """Exactly equal; what was divided, to nine digits."""
    if have.keys() != want.keys():
        return False
    return all(abs(have[key] - Fraction(value)) <= max(1, abs(Fraction(value))) / 10**9 for key, value in want.items())
