"""Which destination a command is about, and what is said where that cannot be."""

from __future__ import annotations

import sqlite3
import tomllib
import warnings
from pathlib import Path
from urllib.parse import unquote

import pytest
from dlt.common.utils import digest128
from typer.testing import CliRunner

from harvest_time_tracking import SettingWrong
from harvest_warehouse.cli import app
from harvest_warehouse.database.indexes import _wanted
from harvest_warehouse.destinations import DESTINATIONS, connect
from harvest_warehouse.doctor.preflight import _said
from harvest_warehouse.settings.process import keep_dlt_quiet
from harvest_warehouse.warehouse import user_target
from support.paths import ROOT


def test_without_a_word_it_is_duckdb(tmp_path: Path) -> None:
    assert user_target(tmp_path).place == str(tmp_path / "harvest_time_tracking.duckdb")


def test_the_configuration_chooses_and_the_command_line_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARVEST_WAREHOUSE__DESTINATION", "postgres")
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql://me:secret@db.example:5433/harvest")
    assert user_target(tmp_path).place == "postgres at db.example:5433/harvest"
    assert user_target(tmp_path, "duckdb").kind.is_file


def test_a_misspelled_variable_does_not_send_rows_somewhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARVEST_WAREHOUSE__DESTINATON", "postgres")
    with pytest.raises(SettingWrong, match=r"Did you mean HARVEST_WAREHOUSE__DESTINATION\?"):
        user_target(tmp_path)


def test_a_name_of_ones_own_may_stand_for_a_destination(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__REPORTING__DESTINATION_TYPE", "postgres")
    for field, value in {"HOST": "db.example", "DATABASE": "harvest", "USERNAME": "me", "PASSWORD": "secret"}.items():
        monkeypatch.setenv(f"DESTINATION__REPORTING__CREDENTIALS__{field}", value)
    warehouse = user_target(tmp_path, "reporting")
    assert warehouse.place == "reporting at db.example:5432/harvest"
    assert warehouse.kind.name == "postgres"


@pytest.mark.parametrize(
    ("name", "settings", "place"),
    [
        ("bigquery", {"CLIENT_EMAIL": "me@x.example", "PRIVATE_KEY": "secret", "PROJECT_ID": "one"}, "US/one"),
        (
            "databricks",
            {"SERVER_HOSTNAME": "x.example", "HTTP_PATH": "/1", "ACCESS_TOKEN": "secret", "CATALOG": "one"},
            "x.example/one",
        ),
        ("motherduck", {"PASSWORD": "secret", "DATABASE": "one"}, f"md://{digest128('secret')}/one"),
        ("snowflake", {"HOST": "x", "USERNAME": "me", "PASSWORD": "secret", "DATABASE": "ONE"}, "x/ONE"),
    ],
)
def test_two_databases_of_one_service_are_two_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, settings: dict[str, str], place: str
) -> None:
    """Or a copy from one to the other would be refused as one onto itself."""
    for field, value in settings.items():
        monkeypatch.setenv(f"DESTINATION__{name.upper()}__CREDENTIALS__{field}", value)
    assert user_target(tmp_path, name).place == f"{name} at {place}"


def test_an_unknown_destination_is_told_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(SettingWrong, match=r"no destination 'postgress'\. Did you mean postgres\? There are: duckdb, "):
        user_target(tmp_path, "postgress")


def test_what_is_not_configured_is_named_with_the_place_for_it(tmp_path: Path) -> None:
    with pytest.raises(
        SettingWrong, match=r"\[destination\.postgres\.credentials\].*DESTINATION__POSTGRES__CREDENTIALS"
    ):
        user_target(tmp_path, "postgres")


def test_a_connection_string_that_is_none_is_not_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", "postgresql//me:hunter2@db")
    with pytest.raises(SettingWrong) as refused:
        user_target(tmp_path, "postgres")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "password", ["un@guess9", "un@gue/ss9", "un@gue:ss9", "un@gue#ss9", "un@gue?ss=9", "un@g%e@ss9"]
)
@pytest.mark.parametrize("setting", ["POSTGRES__CREDENTIALS", "DUCKLAKE__CREDENTIALS__CATALOG"])
def test_a_password_with_an_at_is_not_taken_for_a_host_and_the_message_says_how_to_write_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, password: str, setting: str
) -> None:
    monkeypatch.setenv(f"DESTINATION__{setting}", f"postgresql://me:{password}@127.0.0.1:1/harvest?sslmode=disable")
    monkeypatch.setenv("DESTINATION__DUCKLAKE__CREDENTIALS__STORAGE", str(tmp_path))
    ended = CliRunner().invoke(app, ["alerts", "-d", setting.partition("__")[0].lower(), "--debug"])
    assert ended.exit_code == 2
    assert "a password has %40 for @" in ended.stderr
    for part in ("un@", "gue", "ss9", "ss=9"):
        assert part not in ended.output + caplog.text


