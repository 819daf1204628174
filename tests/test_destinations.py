"""Which destination a command is about, and what is said where that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from harvest_time_tracking import SettingWrong
from harvest_warehouse import destinations
from harvest_warehouse.destinations import DESTINATIONS
from harvest_warehouse.indexes import _wanted
from harvest_warehouse.settings import user_warehouse


def test_without_a_word_it_is_duckdb(tmp_path: Path) -> None:
    assert user_warehouse(tmp_path).place == str(tmp_path / "harvest_time_tracking.duckdb")


def test_the_configuration_chooses_and_the_command_line_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARVEST_WAREHOUSE__DESTINATION", "postgres")
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://me:secret@db.example:5433/harvest")
    assert user_warehouse(tmp_path).place == "postgres at db.example:5433/harvest"
    assert user_warehouse(tmp_path, "duckdb").kind.is_file


def test_a_misspelled_variable_does_not_send_rows_somewhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARVEST_WAREHOUSE__DESTINATON", "postgres")
    with pytest.raises(SettingWrong, match=r"Did you mean HARVEST_WAREHOUSE__DESTINATION\?"):
        user_warehouse(tmp_path)


def test_a_name_of_ones_own_may_stand_for_a_destination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__REPORTING__DESTINATION_TYPE", "postgres")
    for field, value in {"HOST": "db.example", "DATABASE": "harvest", "USERNAME": "me", "PASSWORD": "secret"}.items():
        monkeypatch.setenv(f"DESTINATION__REPORTING__CREDENTIALS__{field}", value)
    warehouse = user_warehouse(tmp_path, "reporting")
    assert warehouse.place == "reporting at db.example:5432/harvest"
    assert warehouse.kind.name == "postgres"


def test_an_unknown_destination_is_told_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(SettingWrong, match=r"no destination 'postgress'\. Did you mean postgres\? There are: duckdb, "):
        user_warehouse(tmp_path, "postgress")


def test_what_is_not_configured_is_named_with_the_place_for_it(tmp_path: Path) -> None:
    with pytest.raises(
        SettingWrong, match=r"\[destination\.postgres\.credentials\].*DESTINATION__POSTGRES__CREDENTIALS"
    ):
        user_warehouse(tmp_path, "postgres")


def test_a_connection_string_that_is_none_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql//me:hunter2@db")
    with pytest.raises(SettingWrong) as refused:
        user_warehouse(tmp_path, "postgres")
    assert "hunter2" not in str(refused.value)


def test_a_missing_extra_is_named_by_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destinations, "find_spec", lambda module: None)
    with pytest.raises(SettingWrong, match=r"pip install 'dlt-harvest\[postgres\]'"):
        user_warehouse(tmp_path, "postgres")


def test_every_destination_is_an_extra_of_ours() -> None:
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    for entry in DESTINATIONS.values():
        assert not entry.needs or f'\n{entry.name} = ["dlt[' in project


def test_names_of_indexes_are_not_longer_than_a_database_takes() -> None:
    names = [f"{table}_by_{columns[-1].strip('_')}" for table, columns in set(_wanted())]
    assert max(map(len, names)) <= 63
    assert len(set(names)) == len(names)
