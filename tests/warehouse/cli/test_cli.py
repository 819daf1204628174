"""The command as its users meet it: in a process of its own, in an empty folder, with nothing but the environment."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
import typer

from harvest_time_tracking import STREAMS
from harvest_warehouse.cli.app import errors_told, explained
from harvest_warehouse.load.report import what_happened
from harvest_warehouse.warehouse import Target
from support.accounts import Account
from support.servers import free_port

OpenAccount = Callable[..., Account]
TOKEN = "recognisable-token-4711"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harvest_warehouse.cli", *arguments],
        env=os.environ | {"COLUMNS": "200"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def environment_of(account: Account) -> dict[str, str]:
    account.simulator.enforce_limits = False
    return {
        "SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN": account.simulator.access_token,
        "SOURCES__HARVEST_TIME_TRACKING__ACCOUNT_ID": account.simulator.account_id,
        "SOURCES__HARVEST_TIME_TRACKING__BASE_URL": account.url,
        "SOURCES__HARVEST_TIME_TRACKING__REQUESTS_PER_15_S": "0",
    }


def test_load_makes_the_database_in_this_folder_and_sums_up(open_account: OpenAccount, tmp_path: Path) -> None:
    account = open_account()
    done = run("load", "clients", "roles", **environment_of(account))
    assert done.returncode == 0, done.stderr
    truth = account.simulator.truth()
    with duckdb.connect(str(tmp_path / "harvest_time_tracking.duckdb")) as database:
        count = database.execute("select count(*) from harvest_time_tracking_data.clients").fetchall()
    assert count == [(len(truth["clients"]),)]
    assert re.search(rf"clients +complete +{len(truth['clients'])} +1 ", done.stdout)
    assert re.search(r"^  roles: complete, \d+ rows, 1 request$", done.stderr, re.MULTILINE), "progress, in plain lines"
    assert "\x1b" not in done.stdout + done.stderr, "no colours where there is no terminal"


@pytest.mark.nightly
def test_tables_are_named_as_documented_whatever_other_pipelines_are_told(
    open_account: OpenAccount, tmp_path: Path
) -> None:
    (tmp_path / ".dlt").mkdir(exist_ok=True)
    (tmp_path / ".dlt" / "config.toml").write_text('[schema]\nnaming = "direct"\n')
    account = open_account()
    done = run("sync", **environment_of(account))
    assert done.returncode == 0, done.stderr
    assert "13 of 13 lists match Harvest's" in done.stdout


def test_strict_makes_a_skip_exit_3(open_account: OpenAccount) -> None:
    account = open_account()
    account.simulator.as_role("member")
    names = ("clients", "users_me")
    lenient = run("load", *names, **environment_of(account))
    assert lenient.returncode == 0
    assert "clients: skipped, 403" in lenient.stdout
    assert "Harvest stream clients" not in lenient.stderr, "told once"
    assert run("load", "--strict", *names, **environment_of(account)).returncode == 3


def test_a_rejected_token_exits_1_with_the_advice_and_no_traceback(open_account: OpenAccount) -> None:
    account = open_account()
    account.simulator.revoke_token()
    failed = run("load", "clients", **environment_of(account))
    assert failed.returncode == 1
    assert "https://id.getharvest.com/developers" in failed.stderr
    assert "Traceback" not in failed.stderr + failed.stdout
    debugged = run("load", "clients", "--debug", **environment_of(account))
    assert debugged.returncode == 1
    assert "Traceback" in debugged.stderr


@pytest.mark.by_day(1)
@pytest.mark.parametrize("command", ["load", "doctor"])
def test_missing_credentials_exit_2_and_say_what_to_do(command: str) -> None:
    wrong = run(command)
    assert wrong.returncode == 2
    assert "access_token and account_id" in wrong.stderr
    assert "https://id.getharvest.com/developers" in wrong.stderr
    assert ".dlt/secrets.toml" in wrong.stderr
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize(
    "section",
    [
        "sources.harvest_time_tracking",
        "sources.harvest_time_tracking_source",
        "harvest_time_tracking_pipeline.sources.harvest_time_tracking",
    ],
)
@pytest.mark.by_day(1)
def test_credentials_are_read_from_the_secrets_file_in_each_spelling(
    section: str, open_account: OpenAccount, tmp_path: Path
) -> None:
    account = open_account()
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text(
        f'[{section}]\naccess_token = "{account.simulator.access_token}"\naccount_id = 123456\nbase_url = "{account.url}"\n'
    )
    done = run("load", "roles", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["account_id"] == "123456"


def test_a_settings_file_that_is_no_toml_exits_2_with_its_line_and_without_its_words(tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "secrets.toml").write_text('[sources.harvest_time_tracking]\naccess_token = "never-said\n')
    wrong = run("doctor")
    assert wrong.returncode == 2, wrong.stderr
    assert "secrets.toml" in wrong.stderr
    assert "line 2" in wrong.stderr
    assert "The database" not in wrong.stderr
    assert "never-said" not in wrong.stdout + wrong.stderr


def test_an_unknown_stream_exits_2_and_names_its_likes(open_account: OpenAccount) -> None:
    wrong = run("load", "time_entrys", **environment_of(open_account()))
    assert wrong.returncode == 2
    assert "time_entries" in wrong.stderr


@pytest.mark.by_day(1)
@pytest.mark.parametrize(
    "arguments", [("load", "--no-such-option"), ("no-such-command",), ("load", "--start-date", "soon")]
)
def test_wrong_use_exits_2(arguments: tuple[str, ...], open_account: OpenAccount) -> None:
    assert run(*arguments, **environment_of(open_account())).returncode == 2


@pytest.mark.nightly
def test_the_report_as_json_holds_what_the_summary_shows(open_account: OpenAccount) -> None:
    account = open_account()
    report = json.loads(run("load", "clients", "--json", **environment_of(account)).stdout)
    assert report["rows"] == len(account.simulator.truth()["clients"])
    assert report["streams"][0]["stream"] == "clients"
    assert report["error"] is None
    account.simulator.revoke_token()
    failed = json.loads(run("load", "clients", "--json", **environment_of(account)).stdout)
    assert "401" in failed["error"]


@pytest.mark.nightly
def test_a_database_that_is_open_elsewhere_is_an_error_that_says_so(open_account: OpenAccount, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "harvest_time_tracking.duckdb")):
        failed = run("load", "roles", **environment_of(open_account()))
    assert failed.returncode == 1
    assert "open in another program" in failed.stderr


@pytest.mark.nightly
def test_the_token_is_nowhere_however_loud_the_logs(open_account: OpenAccount, tmp_path: Path) -> None:
    account = open_account(access_token=TOKEN)
    # Telemetry stays off: it would be asked for on a network that tests do not have.
    loud = environment_of(account) | {"RUNTIME__LOG_LEVEL": "DEBUG"}
    outputs = [run("load", **loud)]
    assert outputs[0].returncode == 0, outputs[0].stderr[-2000:]
    account.simulator.revoke_token()
    outputs += [run("load", "--debug", **loud), run("doctor", "--debug", **loud)]
    account.simulator.restore_token()
    outputs.append(run("doctor", **loud))
    assert [output.returncode for output in outputs] == [0, 1, 1, 0]
    assert all(TOKEN not in output.stdout + output.stderr for output in outputs)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("harvest_time_tracking_pipeline" in str(path) for path in files), "dlt's working folder is among them"
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
    with duckdb.connect(str(tmp_path / "harvest_time_tracking.duckdb")) as database:
        columns = database.execute(
            "select table_schema, table_name, column_name from information_schema.columns where data_type = 'VARCHAR'"
        ).fetchall()
        assert len(columns) > 100
        for schema, table, column in columns:
            found = database.execute(
                f'select count(*) from "{schema}"."{table}" where contains("{column}", ?)', [TOKEN]
            ).fetchall()
            assert found == [(0,)], (schema, table, column)


def test_doctor_exits_0_in_good_health_and_1_where_a_load_would_fail(open_account: OpenAccount) -> None:
    account = open_account()
    fine = run("doctor", **environment_of(account))
    assert fine.returncode == 0, fine.stderr
    assert "A first load takes at most" in fine.stdout
    wrong = run("doctor", **environment_of(account) | {"SOURCES__HARVEST_TIME_TRACKING__ACCOUNT_ID": "777"})
    assert wrong.returncode == 1
    assert "It reaches: 123456" in wrong.stdout


@pytest.mark.nightly
def test_streams_shows_the_whole_catalogue_in_each_form() -> None:
    assert [row["stream"] for row in json.loads(run("streams", "--json").stdout)] == list(STREAMS)
    markdown = run("streams", "--markdown").stdout.splitlines()
    assert [line.split("|")[1].strip() for line in markdown[2:]] == list(STREAMS)
    shown = run("streams").stdout
    assert all(name in shown for name in STREAMS)


def test_version_and_help_answer_without_loading_dlt() -> None:
    assert re.fullmatch(r"dlt-harvest \d+\.\d+\.\d+\n", run("--version").stdout)
    shown = run("--help").stdout
    assert all(verb in shown for verb in ("demo", "load", "streams", "doctor", "copy", "simulate", "show"))
    for verb in ("demo", "load", "streams", "doctor", "copy", "simulate", "show"):
        assert f"dlt-harvest {verb}" in run(verb, "--help").stdout, "each with an example"
    code = "import sys, harvest_warehouse.cli; sys.exit(bool({'dlt', 'jinja2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_simulate_says_how_to_load_it_and_ends_cleanly() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "harvest_warehouse.cli", "simulate", "--size", "tiny", "--no-limits"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as simulator:
        assert simulator.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            said += simulator.stdout.readline()
        exports = dict(re.findall(r"^export (\w+)=(\S+)$", said, re.MULTILINE))
        done = run("load", "clients", **exports)
        assert done.returncode == 0, done.stderr
        assert simulator.poll() is None
        simulator.send_signal(signal.SIGINT)
        rest, errors = simulator.communicate(timeout=20)
    assert simulator.returncode == 0
    assert "request" in rest
    assert not errors


@pytest.mark.nightly
def test_whoever_ends_it_is_answered_like_ctrl_c(open_account: OpenAccount) -> None:
    account = open_account()
    command = [sys.executable, "-m", "harvest_warehouse.cli", "doctor"]
    environment = os.environ | environment_of(account)
    account.simulator.faults.between_pages("users/me", lambda: process.send_signal(signal.SIGTERM))
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "Error: Interrupted.\n")


# As an import does it for its lock, at the moment when the signal comes.
_LOST = """
import os, signal, sys, weakref
from harvest_warehouse import cli
class Lock: pass
doctor = sys.modules["harvest_warehouse.cli.doctor"]
prepare = doctor.prepare
def prepared():
    prepare()
    lock = Lock()
    back = weakref.ref(lock, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    del lock
doctor.prepare = prepared
cli.main()
"""


@pytest.mark.nightly
def test_so_it_is_where_python_loses_the_signal_in_the_middle_of_an_import(open_account: OpenAccount) -> None:
    environment = os.environ | environment_of(open_account())
    done = subprocess.run(
        [sys.executable, "-c", _LOST, "doctor"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "Error: Interrupted.\n")


@pytest.mark.nightly
@pytest.mark.parametrize("command", [("doctor",), ("load",), ("sql", "select 1")], ids=lambda command: command[0])
def test_sentry_without_its_package_is_a_wrong_setting_and_not_the_databases(command: tuple[str, ...]) -> None:
    if find_spec("sentry_sdk"):
        pytest.skip("sentry-sdk is installed here: uninstall it to see what is said where it is not")
    done = run(*command, RUNTIME__SENTRY_DSN="https://secret@sentry.example/1")
    assert done.returncode == 2
    assert "runtime.sentry_dsn" in done.stderr
    assert "pip install sentry-sdk" in done.stderr
    assert "database" not in done.stderr
    assert "secret" not in done.stderr


def test_ctrl_c_in_the_middle_of_a_query_is_told_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left, errors_told(False):
        # What DuckDB makes of a KeyboardInterrupt that it meets. (No signal is sent: whoever runs the tests may block it.)
        raise RuntimeError("Query interrupted") from KeyboardInterrupt()
    assert left.value.exit_code == 1
    assert capsys.readouterr().err == "Error: Interrupted.\n"


def test_a_full_disk_is_told_with_what_to_do() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/work/dlt")
    [(code, message)] = [said for said in [explained(full)] if said]
    assert code == 1
    assert (
        message == "[Errno 28] No space left on device: '/work/dlt': make room, and run again. What was loaded stays."
    )
    failed = what_happened(full, Target(Path(), "harvest.duckdb"))
    assert failed.endswith(
        "OSError: [Errno 28] No space left on device: '/work/dlt': make room, and run again. What was loaded stays."
    )
    assert explained(OSError(errno.EACCES, "Permission denied")) == (1, "[Errno 13] Permission denied")


@pytest.mark.nightly
def test_a_full_disk_is_told_without_a_traceback(open_account: OpenAccount) -> None:
    def no_room() -> None:
        # Whoever writes beyond it fails as on a full disk. Python ignores the signal; DuckDB is in the same process.
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    command = [sys.executable, "-m", "harvest_warehouse.cli", "load", "clients", "time_entries"]
    environment = os.environ | environment_of(open_account())
    failed = subprocess.run(
        command, env=environment, preexec_fn=no_room, capture_output=True, text=True, timeout=120, check=False
    )
    assert failed.returncode == 1
    assert "File too large" in failed.stderr
    assert "Traceback" not in failed.stderr


@pytest.mark.nightly
def test_a_reader_that_has_seen_enough_is_no_error_to_tell_of(tmp_path: Path) -> None:
    raw = "harvest_time_tracking_data"
    with duckdb.connect(str(tmp_path / "harvest_time_tracking.duckdb")) as database:
        database.execute(f"create schema {raw}; create table {raw}.clients (id bigint)")
    question = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000) select i from n"
    command = [sys.executable, "-m", "harvest_warehouse.cli", "sql", "--csv", question]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == "i\n"
        asking.stdout.close()
        asking.stdout = None
        _, errors = asking.communicate(timeout=60)
    assert (asking.returncode, errors) == (1, "")


@pytest.mark.nightly
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_what_is_made_only_its_owner_reads_and_what_is_published_others_do(
    open_account: OpenAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, data = tmp_path / "private", tmp_path / "dlt"
    folder.mkdir()
    monkeypatch.chdir(folder)
    before = os.umask(0o022)
    try:
        ours = {"DLT_DATA_DIR": str(data), **environment_of(open_account())}
        assert run("load", "roles", "invoices", **ours).returncode == 0
        assert run("publish", "--to", str(folder / "published"), **ours).returncode == 0
    finally:
        os.umask(before)
    made = [folder / "harvest_time_tracking.duckdb", *data.rglob("*")]
    assert len(made) > 5
    assert {path.name: oct(path.stat().st_mode & 0o077) for path in made if path.stat().st_mode & 0o077} == {}
    [published] = (folder / "published").rglob("harvest_published.json")
    assert published.stat().st_mode & 0o044 == 0o044


@pytest.mark.parametrize(("part", "name"), [("dlt", "it's"), ("dlt", "a%41b"), ("here", "what?x")])
@pytest.mark.by_day(1)
def test_a_folder_that_dlt_would_misread_is_refused_before_anything_is_asked(
    open_account: OpenAccount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, name: str
) -> None:
    account, odd = open_account(), tmp_path / name
    odd.mkdir()
    if part == "here":
        monkeypatch.chdir(odd)
    else:
        monkeypatch.setenv("DLT_DATA_DIR", str(odd))
    done = run("load", "roles", **environment_of(account))
    assert done.returncode == 2
    assert name.partition("?")[0] in done.stderr
    assert account.simulator.requests == []


@pytest.mark.nightly
def test_show_needs_something_to_show() -> None:
    nothing = run("show")
    assert nothing.returncode == 2
    assert "dlt-harvest sync" in nothing.stderr


@pytest.mark.nightly
def test_show_serves_the_dashboard_to_whoever_has_its_address_until_it_is_ended(open_account: OpenAccount) -> None:
    assert run("sync", **environment_of(open_account())).returncode == 0
    port = free_port()
    command = [sys.executable, "-m", "harvest_warehouse.cli", "show", "--headless", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as dashboard:
        assert dashboard.stdout is not None
        try:
            address = next(word for line in dashboard.stdout for word in line.split() if word.startswith("http"))
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            # The address is printed when it answers, not before.
            page = opener.open(address, timeout=60).read().decode()
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60)
            another = run("show", "--headless", "--port", str(port))
        finally:
            dashboard.send_signal(signal.SIGTERM)
            dashboard.communicate(timeout=20)
    assert "<h1>Overview</h1>" in page
    assert another.returncode == 2
    assert f"Port {port} on 127.0.0.1 is in use" in another.stderr
    assert dashboard.returncode == 0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=5)


@pytest.mark.nightly
def test_sync_says_what_was_deleted_and_exits_3_where_the_token_sees_less(open_account: OpenAccount) -> None:
    account = open_account()
    assert run("sync", **environment_of(account)).returncode == 0
    account.simulator.clock.sleep(3_600)
    entry = next(row for row in account.simulator.truth()["time_entries"] if not row["is_running"])
    account.simulator.store.delete_time_entry(entry["id"])
    done = run("sync", **environment_of(account))
    assert done.returncode == 0, done.stderr
    assert (
        "Deleted in Harvest and kept in harvest_deletions: 1 time_entries. 13 of 13 lists match Harvest's"
        in done.stdout
    )
    account.simulator.as_role("member")
    refused = run("sync", **environment_of(account))
    assert refused.returncode == 3
    assert "the token's owner was administrator and is member now" in refused.stdout
    assert "dlt-harvest sync --accept-access" in refused.stdout
    told = json.loads(run("sync", "--json", **environment_of(account)).stdout)
    assert told["is_equal"] is False
    assert told["load"] is None
