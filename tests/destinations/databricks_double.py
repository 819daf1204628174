"""What stands for Databricks: dlt's client as it is, and behind its connection a parser of Databricks' SQL and a DuckDB file.

Each statement is parsed as Databricks' SQL, refused where Databricks is documented to refuse it, translated, and run on DuckDB.
Volumes are folders. Of Databricks itself this shows nothing: it is not Spark's analyser, and DuckDB's types and functions are not its.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import databricks.sql
import duckdb
import pyarrow as pa
import pytest
import sqlglot
from databricks.sql.exc import ServerOperationError
from databricks.sql.utils import ParamEscaper
from sqlglot import exp
from sqlglot.errors import SqlglotError

from destinations.databricks_refusals import made, refusal

_HOST = ".databricks.invalid"
CATALOG = "harvest"
_ZONE = "spark.sql.session.timeZone"

# Databricks' words that sqlglot does not take apart.
_VOLUME = re.compile(r"CREATE VOLUME (?:IF NOT EXISTS )?([\w.]+)", re.IGNORECASE)
_PUT = re.compile(r"PUT '([^']+)' INTO '(/Volumes/[^']+)' OVERWRITE", re.IGNORECASE)
_COPY = re.compile(r"COPY INTO (\S+)\s+FROM '(/Volumes/[^']+)'\s+FILEFORMAT = (\w+)\s*", re.IGNORECASE)
_ADD = re.compile(r"(ALTER TABLE \S+)\s+ADD COLUMNS?\s+(.*)", re.IGNORECASE | re.DOTALL)
# An instant as the connector writes it.
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) \+0000")
_IS_THERE = re.compile(r"(Table|Schema) with name .* already exists", re.IGNORECASE)

# DuckDB's names of types, as Databricks' information schema has them.
_TYPES = {"varchar": "string", "timestamp with time zone": "timestamp", "timestamp": "timestamp_ntz", "integer": "int"}
_COLUMNS = "(select *, case lower(data_type) {cases} else lower(data_type) end as full_data_type from information_schema.columns)"

# One statement after the other, as if no two ever met: what Databricks does when they do is not shown here.
_ONE_AT_A_TIME = threading.RLock()


class Cursor:
    """What dlt uses of the connector's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._answer: pa.Table | None = None
        self._read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._answer = None

    def execute(self, operation: str, parameters: Any = None) -> Self:
        """Run one statement; parameters are put into its text, as the connector does it for dlt."""
        said = operation % ParamEscaper().escape_args(parameters) if parameters else operation
        self._read = 0
        self._answer = self._connection.run(said)
        return self

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        if self._answer is None:
            return None
        return [(field.name, str(field.type), None, None, None, None, True) for field in self._answer.schema]

    def fetchmany_arrow(self, size: int) -> pa.Table:
        assert self._answer is not None
        part = self._answer.slice(self._read, size)
        self._read += part.num_rows
        return part

    def fetchall_arrow(self) -> pa.Table:
        assert self._answer is not None
        return self.fetchmany_arrow(self._answer.num_rows)

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        part = self.fetchmany_arrow(size)
        columns = [column.to_pylist() for column in part.columns]
        return list(zip(*columns, strict=True))

    def fetchall(self) -> list[tuple[Any, ...]]:
        assert self._answer is not None
        return self.fetchmany(self._answer.num_rows)

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(iter(self.fetchmany(1)), None)


