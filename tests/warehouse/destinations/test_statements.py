"""What is kept of statements that were said before is theirs alone, and little."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from harvest_warehouse.destinations.statements import Home, bound

HOME = Home("duckdb", ("lake", "raw"), ("lake", "marts"), str)
UPPER = Home("snowflake", ("LAKE", "RAW"), ("LAKE", "MARTS"), str.upper)


def test_a_statement_said_again_has_its_own_values_and_its_own_place() -> None:
    query = "select id from clients where id in (:ids) and name = :name"
    for home, table in ((HOME, '"lake"."raw"."clients"'), (UPPER, '"LAKE"."RAW"."CLIENTS"')):
        for ids, name in ([1, 2], "a"), ([3], "b"):
            said = home.translated(query, {"ids": ids, "name": name})
            assert table in said
            assert f"({', '.join(map(str, ids))})" in said
            assert f"= '{name}'" in said


def test_statements_of_one_text_keep_the_values_that_each_was_given() -> None:
    text = "delete from clients where id in (:ids) and name not in (:names) and account_id = :account_id"
    made = [
        bound(text, {"ids": [1, -2], "names": ["O'Brien", "a' or '1' = '1"], "account_id": "7"}),
        bound(text, {"ids": [3], "names": [":ids"], "account_id": "8"}),
    ]
    first, second = (HOME.translated(statement, {}) for statement in made)
    assert "IN (1, -2)" in first
    assert "('O''Brien', 'a'' or ''1'' = ''1')" in first
    assert "= '7'" in first
    assert "IN (3)" in second
    assert "(':ids')" in second
    assert "= '8'" in second
    assert '"lake"."raw"."clients"' in second


def test_a_list_beside_another_value_is_an_error_and_loses_none() -> None:
    with pytest.raises(TypeError, match="alone"):
        HOME.translated("select id from clients where id in (:some, :others)", {"some": [1], "others": [2]})


def test_lists_of_vanished_ids_are_not_kept() -> None:
    HOME.translated("select id from clients where name = :name", {"name": "a"})
    tracemalloc.start()
    try:
        for first in range(2_000_000_000, 2_000_010_000, 500):
            ids = ", ".join(map(str, range(first, first + 500)))
            HOME.translated(f"select id from clients where name = :name and id in ({ids})", {"name": "a"})
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000
