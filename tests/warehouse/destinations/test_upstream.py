"""Faults of dlt, DuckDB and the drivers that this project works around are still there (docs/contribute/10-patches.md).

Each test runs what is not patched, and fails when the fault is gone: the patch can go then, and its row on that page with it.
"""

from __future__ import annotations

import inspect
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
import duckdb
import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from dlt.common import validation
from dlt.common.configuration import resolve
from dlt.common.configuration.specs import ConnectionStringCredentials, base_configuration
from dlt.common.data_writers.writers import ArrowToInsertValuesWriter, ArrowToJsonlWriter
from dlt.common.destination import Destination
from dlt.common.destination.client import JobClientBase
from dlt.common.destination.utils import prepare_load_table, resolve_merge_strategy
from dlt.common.exceptions import DltException, TerminalValueError
from dlt.common.normalizers.json import helpers
from dlt.common.schema import Schema, utils
from dlt.common.schema import schema as schemas
from dlt.common.storages import SchemaStorageConfiguration
from dlt.common.storages.exceptions import LoadPackageNotFound
from dlt.common.storages.live_schema_storage import LiveSchemaStorage
from dlt.common.storages.load_package import PackageStorage
from dlt.destinations import bigquery, ducklake, postgres, redshift
from dlt.destinations import duckdb as dlt_duckdb
from dlt.destinations.exceptions import DatabaseTransientException, DestinationConnectionError
from dlt.destinations.impl.bigquery.bigquery import BigQueryClient
from dlt.destinations.impl.bigquery.sql_client import BigQuerySqlClient
from dlt.destinations.impl.duckdb.configuration import (
    DuckDbBaseCredentials,
    DuckDbClientConfiguration,
    DuckDbConnectionPool,
    DuckDbCredentials,
)
from dlt.destinations.impl.duckdb.duck import DuckDbClient
from dlt.destinations.impl.duckdb.sql_client import DuckDbSqlClient
from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials
from dlt.destinations.impl.ducklake.ducklake import DuckLakeClient
from dlt.destinations.impl.ducklake.sql_client import DuckLakeSqlClient
from dlt.destinations.impl.postgres.postgres import PostgresClient, PostgresParquetCopyJob
from dlt.destinations.impl.postgres.sql_client import Psycopg2SqlClient
from dlt.destinations.impl.redshift.redshift import RedshiftClient, RedshiftSqlClient
from dlt.extract import extract
from dlt.load.configuration import LoaderConfiguration
from dlt.normalize import worker
from google.api_core.exceptions import GoogleAPIError
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.cloud import bigquery as googles
from requests import RequestException
from rich.console import Console

from destinations import postgres_server
from destinations.doubles import REQUIRED
from harvest_warehouse.destinations.registry import DESTINATIONS
from support import dlt_speedups
from support.paths import ROOT
from support.servers import free_port

PAGE = ROOT / "docs" / "contribute" / "10-patches.md"
NAMED = re.compile(r"`(test_\w+)`")
NOT_LISTED = {
    "test_the_page_of_patches_names_each_test_here",
    "test_each_patch_in_the_code_names_a_test_here",
    "test_a_patch_names_its_versions_and_the_issue",
}


def gone(ours: str, whose: str = "dlt") -> str:
    """What a test says where the fault is not there any more."""
    return f"{whose} mends this itself now: remove {ours}"


@contextmanager
def fault(
    kind: type[BaseException] | tuple[type[BaseException], ...], ours: str, whose: str = "dlt", says: str = ""
) -> Iterator[None]:
    """Fails unless the block raises this error, with these words."""
    raised: BaseException | None = None
    try:
        yield
    except kind as error:
        raised = error
    except Exception as error:  # noqa: BLE001 (another error is what a mended one raises)
        pytest.fail(f"{gone(ours, whose)}. Raised: {error!r}")
    assert raised is not None, gone(ours, whose)
    assert says in str(raised), gone(ours, whose)


def opened(destination: Destination[Any, Any]) -> Any:
    """The client that dlt itself makes for a destination."""
    return destination.client(Schema("s"), destination.spec()._bind_dataset_name(dataset_name="s"))