class Connection:
    """What dlt uses of the connector's.

    Args:
        folder: where the database and the volumes are.
        schema: where names without one are looked for.
        zone: the session's.
    """

    def __init__(self, folder: Path, schema: str, zone: str) -> None:
        self.staging_allowed_local_path: str | None = None
        self._folder = folder
        self._schema = schema
        # Who opens the same file in this process gets the same database, and the last one closes it.
        self._duck = duckdb.connect(str(folder / f"{CATALOG}.duckdb"))
        self._duck.execute(f"SET TimeZone = '{zone}'")

    def cursor(self) -> Cursor:
        return Cursor(self)

    def close(self) -> None:
        self._duck.close()

    def run(self, said: str) -> pa.Table | None:
        """The answer to a statement.

        Raises:
            ServerOperationError: where Databricks, its parser, or DuckDB in its place refuses it.
        """
        text = said.strip().rstrip(";")
        with _ONE_AT_A_TIME:
            try:
                for words, carry_out in ((_VOLUME, self._make_volume), (_PUT, self._put), (_COPY, self._copy)):
                    if found := words.fullmatch(text):
                        return carry_out(*found.groups())
                if added := _ADD.fullmatch(text):
                    return self._add_columns(*added.groups())
                return self._run(_parsed(text))
            except duckdb.Error as error:
                raise ServerOperationError(f"[{_condition(error)}] {error}: {text[:2_000]}") from error

    def _run(self, tree: exp.Expr) -> pa.Table | None:
        if why := refusal(tree):
            raise ServerOperationError(f"[UNSUPPORTED] {why}: {tree.sql('databricks')[:2_000]}")
        _say_in_duckdb(tree)
        if self._duck.execute(f"select 1 from duckdb_schemas() where schema_name = '{self._schema}'").fetchone():
            self._duck.execute(f'USE "{CATALOG}"."{self._schema}"')
        if isinstance(tree, exp.Merge):
            self._refuse_two_for_one(tree)
        self._duck.execute(_in_duckdb(tree))
        if isinstance(tree, exp.Drop) and tree.kind == "SCHEMA":
            [dropped] = tree.find_all(exp.Table)
            shutil.rmtree(self._folder / "Volumes" / CATALOG / dropped.db, ignore_errors=True)
        return self._duck.to_arrow_table() if isinstance(tree, exp.Query) else None

    def _refuse_two_for_one(self, tree: exp.Merge) -> None:
        """A row may not be changed by two others (docs.databricks.com/aws/en/sql/language-manual/delta-merge-into)."""
        target, others, condition = tree.this, tree.args["using"], tree.args["on"]
        changed = exp.column("rowid", table=target.alias_or_name)
        matches = exp.select(changed).from_(target.copy()).join(others.copy(), on=condition.copy())
        if self._duck.execute(_in_duckdb(matches.group_by(changed).having("count(*) > 1").limit(1))).fetchone():
            raise ServerOperationError(
                f"[DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE] {tree.sql('databricks')[:2_000]}"
            )

    def _add_columns(self, altering: str, columns: str) -> None:
        for column in made(_parsed(f"CREATE TABLE made ({columns})")):
            if column.find(exp.NotNullColumnConstraint):
                raise ServerOperationError(f"[UNSUPPORTED] no NOT NULL in a column that is added: {columns}")
            self._run(_parsed(f"{altering} ADD COLUMN {column.sql('databricks')}"))

    def _make_volume(self, name: str) -> None:
        catalog, schema, volume = name.split(".")
        (self._folder / "Volumes" / catalog / schema / volume).mkdir(parents=True, exist_ok=True)

    def _put(self, file: str, path: str) -> None:
        allowed = self.staging_allowed_local_path
        if not allowed or not Path(file).is_relative_to(allowed):
            raise ServerOperationError(f"Local file operations are restricted to {allowed}")
        target = self._folder / path.removeprefix("/")
        if not target.parents[1].is_dir():
            raise ServerOperationError(f"[VOLUME_NOT_FOUND] {path}")
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, target)

    def _copy(self, table: str, path: str, kind: str) -> None:
        """By names, and nothing is cast: a file's column has the table's type, or is refused."""
        if kind != "PARQUET":
            raise ServerOperationError(f"[UNSUPPORTED] the stand-in loads no {kind}")
        [tree] = sqlglot.parse(f"select * from {table}", read="databricks")
        assert tree
        [target] = tree.find_all(exp.Table)
        name = target.sql("duckdb")
        rows = f"read_parquet('{self._folder}{path}/*')"
        want = {name: kind for name, kind, *_ in self._duck.execute(f"DESCRIBE {name}").fetchall()}
        have = {name: kind for name, kind, *_ in self._duck.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()}
        if wrong := {name: kind for name, kind in have.items() if want.get(name) != kind}:
            raise ServerOperationError(f"[DELTA_FAILED_TO_MERGE_FIELDS] {table} has other types than {wrong}")
        names = ", ".join(f'"{name}"' for name in have)
        self._duck.execute(f"INSERT INTO {name} ({names}) SELECT {names} FROM {rows}")


