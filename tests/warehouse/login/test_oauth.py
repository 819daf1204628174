"""OAuth with an app of one's own: the login through the browser, tokens that are renewed, and what is kept and shown of them."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import duckdb
import pytest
import requests

from harvest_simulator.http.identity import Identity
from harvest_time_tracking import STREAMS, Ledger, Secret, SettingWrong
from harvest_warehouse.doctor.accounts import configured_accounts
from harvest_warehouse.load import LoadFailed, load
from harvest_warehouse.login import App, LoginEnded, Tokens, configured_token, sign_in
from harvest_warehouse.warehouse import DATASET, Target
from support.accounts import Account
from support.consoles import run

SECTION = "SOURCES__HARVEST_TIME_TRACKING__"
SECRETS = Path(".dlt") / "secrets.toml"
WHOLE = ("code-0-kTz5Lm2v", "rt.hB8xWc4nYp6JdR2s", "at.vN3qZk9fGu7TeX1m", "simulated-app-secret-wQ7r")
FIFTEEN_DAYS = 15 * 86_400


@pytest.fixture
def account(open_account: Callable[..., Account], monkeypatch: pytest.MonkeyPatch) -> Account:
    made = open_account()
    made.simulator.enforce_limits = False
    monkeypatch.setenv(f"{SECTION}BASE_URL", made.url)
    monkeypatch.setenv(f"{SECTION}ACCOUNT_ID", made.simulator.account_id)
    return made


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    return number


def app_at(account: Account, port: int, secret: str | None = None) -> App:
    identity = account.simulator.identity
    identity.redirect_uri = f"http://127.0.0.1:{port}/callback"
    return App(identity.client_id, Secret(secret or identity.client_secret), account.url.removesuffix("/v2"))


def browse(url: str) -> None:
    """What a browser does: it follows the redirect, and the script on a page that takes the fragment to the query."""
    target = requests.get(url, allow_redirects=False, headers={"User-Agent": "browser"}, timeout=10).headers["Location"]
    page = requests.get(target.partition("#")[0], timeout=10)
    fragment = urlsplit(target).fragment
    if fragment:
        assert "location.replace(location.pathname + '?' + location.hash.slice(1))" in page.text
        requests.get(f"{target.partition('#')[0]}?{fragment}", timeout=10)


def signed_in(app: App, port: int, act: Callable[[str], object] = browse) -> Tokens:
    threads = []

    def open_page(url: str) -> None:
        threads.append(threading.Thread(target=act, args=(url,)))
        threads[0].start()

    try:
        return sign_in(app, open_page, port, seconds=20)
    finally:
        for thread in threads:
            thread.join()


def configure(account: Account, patch: pytest.MonkeyPatch) -> Identity:
    """A login that was made, in the environment."""
    identity = account.simulator.identity
    given = identity.token(
        {
            "client_id": identity.client_id,
            "client_secret": identity.client_secret,
            "grant_type": "authorization_code",
            "code": dict(parse_qsl(urlsplit(_location(identity)).query))["code"],
        }
    )
    for name, value in {
        "OAUTH_CLIENT_ID": identity.client_id,
        "OAUTH_CLIENT_SECRET": identity.client_secret,
        "OAUTH_REFRESH_TOKEN": given.data["refresh_token"],
        "REQUESTS_PER_15_S": "0",
        "REPORT_REQUESTS_PER_15_MIN": "0",
    }.items():
        patch.setenv(f"{SECTION}{name}", value)
    return identity


def _location(identity: Identity) -> str:
    return identity.authorize({"client_id": identity.client_id, "response_type": "code"}).headers["Location"]


@pytest.mark.parametrize("uses_fragment", [False, True], ids=["query", "fragment"])
def test_a_login_ends_with_tokens_wherever_the_code_comes(account: Account, port: int, uses_fragment: bool) -> None:
    app = app_at(account, port)
    account.simulator.identity.uses_fragment = uses_fragment
    tokens = signed_in(app, port)
    assert account.simulator.identity.accepts(tokens.access.reveal())
    assert tokens.refresh


def test_a_code_without_the_state_of_this_login_is_not_taken(account: Account, port: int) -> None:
    app = app_at(account, port)
    answers = []

    def attack_then_browse(url: str) -> None:
        there = f"http://127.0.0.1:{port}/callback"
        queries = ("?code=stolen&state=", "?code=stolen", "?code=stolen&state=guessed", "?error=access_denied")
        asked = [*(f"{there}{query}" for query in queries), f"http://127.0.0.1:{port}/favicon.ico"]
        answers.extend(requests.get(one, timeout=10).status_code for one in asked)
        browse(url)

    assert signed_in(app, port, attack_then_browse).refresh
    assert answers == [400, 400, 400, 400, 404]


@pytest.mark.parametrize(
    ("secret", "refuses", "said"),
    [("another-verysecret", False, "does not know this app"), (None, True, "gave no access: access_denied")],
)
def test_a_login_that_harvest_or_the_person_refuses_is_told(
    account: Account, port: int, secret: str | None, refuses: bool, said: str
) -> None:
    account.simulator.identity.refuses = refuses
    with pytest.raises(SettingWrong, match=said) as caught:
        signed_in(app_at(account, port, secret), port)
    assert "verysecret" not in str(caught.value)


def test_a_port_in_use_and_nobody_at_the_browser_are_told(account: Account, port: int) -> None:
    app = app_at(account, port)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(SettingWrong, match=rf"Port {port} of this machine cannot be used .*--port {port + 1}"):
            sign_in(app, browse, port)
    with pytest.raises(SettingWrong, match="Nobody signed in"):
        sign_in(app, lambda url: None, port, seconds=0)


@pytest.mark.nightly
def test_the_command_keeps_what_later_runs_need_where_only_its_owner_reads_it(
    account: Account, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = account.simulator.identity
    app_at(account, port)
    monkeypatch.delenv(f"{SECTION}ACCOUNT_ID")
    (tmp_path / "browser.py").write_text(
        "import sys, requests\n"
        "page = requests.get(sys.argv[1], allow_redirects=False, headers={'User-Agent': 'browser'}, timeout=10)\n"
        "requests.get(page.headers['Location'], timeout=10)\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("BROWSER", f"{sys.executable} {tmp_path / 'browser.py'} %s &")
    command = [sys.executable, "-m", "harvest_warehouse.cli"]
    typed = f"{identity.client_id}\n{identity.client_secret}\n"
    done = subprocess.run(
        [*command, "login", "--oauth", "--port", str(port)],
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Signed in to account 123456" in done.stdout
    assert not any(secret in done.stdout + done.stderr for secret in WHOLE)
    written = tomllib.loads(SECRETS.read_text(encoding="utf-8"))["sources"]["harvest_time_tracking"]
    assert set(written) == {"oauth_client_id", "oauth_client_secret", "oauth_refresh_token", "account_id"}
    assert SECRETS.stat().st_mode & 0o777 == 0o600
    # Each later run gets a token of its own, and keeps the refresh token that comes back with it.
    identity.rotates = True
    for _ in range(2):
        loaded = subprocess.run([*command, "load", "clients"], capture_output=True, text=True, timeout=60, check=False)
        assert loaded.returncode == 0, loaded.stderr
        now = tomllib.loads(SECRETS.read_text(encoding="utf-8"))["sources"]["harvest_time_tracking"]
        assert now.pop("oauth_refresh_token") != written.pop("oauth_refresh_token", None)
        assert now == written
        assert SECRETS.stat().st_mode & 0o777 == 0o600
        written = tomllib.loads(SECRETS.read_text(encoding="utf-8"))["sources"]["harvest_time_tracking"]
    assert subprocess.run([*command, "secrets", "status"], capture_output=True, timeout=60, check=False).returncode == 0
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != "secrets.toml":
            assert not any(secret.encode() in path.read_bytes() for secret in WHOLE), path


def test_a_load_goes_on_when_its_token_expires_in_the_middle(
    account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    identity = configure(account, monkeypatch)
    [settings] = configured_accounts().settings
    given = identity.issued
    account.simulator.faults.between_pages("/v2/clients", lambda: account.simulator.clock.sleep(FIFTEEN_DAYS))
    ledger = Ledger()
    report = load(Target(tmp_path), settings, ["clients", "projects", "invoice_payments"], ledger=ledger)
    assert identity.issued == given + 1
    assert [outcome.outcome for outcome in report.streams] == ["complete"] * 3
    assert any(request.status == 401 for request in account.simulator.requests)
    with duckdb.connect(str(Target(tmp_path).file)) as connection:
        [(rows,)] = connection.execute(f"select count(*) from {DATASET}.{STREAMS['projects'].table_name}").fetchall()
    assert rows == len(account.simulator.store.projects)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert not any(secret.encode() in path.read_bytes() for secret in WHOLE), path


def test_an_access_that_was_revoked_is_told_with_what_to_do(
    account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    identity = configure(account, monkeypatch)
    [settings] = configured_accounts().settings
    identity.revoke()
    with pytest.raises(LoadFailed, match=r"invalid_grant.*dlt-harvest login --oauth") as caught:
        load(Target(tmp_path), settings, ["clients"])
    assert not any(secret in repr(caught.value) for secret in WHOLE)
    with pytest.raises(LoginEnded):
        configured_token()
    done = run("load", "clients", "--debug")
    assert done.code == 1
    assert b"Sign in again: dlt-harvest login --oauth" in done.err
    assert not any(secret.encode() in done.out + done.err for secret in WHOLE)


def test_a_token_that_is_refused_though_new_ends_the_run_at_once(
    account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    identity = configure(account, monkeypatch)
    identity.requires_google = True
    [settings] = configured_accounts().settings
    given = identity.issued
    with pytest.raises(LoadFailed, match="401"):
        load(Target(tmp_path), settings, ["clients"])
    assert identity.issued <= given + 1
    done = run("doctor")
    assert done.code == 1
    assert b"https://id.getharvest.com/accounts/123456/google" in done.out


def test_a_new_refresh_token_that_cannot_be_kept_is_told_once(
    account: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    identity = configure(account, monkeypatch)
    identity.rotates = True
    logging.getLogger("dlt").addHandler(caplog.handler)
    try:
        token = configured_token()
        assert token
        assert token.renew(token.generation)
    finally:
        logging.getLogger("dlt").removeHandler(caplog.handler)
    assert identity.accepts(token.reveal())
    said = [record.getMessage() for record in caplog.records if "new refresh token" in record.getMessage()]
    assert len(said) == 1
    assert f"the variable {SECTION}OAUTH_REFRESH_TOKEN" in said[0]
    assert not any(secret in said[0] for secret in WHOLE)


def test_a_refresh_token_without_its_app_is_an_error(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{SECTION}OAUTH_REFRESH_TOKEN", "1.rt.verysecret")
    done = run("load", "clients")
    assert done.code == 2
    assert b"oauth_client_id or oauth_client_secret is missing" in done.err
    assert account.simulator.requests == []


def test_no_secret_is_sent_to_another_host(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(account, monkeypatch)
    monkeypatch.setenv(f"{SECTION}BASE_URL", "https://gateway.example/v2")
    with pytest.raises(SettingWrong, match="not Harvest's own"):
        configured_token()