def sources(*modules: Any) -> str:
    """The code of modules, each text that is broken over lines as one."""
    return re.sub(r'"\s*\n\s*f?"', "", "".join(map(inspect.getsource, modules)))


# DuckDB


def test_dlt_resolves_a_configuration_for_capabilities() -> None:
    asked = []

    class Watched(dlt_duckdb):
        def configuration(self, initial_config: Any, accept_partial: bool = False) -> DuckDbClientConfiguration:
            asked.append(initial_config)
            return super().configuration(initial_config, accept_partial)

    Watched().capabilities()
    assert asked, gone("RetryingDuckDb.capabilities")


@pytest.mark.skipif(sys.platform == "win32", reason="another kind of lock")
def test_dlt_does_not_wait_for_a_locked_file(tmp_path: Path) -> None:
    file = tmp_path / "x.duckdb"
    duckdb.connect(str(file)).close()
    # Ends by itself: whoever waits for it opens the file.
    holding = (
        "import fcntl, select, sys; file = open(sys.argv[1], 'r+b'); fcntl.lockf(file, fcntl.LOCK_EX); "
        "print(flush=True); select.select([sys.stdin], [], [], 2)"
    )
    command = [sys.executable, "-c", holding, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        with fault(DestinationConnectionError, "RetryingDuckDb's _Pool.borrow_conn", says="Could not set lock"):
            opened(dlt_duckdb(DuckDbCredentials(str(file)))).sql_client.open_connection()
        other.stdin.close()


def test_duckdb_undoes_a_failed_commit_only_in_part(tmp_path: Path) -> None:
    columns = ", ".join(f"'before' as c{number}" for number in range(60))
    again = ", ".join(f"'after' as c{number}" for number in range(60))
    bounds = {"memory_limit": "40MB", "threads": "1", "temp_directory": ""}
    file = str(tmp_path / "x.duckdb")
    with duckdb.connect(file) as connection:
        for table in range(6):
            connection.execute(f"create table t{table} as select i as id, {columns} from range(300) r(i)")
            connection.execute(f"create index x{table} on t{table}(id)")

    def write_again(connection: duckdb.DuckDBPyConnection) -> None:
        connection.begin()
        for table in range(6):
            connection.execute(f"delete from t{table}")
            connection.execute(f"insert into t{table} select i, {again} from range(300) r(i)")
        connection.commit()

    connection = duckdb.connect(file, config=bounds)
    with pytest.raises(duckdb.TransactionException, match="Failed to commit"):
        write_again(connection)
    # With room enough, what failed is tried again in the same process.
    connection.execute("set memory_limit = '400MB'")
    with fault(duckdb.FatalException, "_Pool.commit_failed and raise_if_unsound", "DuckDB", "Corrupted ART index"):
        write_again(connection)


def test_dlt_closes_the_file_with_the_last_connection(tmp_path: Path) -> None:
    client = opened(dlt_duckdb(DuckDbCredentials(str(tmp_path / "x.duckdb"))))
    with client.sql_client:
        assert client.config.credentials.conn_pool._conn is not None
    assert client.config.credentials.conn_pool._conn is None, gone("load_packages._connected")


ASKING = """
import duckdb, sys
class Watching:
    asked = []
    @classmethod
    def find_spec(cls, name, *_):
        if name == "pandas":
            cls.asked.append(name)
            raise {error}
sys.meta_path.insert(0, Watching)
try:
    print(duckdb.connect().execute("select ?", [1]).fetchall(), bool(Watching.asked))
except KeyboardInterrupt:
    print("interrupted")
"""


def test_duckdb_imports_pandas_for_a_parameter() -> None:
    assert said_by(ASKING.format(error="ModuleNotFoundError")) == "[(1,)] True", gone("pandas_kept_out", "DuckDB")


def test_duckdb_swallows_an_interrupt_while_it_imports() -> None:
    said = said_by(ASKING.format(error="KeyboardInterrupt"))
    assert said == "[(1,)] True", gone("the flag in interruptible.interrupt", "DuckDB")


def said_by(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


# DuckLake


def lake(folder: Path, **settings: Any) -> Any:
    """dlt's client of a lake; nothing is opened."""
    credentials = DuckLakeCredentials(catalog=f"sqlite:///{folder}/lake.sqlite", storage=f"{folder}/files")
    for name, value in settings.items():
        setattr(credentials, name, value)
    return opened(ducklake(credentials))


def test_dlt_lets_duckdb_download_extensions_of_a_lake(tmp_path: Path) -> None:
    pool = lake(tmp_path).config.credentials.conn_pool
    connection = pool.borrow_conn()
    try:
        [(does,)] = connection.execute("select current_setting('autoinstall_known_extensions')").fetchall()
    finally:
        pool.return_conn(connection)
    assert does, gone("ducklake's _Pool (the setting autoinstall_known_extensions)")


def test_dlt_takes_no_setting_for_unsigned_extensions(tmp_path: Path) -> None:
    with fault(duckdb.Error, "ducklake's _Pool (duckdb.connect)", says="allow_unsigned_extensions"):
        lake(tmp_path).config.credentials.conn_pool.borrow_conn(global_config={"allow_unsigned_extensions": True})


def test_dlt_opens_no_lake_for_reading_only(tmp_path: Path) -> None:
    client = lake(tmp_path, read_only=True)
    assert "READ_ONLY" not in client.sql_client.attach_statement, gone("ducklake's _SqlClient.attach_statement")
    with fault(duckdb.Error, "ducklake's _Pool (duckdb.connect)", says="in read-only mode"):
        client.config.credentials.conn_pool.borrow_conn()


# PostgreSQL and Redshift


@pytest.mark.parametrize("kind", [postgres, redshift])
def test_dlt_lets_psycopg2s_error_through_where_it_connects(kind: type[Destination[Any, Any]]) -> None:
    where = {"host": "127.0.0.1", "port": free_port(), "database": "d", "username": "u", "password": "p"}
    with fault(psycopg2.OperationalError, f"{kind.__name__}'s _SqlClient.open_connection"):
        opened(kind(credentials=where)).sql_client.open_connection()


def test_dlt_looks_for_words_in_an_error_that_has_none() -> None:
    with fault(TypeError, "redshift's _SqlClient._maybe_make_terminal_exception_from_data_error"):
        RedshiftSqlClient._make_database_exception(psycopg2.OperationalError("the connection is lost"))


def test_dlt_leaves_out_nul_in_inserts() -> None:
    written = redshift().capabilities().escape_literal("a\x00b")
    assert written == "'ab'", gone("redshift._raw_capabilities")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    try:
        with postgres_server.serving() as url:
            yield url
    except postgres_server.NoServer as reason:
        (pytest.fail if "postgres" in REQUIRED else pytest.skip)(str(reason))


@pytest.mark.parametrize(
    ("texts", "error", "ours"),
    [
        pytest.param([], ValueError, "the count of rows in postgres's _CopyJob.run", id="no rows"),
        pytest.param(["a\x00b"], Exception, "postgres's _replace_nul", id="NUL"),
    ],
)
def test_dlt_cannot_copy_a_parquet_file_to_postgresql(
    texts: list[str], error: type[Exception], ours: str, server: str, tmp_path: Path
) -> None:
    client = opened(postgres(server))
    with client.sql_client as connection:
        connection.execute_sql("create schema if not exists s")
        connection.execute_sql("create table if not exists s.things (name text)")
    file = tmp_path / "things.0a0a0a0a0a.0.parquet"
    pq.write_table(pa.table({"name": pa.array(texts, pa.string())}), file)
    client.schema.update_table(utils.new_table("things", columns=[{"name": "name", "data_type": "text"}]))
    table = client.prepare_load_table("things")
    job = PostgresParquetCopyJob(str(file))
    job.set_run_vars("1", client.schema, table)
    job._job_client = client
    with fault(error, ours):
        job.run()


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such signal")
def test_psycopg2_hears_no_signal_while_it_waits() -> None:
    heard = threading.Event()
    before = signal.signal(signal.SIGUSR1, lambda *_: heard.set())
    was_heard = []

    def answer(listener: socket.socket) -> None:
        connection = listener.accept()[0]
        os.kill(os.getpid(), signal.SIGUSR1)
        # The driver waits for the end of this connection.
        was_heard.append(heard.wait(0.3))
        connection.close()

    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            answering = threading.Thread(target=answer, args=(listener,), daemon=True)
            answering.start()
            with pytest.raises(psycopg2.OperationalError):
                psycopg2.connect(
                    host="127.0.0.1", port=listener.getsockname()[1], user="u", dbname="d", sslmode="disable"
                )
            answering.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert was_heard == [False], gone("the thread of interruptible.interruptible", "psycopg2")


@pytest.mark.skipif(sys.platform == "win32" or sys.version_info >= (3, 13), reason="a fault of 3.11 and 3.12")
def test_python_takes_a_thread_for_ended_whose_join_was_interrupted() -> None:
    class Interrupted(Exception):
        pass

    def interrupt(*_: object) -> None:
        raise Interrupted

    before, ending = signal.signal(signal.SIGUSR1, interrupt), threading.Event()
    waiting = threading.Thread(target=ending.wait, daemon=True)
    try:
        waiting.start()
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(Interrupted):
            waiting.join(5)
        assert not waiting.is_alive(), gone("has_ended in interruptible.interruptible", "Python")
    finally:
        signal.signal(signal.SIGUSR1, before)
        ending.set()


# BigQuery: what is not there is asked nothing.


@pytest.fixture
def google() -> BigQuerySqlClient:
    """dlt's own, of a service that is not there."""
    client = BigQuerySqlClient(
        "d",
        "s",
        None,
        bigquery().capabilities(),
        project_id="p",
        http_timeout=0.1,
        retry_deadline=0.1,  # type: ignore[arg-type]
    )
    where = {"api_endpoint": f"http://127.0.0.1:{free_port()}"}
    client._client = googles.Client("p", credentials=AnonymousCredentials(), client_options=where)  # type: ignore[no-untyped-call]
    return client


@pytest.mark.parametrize("name", ["has_dataset", "create_dataset"])
def test_dlt_lets_googles_error_through_for_a_dataset(name: str, google: BigQuerySqlClient) -> None:
    with fault((GoogleAPIError, GoogleAuthError, RequestException), f"bigquery's _SqlClient.{name}"):
        getattr(google, name)()


def test_dlt_rolls_back_a_transaction_that_did_not_begin(google: BigQuerySqlClient) -> None:
    google._client = None
    with (
        fault(DatabaseTransientException, "bigquery's _SqlClient.rollback_transaction", says="was not started"),
        google.begin_transaction(),
    ):
        pass


def test_dlt_makes_no_database_error_of_googles() -> None:
    error = TransportError("no network")  # type: ignore[no-untyped-call]
    made = BigQuerySqlClient._make_database_exception(error)
    assert made is error, gone("bigquery's _SqlClient._make_database_exception")


# All destinations


@pytest.mark.parametrize("kind", [dlt_duckdb, ducklake, postgres, redshift, bigquery])
def test_dlt_names_a_derived_destination_after_its_module(kind: type[Destination[Any, Any]]) -> None:
    derived: Any = type("Derived", (kind,), {"__module__": __name__})
    assert derived().destination_type == f"{__name__}.Derived", gone("destination_type of our destinations")


@pytest.mark.parametrize(
    ("client", "sql_client"),
    [
        (DuckDbClient, DuckDbSqlClient),
        (DuckLakeClient, DuckLakeSqlClient),
        (PostgresClient, Psycopg2SqlClient),
        (RedshiftClient, RedshiftSqlClient),
        (BigQueryClient, BigQuerySqlClient),
    ],
)
def test_dlt_offers_no_choice_of_a_clients_sql_client(client: type, sql_client: type) -> None:
    """By its code: a client makes its SQL client by name."""
    assert f"= {sql_client.__name__}(" in inspect.getsource(client.__init__), gone("__init__ of our _Client")  # type: ignore[misc]


@pytest.mark.parametrize("kind", [dlt_duckdb, ducklake, postgres, redshift])
def test_dlt_does_not_say_that_merges_have_transactions(kind: Callable[[], Destination[Any, Any]]) -> None:
    assert DESTINATIONS[kind.__name__].is_atomic
    assert not kind().capabilities().supports_transactions, gone("supports_transactions in connect.py")


def test_dlt_ends_a_password_at_the_first_at_sign() -> None:
    credentials = ConnectionStringCredentials("postgresql://user:p@ss@host/database")
    assert credentials.host == "ss@host", gone("connect._is_cut_in_a_password")


OVERRIDDEN: list[tuple[object, str]] = [
    *((DuckDbConnectionPool, name) for name in ("_apply_config", "_apply_local_config", "_execute_statements")),
    *((DuckDbConnectionPool(DuckDbBaseCredentials()), name) for name in ("_conn", "_conn_lock", "_conn_borrows")),
    (DuckDbBaseCredentials, "_conn_str"),
    (DuckDbClientConfiguration, "_bind_dataset_name"),
    (DuckDbSqlClient, "_make_database_exception"),
    (BigQuerySqlClient, "_make_database_exception"),
    (RedshiftSqlClient, "_maybe_make_terminal_exception_from_data_error"),
    (redshift, "_raw_capabilities"),
    (PostgresParquetCopyJob("folder/things.0a0a0a0a0a.0.parquet"), "_file_path"),
]


@pytest.mark.parametrize(("owner", "name"), OVERRIDDEN, ids=lambda value: value if isinstance(value, str) else "")
def test_a_private_name_that_ours_uses_or_overrides_is_there(owner: object, name: str) -> None:
    """The other way about: an override of what was renamed overrides nothing, and nobody would notice."""
    assert hasattr(owner, name)


# Load files


def test_dlt_writes_json_of_arrow_as_a_text() -> None:
    rows = pa.table({"j": ['{"a": 1.10}']})
    columns: Any = {"j": {"name": "j", "data_type": "json"}}
    inserts, lines = io.StringIO(), io.BytesIO()
    writer = ArrowToInsertValuesWriter(inserts, redshift().capabilities())
    writer.write_header(columns)
    writer.write_data([rows])
    assert "('{\"a\": 1.10}')" in inserts.getvalue(), gone("load_files.InsertFile")
    ArrowToJsonlWriter(lines, redshift().capabilities()).write_data([rows])
    assert lines.getvalue() == b'{"j":"{\\"a\\": 1.10}"}\n', gone("load_files.JsonFile")


# Load packages, and dlt's working folder


def new_pipeline(folder: Path, working: str = "working") -> dlt.Pipeline:
    return dlt.pipeline(
        "p",
        destination=dlt_duckdb(str(folder / "x.duckdb")),
        dataset_name="d",
        pipelines_dir=str(folder / working),
    )


@pytest.fixture
def normalized(tmp_path: Path) -> dlt.Pipeline:
    """A pipeline with a package that waits to be loaded."""
    pipeline = new_pipeline(tmp_path)
    pipeline.extract([{"id": 1}, {"id": 2}], table_name="things", write_disposition="append")
    pipeline.normalize()
    return pipeline


def waiting(pipeline: dlt.Pipeline) -> Path:
    return Path(pipeline.working_dir) / "load" / "normalized"


def test_dlt_loads_a_file_twice_where_a_killed_run_had_not_recorded_it(
    normalized: dlt.Pipeline, tmp_path: Path
) -> None:
    working, kept = Path(normalized.working_dir), tmp_path / "kept"
    shutil.copytree(working, kept)
    normalized.load()
    # As after a kill between the commit and its record: the rows are there, and the file is one that was begun.
    shutil.rmtree(working)
    shutil.copytree(kept, working)
    for file in waiting(normalized).glob("*/new_jobs/*"):
        file.rename(file.parents[1] / "started_jobs" / file.name)
    pipeline = new_pipeline(tmp_path)
    pipeline.load()
    with pipeline.sql_client() as client:
        counted = client.execute_sql("select count(*), count(distinct id) from things")
    assert counted == [(4, 2)], gone("load_packages._begin_again")


def test_dlt_tries_a_file_again_by_itself() -> None:
    assert LoaderConfiguration().raise_on_max_retries > 1, gone("LOAD__RAISE_ON_MAX_RETRIES in load_packages._load")


def test_dlt_fails_on_a_half_written_job_file(normalized: dlt.Pipeline) -> None:
    [jobs] = waiting(normalized).glob("*/new_jobs")
    (jobs / "things.0a0a0a0a0a.0.parquet.gz.tmp").touch()
    packages = PackageStorage(normalized._get_load_storage().normalized_packages.storage, "normalized")
    with fault(TerminalValueError, "load_packages._drop_halves"):
        packages.list_all_jobs_with_states(jobs.parent.name)


def test_dlt_aborts_no_extracted_package_by_its_id(normalized: dlt.Pipeline) -> None:
    normalized.extract([{"id": 3}], table_name="things")
    [load_id] = normalized.list_extracted_load_packages()
    with fault(LoadPackageNotFound, "load_packages.drop_unseen"):
        normalized.abort_packages(load_id)
    # So it is deleted by hand.
    assert (Path(normalized.working_dir) / "normalize" / "extracted" / load_id).is_dir()


def test_dlt_keeps_its_own_state_where_the_databases_is_older(tmp_path: Path) -> None:
    @dlt.resource
    def things(cursor: int) -> Iterator[dict[str, int]]:
        dlt.current.resource_state()["cursor"] = cursor
        yield {"id": cursor}

    pipeline, file = new_pipeline(tmp_path), tmp_path / "x.duckdb"
    pipeline.run(things(1))
    older = file.read_bytes()
    pipeline.run(things(2))
    file.write_bytes(older)
    pipeline.sync_destination()
    assert pipeline.state["sources"]["p"]["resources"]["things"] == {"cursor": 2}, gone(
        "pipeline_state.adopt_database_state"
    )
    # By which it tells one state from another.
    assert "_version_hash" in pipeline.state


def test_dlt_does_not_say_that_its_working_folder_is_damaged(normalized: dlt.Pipeline, tmp_path: Path) -> None:
    (Path(normalized.working_dir) / "state.json").write_text("{")
    with fault(ValueError, "pipelines.working_folder_read"):
        try:
            new_pipeline(tmp_path)
        except DltException as error:
            raise RuntimeError(error) from error


@pytest.mark.parametrize("name", ["it's", "a%20b"])
def test_dlt_cannot_load_from_a_folder_with_a_quote_or_a_percent_sign(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")
    with fault(DltException, "Target.refuse_odd_folders (dlt's working folder)"):
        new_pipeline(tmp_path, name).run([{"id": 1}], table_name="things", loader_file_format="parquet")


def test_duckdb_takes_a_question_mark_in_a_folder_for_settings(tmp_path: Path) -> None:
    (folder := tmp_path / "a?b").mkdir()
    connection = duckdb.connect(str(folder / "x.duckdb"))
    with fault(duckdb.TransactionException, "Target.refuse_odd_folders (the database's file)", "DuckDB", "a.wal?b"):
        connection.execute("create table things (id integer)")


def test_dlt_keeps_a_boundary_in_the_schema() -> None:
    at = "2026-01-01"
    made: Any = {"disposition": "merge", "strategy": "scd2", "boundary_timestamp": at}
    table: Any = dlt.resource([1], name="versions", write_disposition=made).compute_table_schema()
    assert table["x-boundary-timestamp"] == at, gone("created_at in history_resource")


def test_dlt_says_in_its_log_what_is_no_news() -> None:
    """By its code."""
    said = sources(worker, inspect.getmodule(dlt.Pipeline))
    assert "in state differs from destination" in said, gone("a line of process._NO_NEWS")
    assert re.search(r"A \{\S+\} writer is used", said), gone("two lines of process._NO_NEWS")


# The command line


def test_rich_takes_its_environment_as_an_argument() -> None:
    """The other way about: it has no public name."""
    assert "_environ" in inspect.signature(Console).parameters


# What the tests do to dlt (tests/support/dlt_speedups.py)


def test_dlt_copies_schemas_by_deepcopy() -> None:
    """By its code."""
    assert all("= deepcopy(" in inspect.getsource(module) for module in (schemas, utils)), gone("dlt_speedups._copied")


def test_dlt_reads_a_schema_at_each_look(tmp_path: Path) -> None:
    read = []

    class Watched(LiveSchemaStorage):
        def load_schema(self, name: str) -> Schema:
            read.append(name)
            return super().load_schema(name)

    storage = Watched(SchemaStorageConfiguration(str(tmp_path / "schemas")), makedirs=True)
    storage.save_schema(Schema("s"))
    dlt_speedups._read_schema(storage, "s")
    dlt_speedups._read_schema(storage, "s")
    assert read == ["s", "s"], gone("dlt_speedups._live_schema")


def test_dlt_works_out_again_what_is_a_secret() -> None:
    hint = base_configuration.is_secret_hint
    assert not hasattr(hint, "cache_info"), gone("known_secrets in dlt_speedups")
    assert "is_secret_hint(" in inspect.getsource(resolve), gone("known_secrets in dlt_speedups")


def test_dlt_counts_settings_one_by_one() -> None:
    """By its code."""
    assert "return sum(1 for _ in self.__iter__())" in inspect.getsource(base_configuration), gone(
        "dlt_speedups._settings"
    )


def test_dlt_resolves_a_configuration_for_each_table() -> None:
    for function in (resolve_merge_strategy, prepare_load_table):
        assert inspect.getsource(function).lstrip().startswith("@with_config"), gone("dlt_speedups._merge_strategy")
    assert "resolve_merge_strategy(schema.tables, root_table)" in inspect.getsource(helpers), gone(
        "dlt_speedups._merge_strategy"
    )
    for caller in (JobClientBase.prepare_load_table, resolve_merge_strategy):
        assert "prepare_load_table(" in inspect.getsource(caller), gone("prepare_load_table in dlt_speedups")


def test_dlt_works_out_type_hints_at_each_look() -> None:
    """By its code."""
    assert re.search(r"= get_type_hints\(\s*spec", inspect.getsource(validation)), gone("dlt_speedups._hints")


def test_dlt_writes_yaml_without_c() -> None:
    """By its code."""
    written = inspect.getsource(extract)
    assert "yaml.dump(" in written, gone("extract.yaml in dlt_speedups")
    assert "CDumper" not in written, gone("extract.yaml in dlt_speedups")
    assert hasattr(yaml, "CDumper")


# The page


def listed() -> set[str]:
    return set(NAMED.findall(PAGE.read_text(encoding="utf-8")))


def test_the_page_of_patches_names_each_test_here() -> None:
    here = {name for name in globals() if name.startswith("test_")}
    assert listed() == here - NOT_LISTED


def patches() -> list[str]:
    """What the code says of its patches: from `Patch:` to the test that tells when it can go."""
    files = [*(ROOT / "src").rglob("*.py"), ROOT / "tests" / "support" / "dlt_speedups.py"]
    texts = (re.sub(r"\s*\n\s*(# )?", " ", file.read_text(encoding="utf-8")) for file in files)
    return [found for text in texts for found in re.findall(r"Patch: .*?`test_\w+`", text)]


def test_each_patch_in_the_code_names_a_test_here() -> None:
    named = {name for patch in patches() for name in NAMED.findall(patch)}
    assert named == listed()


def test_a_patch_names_its_versions_and_the_issue() -> None:
    form = re.compile(
        r"Patch: [^;]+ \S*\d[^;]*; (no upstream issue known|(see )?https://github\.com/\S+/(issues|pull)/\d+[^;]*); "
    )
    assert [patch for patch in patches() if not form.match(patch)] == []