def _parsed(text: str) -> exp.Expr:
    """The one statement of a text.

    Raises:
        ServerOperationError: where it is none, or more than one.
    """
    try:
        trees = sqlglot.parse(text, read="databricks")
    except SqlglotError as error:
        raise ServerOperationError(f"[PARSE_SYNTAX_ERROR] {error}: {text[:2_000]}") from error
    [tree, *more] = trees or [None]
    if tree is None or more or isinstance(tree, exp.Command):
        raise ServerOperationError(f"[PARSE_SYNTAX_ERROR] not one statement: {text[:2_000]}")
    return tree


def _in_duckdb(tree: exp.Expr) -> str:
    return tree.sql("duckdb", identify=True, unsupported_level=sqlglot.ErrorLevel.RAISE)


def _condition(error: duckdb.Error) -> str:
    """Databricks' name of an error, where dlt goes by it."""
    said = str(error)
    if isinstance(error, duckdb.CatalogException) and "does not exist" in said and "Function" not in said:
        return "SCHEMA_NOT_FOUND" if "Schema with name" in said else "TABLE_OR_VIEW_NOT_FOUND"
    if _IS_THERE.search(said):
        return "TABLE_OR_VIEW_ALREADY_EXISTS"
    return type(error).__name__


def _say_in_duckdb(tree: exp.Expr) -> None:
    """What translation alone does not do."""
    for comment in list(tree.find_all(exp.ColumnConstraint)):
        if isinstance(comment.kind, exp.CommentColumnConstraint):
            comment.pop()
    for literal in tree.find_all(exp.Literal):
        if literal.is_string and (instant := _INSTANT.fullmatch(literal.name)):
            literal.set("this", f"{instant[1]}+00:00")
    for zone in list(tree.find_all(exp.CurrentTimezone)):
        # Of each session of ours.
        zone.replace(exp.Literal.string("UTC"))
    for renaming in tree.find_all(exp.AlterRename):
        for part in ("db", "catalog"):
            renaming.this.set(part, None)
    cases = " ".join(f"when '{ours}' then '{theirs}'" for ours, theirs in _TYPES.items())
    for table in list(tree.find_all(exp.Table)):
        if (table.db.lower(), table.name.lower()) == ("information_schema", "columns"):
            table.replace(sqlglot.parse_one(_COLUMNS.format(cases=cases), read="duckdb"))


_connect = databricks.sql.connect


def connect(**parameters: Any) -> Any:
    """A connection to a stand, or to what else is meant."""
    if not parameters["server_hostname"].endswith(_HOST):
        return _connect(**parameters)
    assert parameters["access_token"]
    assert parameters["catalog"] == CATALOG
    # As a workspace may have it, where nobody says otherwise.
    zone = parameters["session_configuration"].get(_ZONE, "Asia/Tokyo")
    return Connection(Path(parameters["http_path"]), parameters["schema"], zone)


def stand() -> None:
    """From now on, in this process."""
    databricks.sql.connect = connect


@contextmanager
def serving() -> Iterator[Mapping[str, str]]:
    """A stand for as long as the block lasts, in this process and in those that it starts with this environment."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.setattr(databricks.sql, "connect", connect)
        # Python runs this file first in every program.
        (folder / "sitecustomize.py").write_text(
            "from destinations import databricks_stand\n\ndatabricks_stand.stand()\n"
        )
        path = [name, str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        where = {
            "SERVER_HOSTNAME": f"{folder.name}{_HOST}",
            "HTTP_PATH": name,
            "CATALOG": CATALOG,
            "ACCESS_TOKEN": "unguessable-9Xq",
        }
        yield {
            **{f"DESTINATION__DATABRICKS__CREDENTIALS__{key}": value for key, value in where.items()},
            "PYTHONPATH": os.pathsep.join(path),
        }
