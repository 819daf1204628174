"""What stands for BigQuery: dlt's client as it is, and behind Google's a parser of BigQuery's SQL and a DuckDB file.

Each statement is parsed as BigQuery's SQL, refused where BigQuery is documented to refuse it, translated, and run on DuckDB. Answers
are those of its REST interface, read by Google's own code. Of BigQuery itself this shows nothing: not its analyser, nor its functions.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any
from uuid import uuid4

import duckdb
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from dlt.destinations.impl.bigquery import bigquery as dlt_bigquery
from google.api_core.exceptions import Conflict, GoogleAPICallError, NotFound
from google.cloud import bigquery
from google.cloud.bigquery.table import RowIterator
from sqlglot import exp

from destinations.bigquery_duckdb import (
    ABORT,
    LOCATION,
    MISSING,
    answer,
    failure,
    filled,
    googles,
    in_duckdb,
    json_rows,
    parquet_rows,
    parsed,
    refuse_other_types,
    refuse_two_for_one,
    refused,
    say_in_duckdb,
)
from destinations.bigquery_refusals import refusal

_PREFIX = "harvest-stand-"

# One statement after the other, as if no two ever met: what BigQuery does when they do is not shown here.
_ONE_AT_A_TIME = threading.RLock()


@dataclass
class Job:
    """What dlt uses of Google's jobs, done when it is made."""

    job_id: str
    answer: RowIterator | None = None
    session_info: Any = None
    output_rows: int | None = None
    error_result: Mapping[str, str] | None = None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def ended(self) -> datetime:
        return self.started

    @property
    def errors(self) -> list[Mapping[str, str]] | None:
        return [self.error_result] if self.error_result else None

    def done(self, **_: Any) -> bool:
        return True

    def exception(self) -> Exception | None:
        return Exception(self.error_result["message"]) if self.error_result else None

    def result(self, **_: Any) -> RowIterator | None:
        return self.answer


@dataclass
class _Session:
    """Where statements run: one for each question, so that temporary tables end with it, or one for several."""

    duck: duckdb.DuckDBPyConnection
    is_kept: bool
    is_in_transaction: bool = False

    def rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        return self.duck.execute(question, values).fetchall()


