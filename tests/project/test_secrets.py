"""The token stays where it belongs: whatever happens, nothing that a run says or writes holds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from harvest_simulator import Fault, Simulator
from harvest_time_tracking import Client, Secret, Settings, SettingWrong, harvest_time_tracking_source
from support.accounts import Account
from support.paths import ROOT
from support.secrets_search import TOKEN, search

OpenAccount = Callable[..., Account]


# A run as somebody's own program would do it, as talkative as it can be. What a reader of its output must never see is
# looked for outside of it.
RUN = textwrap.dedent("""
    import json, logging, pathlib, sys, traceback
    from datetime import UTC, datetime

    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    import dlt
    from harvest_simulator.clock import Clock
    from harvest_time_tracking import Client, Secret, Settings, harvest_time_tracking_source

    base_url, scenario, how = sys.argv[1:4]
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    clock = Clock(datetime.now(UTC))
    token = dlt.secrets["sources.harvest_time_tracking.access_token"]
    client = Client(
        Settings(Secret(token), "123456", base_url), sleep=clock.sleep, monotonic=clock.monotonic, now=clock.now
    )
    if how == "arguments":
        source = harvest_time_tracking_source(token, "123456", base_url, client=client)
    else:
        source = harvest_time_tracking_source(base_url=base_url, client=client)
    del token
    if scenario == "crash":
        def crash(item):
            raise RuntimeError("boom")
        source.clients.add_map(crash)
    pipeline = dlt.pipeline(
        "secrets", destination=dlt.destinations.duckdb("secrets.duckdb"), dataset_name="harvest", pipelines_dir="pipelines"
    )
    error = None
    try:
        print(pipeline.run(source.with_resources("company", "clients", "invoices", "invoice_payments")))
    except Exception as caught:
        error = caught
        traceback.print_exc()
        logging.exception("failed")

    def all_of(error, seen):
        # What the traceback hides by `from None`, too.
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            yield error
            yield from all_of(error.__context__, seen)
            error = error.__cause__

    frames, theirs = [], []
    if error is not None:
        # First, while no variable of this program holds what it looks for.
        pathlib.Path("shown.txt").write_text(
            "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        )
        pathlib.Path("plain.txt").write_text("".join(traceback.format_exception(error)) + str(error) + repr(error))
        for one in all_of(error, set()):
            frames.append(str(one) + repr(one) + repr(one.args) + repr(vars(one)))
            trace = one.__traceback__
            while trace is not None:
                where = trace.tb_frame.f_code.co_filename
                if where != "<string>":
                    held = f"{where}:{trace.tb_lineno} {trace.tb_frame.f_locals!r}"
                    (frames if "harvest_time_tracking" in where else theirs).append(held)
                trace = trace.tb_next
    pathlib.Path("frames.txt").write_text("\\n".join(frames))
    pathlib.Path("theirs.txt").write_text("\\n".join(theirs))
    pathlib.Path("shown_objects.txt").write_text("\\n".join(
        text(thing)
        for thing in (source, client, client.settings, vars(client), pipeline, pipeline.state, source.resources, source.schema.to_pretty_yaml())
        for text in (repr, str)
    ))
    def plain(thing):
        if isinstance(thing, dict):
            return {str(key): plain(value) for key, value in thing.items()}
        return list(map(plain, thing)) if isinstance(thing, (list, tuple, set)) else str(thing)

    trace = pipeline.last_trace
    pathlib.Path("trace.txt").write_text(
        repr(trace) + str(trace) + trace.asstr(verbosity=2) + repr(trace.asdict()) + json.dumps(plain(trace.asdict()))
    )
    sys.exit(error is not None)
""")


@dataclass(frozen=True)
class Ran:
    """What a run left behind."""

    folder: Path
    code: int
    output: str


SCENARIOS = ["success", "rejected", "refused", "crash", "failing", "repeated"]


@pytest.fixture(scope="module", params=[(s, h) for s in SCENARIOS for h in ("environment", "arguments")], ids="-".join)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    scenario, how = request.param
    folder = tmp_path_factory.mktemp(scenario)
    simulator = Simulator(size="tiny", access_token=TOKEN)
    if scenario == "rejected":
        simulator.revoke_token()
    if scenario == "failing":
        simulator.faults.at({"path": "invoices"}, Fault.SHORT_BODY, times=100)
    if scenario == "repeated":
        simulator.faults.at({"path": "invoices"}, Fault.TELLTALE, times=100)
    with simulator.serving() as served:
        url = "http://127.0.0.1:1/v2" if scenario == "refused" else served
        done = subprocess.run(
            [sys.executable, "-c", RUN, url, scenario, how],
            cwd=folder,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([str(ROOT / "sources"), str(ROOT / "src")]),
                "DLT_DATA_DIR": str(folder / "data"),
                "RUNTIME__LOG_LEVEL": "DEBUG",
                "RUNTIME__DLTHUB_TELEMETRY": "false",
                "SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN": TOKEN,
                "SOURCES__HARVEST_TIME_TRACKING__ACCOUNT_ID": "123456",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == (scenario != "success"), done.stderr[-3000:]
    return Ran(folder, done.returncode, done.stdout + done.stderr)


@pytest.mark.by_day(2)
def test_what_a_run_prints_and_logs_at_its_most_talkative_is_free_of_the_token(ran: Ran) -> None:
    assert "DEBUG" in ran.output, "a log without its details proves nothing"
    assert TOKEN not in ran.output


def test_no_file_that_a_run_leaves_holds_the_token(ran: Ran) -> None:
    assert (ran.folder / "pipelines" / "secrets" / "trace.pickle").exists()
    # Kept apart: what the frames of the HTTP library held, when it was the one that failed.
    assert set(search(ran.folder)) <= {"theirs.txt"}


def test_no_traceback_and_no_frame_of_ours_holds_the_token(ran: Ran) -> None:
    assert TOKEN not in (ran.folder / "frames.txt").read_text()
    if ran.code:
        assert "Traceback" in (ran.folder / "plain.txt").read_text()
        assert TOKEN not in (ran.folder / "plain.txt").read_text()


def test_not_even_a_traceback_with_all_locals_holds_the_token(ran: Ran) -> None:
    if ran.code:
        assert "harvest_time_tracking" in (ran.folder / "shown.txt").read_text()
        assert TOKEN not in (ran.folder / "shown.txt").read_text()


def test_no_frame_that_can_be_reached_from_the_error_holds_the_token(ran: Ran) -> None:
    # An error tracker that follows `__context__` sees what `raise ... from None` only hides from print.
    assert TOKEN not in (ran.folder / "theirs.txt").read_text()


def test_the_trace_is_free_of_the_token_also_as_json(ran: Ran) -> None:
    text = (ran.folder / "trace.txt").read_text()
    assert "harvest" in text
    assert TOKEN not in text


def test_what_the_objects_of_a_run_show_is_free_of_the_token(ran: Ran) -> None:
    text = (ran.folder / "shown_objects.txt").read_text()
    assert "***" in text or "Client object" in text
    assert TOKEN not in text


def test_no_table_holds_the_token(ran: Ran) -> None:
    if not (ran.folder / "secrets.duckdb").exists():
        assert ran.code
        return
    with duckdb.connect(str(ran.folder / "secrets.duckdb"), read_only=True) as connection:
        names = connection.execute("select schema_name || '.\"' || table_name || '\"' from duckdb_tables()").fetchall()
        assert names or ran.code
        for (name,) in names:
            assert TOKEN not in repr(connection.execute(f"select * from {name}").fetchall()), name


def test_a_secret_shows_stars_and_gives_itself_only_when_asked() -> None:
    secret = Secret(TOKEN)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>5}",
        repr({"token": secret}),
        ascii(secret),
    ]
    assert not [text for text in shown if TOKEN in text]
    assert secret.reveal() == TOKEN
    settings = Settings(secret, "123456")
    assert TOKEN not in repr(settings) + str(settings) + repr(vars(settings))
    client = Client(settings)
    assert TOKEN not in repr(client) + str(client) + repr(vars(client))


def test_a_secret_is_not_serialised_in_clear() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(TOKEN))
    assert TOKEN not in json.dumps(Secret(TOKEN), default=str)


@pytest.mark.parametrize(
    "wrong",
    [
        {"access_token": TOKEN + "\nHost: x"},
        {"access_token": TOKEN + " x"},
        {"access_token": TOKEN + "é"},
        {"account_id": "none"},
        {"base_url": "http://api.harvestapp.com/v2"},
        {"user_agent": ""},
        {"start_date": "someday"},
        {"requests_per_15_s": -1},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_setting_is_named_without_the_token(wrong: dict[str, object]) -> None:
    arguments = {"access_token": TOKEN, "account_id": "123456", **wrong}
    with pytest.raises(SettingWrong, match=next(iter(wrong))) as caught:
        harvest_time_tracking_source(**arguments)
    seen: BaseException | None = caught.value
    while seen is not None:
        assert TOKEN not in str(seen) + repr(seen) + repr(vars(seen))
        seen = seen.__cause__ or seen.__context__


def test_no_error_of_the_client_holds_the_token_nor_what_it_came_from(open_account: OpenAccount) -> None:
    account = open_account(access_token=TOKEN)
    kinds = [
        Fault.TELLTALE,
        Fault.UNAUTHORIZED,
        Fault.FORBIDDEN,
        Fault.RESET,
        Fault.SHORT_BODY,
        Fault.HTML_200,
        Fault.FOREIGN_LINK,
    ]
    for kind in kinds:
        account.simulator.faults.at({"path": "clients"}, kind, times=100)
        with pytest.raises(Exception, match=r"\w") as caught:
            account.client().page("clients", "clients")
        seen: BaseException | None = caught.value
        while seen is not None:
            assert TOKEN not in str(seen) + repr(seen) + repr(vars(seen)), kind
            request = getattr(seen, "request", None)
            assert TOKEN not in repr(getattr(request, "headers", "")), f"{kind}: {type(seen)} carries the request"
            seen = seen.__cause__ or seen.__context__
        account.simulator.faults.clear()


def test_an_answer_that_repeats_the_token_gets_it_into_nothing_that_a_command_says_or_writes(tmp_path: Path) -> None:
    # As a process, whose log lines are read too; test_theirs has every command.
    simulator = Simulator(size="tiny", access_token=TOKEN, enforce_limits=False)
    with simulator.serving() as url:
        account = {"BASE_URL": url, "ACCESS_TOKEN": TOKEN, "ACCOUNT_ID": "123456"}
        environment = {f"SOURCES__HARVEST_TIME_TRACKING__{name}": value for name, value in account.items()}

        def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                [sys.executable, "-m", "harvest_warehouse.cli", *arguments],
                cwd=tmp_path,
                env={**os.environ, **environment, "COLUMNS": "1000"},
                capture_output=True,
                timeout=120,
                check=False,
            )

        # Who the token belongs to is told: else nothing further would be asked.
        simulator.faults.at(lambda request: not request.path.endswith("users/me"), Fault.TELLTALE, times=1 << 30)
        done = run("sync", "--debug")
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1
    assert "denied for Bearer ***" in said
    assert TOKEN[8:] not in said
    assert not {sign for sign in said if sign in "\x1b\x07\u202e"}
    assert search(tmp_path) == []