@pytest.mark.parametrize("password", ["p/ss", "p:ss", "p%ss", "p#ss", "p?ss", "p%40ss", "p%2Fs%3As"])
def test_any_other_password_works_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", f"postgresql://me:{password}@db.example/harvest")
    made, place = connect.connected("postgres", "data", tmp_path, "writing")
    assert place == "postgres at db.example:5432/harvest"
    assert made.config_params["credentials"].password == unquote(password)


def test_a_missing_extra_is_named_by_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "find_spec", lambda module: None)
    with pytest.raises(SettingWrong, match=r'pip install "\.\[postgres\]"'):
        user_target(tmp_path, "postgres")


def test_every_destination_is_an_extra_of_ours() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"]
    missing = [entry.name for entry in DESTINATIONS.values() if entry.needs and not extras.get(entry.name)]
    assert not missing, f"[project.optional-dependencies] in pyproject.toml has no extra for {missing}"


def test_names_of_indexes_are_not_longer_than_a_database_takes() -> None:
    names = [f"{table}_by_{columns[-1].strip('_')}" for table, columns in set(_wanted())]
    assert max(map(len, names)) <= 63
    assert len(set(names)) == len(names)


def test_ducklake_is_in_the_folder_where_the_command_runs_unless_it_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert user_target(tmp_path, "ducklake").place.endswith("ducklake.sqlite")
    assert not list(tmp_path.iterdir()), "asking for it makes nothing"


@pytest.mark.parametrize("verb", [["build"], ["sql", "select 1"], ["alerts"]])
def test_what_is_to_be_done_first_is_said_for_this_destination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    done = CliRunner().invoke(app, [*verb, "--destination", "ducklake"])
    assert done.exit_code == 2, done.stderr
    assert "run `dlt-harvest sync --destination ducklake`" in done.stderr


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("CATALOG", "mysql://me:hunter2@db.example/lake", "not in mysql"),
        ("STORAGE__BUCKET_URL", "memory://lake", "not in memory"),
    ],
)
def test_a_lake_that_nothing_here_is_for_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, said: str
) -> None:
    monkeypatch.setenv("DESTINATION__DUCKLAKE__CREDENTIALS__CATALOG", "sqlite:///lake.sqlite")
    monkeypatch.setenv("DESTINATION__DUCKLAKE__CREDENTIALS__STORAGE__BUCKET_URL", str(tmp_path))
    monkeypatch.setenv(f"DESTINATION__DUCKLAKE__CREDENTIALS__{setting}", value)
    with pytest.raises(SettingWrong, match=said) as refused:
        user_target(tmp_path, "ducklake")
    assert "hunter2" not in str(refused.value)


def test_another_version_of_duckdb_than_the_extensions_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duckdb.__version__", "1.5.6")
    with pytest.raises(
        SettingWrong, match=r'DuckDB 1\.5\.6 has no extension ducklake here: `pip install "\.\[ducklake\]"`'
    ):
        user_target(tmp_path, "ducklake")


def test_sqlite_is_refused_because_its_decimals_are_floats() -> None:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table amounts (amount decimal(38, 9))")
        connection.execute("insert into amounts values ('12345678901234567.25')")
        [(kept,)] = connection.execute("select amount from amounts")
        connection.execute("insert into amounts values ('-12345678901234567.25'), ('0.10'), ('0.20')")
        [(cents,)] = connection.execute("select sum(amount) from amounts where amount between 0 and 1")
    connection.close()
    assert cents != 0.3, "nor does a sum of cents stay what it is"
    assert kept == 12345678901234568.0, "where this no longer holds, SQLite may be looked at again"


def test_an_error_without_words_is_named() -> None:
    assert _said(TimeoutError()) == "TimeoutError"


def test_a_faster_reader_of_googles_that_is_not_there_is_no_news() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        keep_dlt_quiet()
        warnings.warn("Cannot create BigQuery Storage client, the dependency is not installed.", stacklevel=1)
        warnings.warn("Something else.", stacklevel=1)
    assert [str(one.message) for one in said] == ["Something else."]