class Client:
    """What dlt uses of Google's client.

    Args:
        project: the folder's name, in the one for temporary files.
        credentials: Google's, of any kind.
        location: where datasets are made.
    """

    def __init__(self, project: str, *, credentials: Any, location: str) -> None:
        assert credentials.service_account_email
        assert location == LOCATION
        self.project = project
        # Who opens the same file in this process gets the same database, and the last one closes it.
        self._duck = duckdb.connect(str(_folder(project) / f"{project}.duckdb"))
        self._sessions: dict[str, _Session] = {}
        self._jobs: dict[str, Job] = {}
        self._asked = Job("")

    def close(self) -> None:
        for session in self._sessions.values():
            session.duck.close()
        self._duck.close()

    def _ensure_bqstorage_client(self, client: Any = None) -> None:
        """There is none: rows come by REST."""

    def get_job(self, job_id: str, **_: Any) -> Job:
        return self._jobs.get(job_id) or self._asked

    def get_dataset(self, name: str, **_: Any) -> None:
        with _ONE_AT_A_TIME:
            self._see(name.split(".")[1])

    def create_dataset(self, dataset: bigquery.Dataset, **_: Any) -> None:
        with _ONE_AT_A_TIME:
            if self._has_dataset(dataset.dataset_id):
                raise failure(Conflict, "duplicate", f"Already Exists: Dataset {self.project}:{dataset.dataset_id}")
            self._duck.execute(f'CREATE SCHEMA "{dataset.dataset_id}"')

    def query_and_wait(self, text: str, *, job_config: bigquery.QueryJobConfig, **_: Any) -> RowIterator | None:
        return self.query(text, job_config=job_config).result()

    def query(self, text: str, *, job_config: bigquery.QueryJobConfig, **_: Any) -> Job:
        """One statement or several, one after the other; the answer is that of the last.

        Raises:
            GoogleAPICallError: where BigQuery, its parser, or DuckDB in its place refuses one.
        """
        job = Job(uuid4().hex)
        # Of answers, the last one alone is asked for again.
        self._asked = job
        trees = parsed(text)
        with _ONE_AT_A_TIME:
            session = self._session(job, job_config)
            try:
                for tree in trees:
                    if not (session.is_kept or len(trees) > 1) and tree.find(exp.TemporaryProperty):
                        raise refused("a temporary table needs a script or a session", tree)
                    job.answer = self._run(session, filled(tree, job_config.query_parameters))
            except duckdb.Error as error:
                raise self._as_googles(error, text) from error
            finally:
                if not session.is_kept:
                    session.duck.close()
        return job

    def _session(self, job: Job, config: bigquery.QueryJobConfig) -> _Session:
        name = next((one.value for one in config.connection_properties if one.key == "session_id"), None)
        if config.create_session:
            name = job.job_id
            job.session_info = SimpleNamespace(session_id=name)
            self._sessions[name] = _Session(self._duck.cursor(), is_kept=True)
        session = self._sessions[name] if name else _Session(self._duck.cursor(), is_kept=False)
        session.duck.execute("SET TimeZone = 'UTC'")
        if config.default_dataset and self._has_dataset(config.default_dataset.dataset_id):
            session.duck.execute(f'USE "{self.project}"."{config.default_dataset.dataset_id}"')
        return session

    def _run(self, session: _Session, tree: exp.Expr) -> RowIterator:
        # A variable that dlt declares and, without tables of unknown columns, does not use.
        if tree.sql() == ABORT or isinstance(tree, exp.Declare):
            return answer([], [])
        self._judge(session, tree)
        say_in_duckdb(tree, self._see)
        if isinstance(tree, exp.Merge) or (isinstance(tree, exp.Update) and tree.args.get("from_")):
            refuse_two_for_one(session.duck, tree)
        if isinstance(tree, exp.Insert):
            refuse_other_types(session.duck, tree)
        # DuckDB alters one thing at a time.
        alone = [tree]
        if isinstance(tree, exp.Alter):
            alone = [tree.copy() for _ in tree.args["actions"]]
            for one, action in zip(alone, tree.args["actions"], strict=True):
                one.set("actions", [action.copy()])
        for one in alone:
            session.duck.execute(in_duckdb(one))
        if not isinstance(tree, exp.Query):
            return answer([], [])
        described = [(name, str(kind)) for name, kind, *_ in session.duck.description or ()]
        return answer(described, session.duck.fetchall())

    def _judge(self, session: _Session, tree: exp.Expr) -> None:
        if isinstance(tree, exp.Transaction | exp.Commit | exp.Rollback):
            if session.is_in_transaction is isinstance(tree, exp.Transaction):
                raise refused("transactions are not nested, and end once", tree)
            session.is_in_transaction = not session.is_in_transaction
        why = refusal(tree, self._kinds(session, tree), is_in_transaction=session.is_in_transaction)
        if why:
            raise refused(why, tree)

    def _kinds(self, session: _Session, tree: exp.Expr) -> dict[str, set[str]]:
        """The types that the columns of a name have in a statement's tables."""
        tables = {(table.db, table.name) for table in tree.find_all(exp.Table)}
        question = "select schema_name, table_name, column_name, data_type from duckdb_columns() where not internal"
        found: dict[str, set[str]] = {}
        for schema, table, column, kind in session.rows(question):
            if {(schema, table), ("", table)} & tables:
                found.setdefault(column, set()).add(googles(kind))
        return found

    def _has_dataset(self, name: str) -> bool:
        question = "select 1 from duckdb_schemas() where database_name = ? and schema_name = ?"
        return self._duck.cursor().execute(question, [self.project, name]).fetchone() is not None

    def _see(self, name: str) -> None:
        if not self._has_dataset(name):
            raise self._no_dataset(name)

    def _no_dataset(self, name: str) -> GoogleAPICallError:
        said = f"Not found: Dataset {self.project}:{name} was not found in location {LOCATION}"
        return failure(NotFound, "notFound", said)

    def _as_googles(self, error: duckdb.Error, text: str) -> GoogleAPICallError:
        """Google's error, where dlt goes by it."""
        said = str(error)
        if missing := MISSING.search(said):
            if missing[1] == "Schema":
                return self._no_dataset(missing[2])
            return failure(NotFound, "notFound", f"Not found: Table {missing[2]} was not found in location {LOCATION}")
        if "already exists" in said:
            return failure(Conflict, "duplicate", f"Already Exists: {said}")
        if "not found in FROM clause" in said or "does not have a column" in said:
            return refused(f"Unrecognized name: {said}", text)
        return refused(said, text)

    def load_table_from_file(
        self, file: IO[bytes], table: str, *, job_id: str, job_config: bigquery.LoadJobConfig, timeout: float
    ) -> Job:
        """A file into a table that is there, by names; the job says what is wrong with it.

        Raises:
            GoogleAPICallError: where the job was there before.
        """
        if job_id in self._jobs:
            raise failure(Conflict, "duplicate", f"Already Exists: Job {self.project}:{job_id}")
        assert job_config.create_disposition == "CREATE_NEVER"
        assert job_config.write_disposition == "WRITE_APPEND"
        job = self._jobs[job_id] = Job(job_id)
        target = ".".join(f'"{part}"' for part in table.split("."))
        with _ONE_AT_A_TIME, tempfile.TemporaryDirectory() as folder:
            duck, path = self._duck.cursor(), Path(folder, "file")
            duck.execute("SET TimeZone = 'UTC'")
            content = file.read()
            path.write_bytes(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
            try:
                want = {name: kind for name, kind, *_ in duck.execute(f"DESCRIBE {target}").fetchall()}
                is_json = job_config.source_format == "NEWLINE_DELIMITED_JSON"
                rows = (json_rows if is_json else parquet_rows)(duck, path, want)
                duck.execute(f"INSERT INTO {target} BY NAME SELECT * FROM {rows}")
                job.output_rows = duck.fetchall()[0][0]
            except duckdb.Error as error:
                reason = "notFound" if MISSING.search(str(error)) else "invalid"
                job.error_result = {"reason": reason, "message": str(error)[:2_000]}
            except ValueError as error:
                job.error_result = {"reason": "invalid", "message": str(error)}
            finally:
                duck.close()
        return job


def _folder(project: str) -> Path:
    return Path(tempfile.gettempdir(), project)


_Client = bigquery.Client


def client(project: str, **parameters: Any) -> Any:
    """A stand, or what else is meant."""
    return (Client if project.startswith(_PREFIX) else _Client)(project, **parameters)


def _no_sleep(_: float) -> None:
    """A job is done when it is made."""


def stand() -> None:
    """From now on, in this process."""
    bigquery.Client = client
    dlt_bigquery.sleep = _no_sleep


@contextmanager
def serving() -> Iterator[Mapping[str, str]]:
    """A stand for as long as the block lasts, in this process and in those that it starts with this environment."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(bigquery, "Client", client)
        patch.setattr(dlt_bigquery, "sleep", _no_sleep)
        # Python runs this file first in every program.
        Path(name, "sitecustomize.py").write_text(
            "from destinations import bigquery_double\n\nbigquery_double.stand()\n"
        )
        path = [name, str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
        key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        where = {
            "PROJECT_ID": Path(name).name,
            "PRIVATE_KEY": key.decode(),
            "CLIENT_EMAIL": "loader@stand.invalid",
        }
        yield {
            **{f"DESTINATION__BIGQUERY__CREDENTIALS__{key}": value for key, value in where.items()},
            "DESTINATION__BIGQUERY__LOCATION": LOCATION,
            "PYTHONPATH": os.pathsep.join(path),
        }
