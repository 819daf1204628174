"""The way to Harvest: answers that never end or burst, proxies and certificates in between."""

from __future__ import annotations

import gzip
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from harvest_simulator import Fault, Simulator
from harvest_time_tracking import Client, HarvestError, Secret, Settings, SettingWrong
from harvest_time_tracking.errors import ContractViolation, NetworkWrong, Unreachable
from harvest_time_tracking.http import network as network_module
from harvest_time_tracking.http.network import Connection, Received
from harvest_time_tracking.http.proxy import route_to
from support.accounts import Account
from support.servers import TOKEN, Said, Server, Waits, client_of, proxy, serving

OpenAccount = Callable[..., Account]
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def straight(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no certificates but those that a test names."""
    for name in (*PROXIES, *BUNDLES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def asked_of(url: str, **bounds: Any) -> Received:
    return Connection(Settings(Secret(TOKEN), "123456", url), **bounds).get(f"{url}/clients")


# Answers without an end


@pytest.mark.parametrize("kind", [Fault.TRICKLE, Fault.TRICKLING_HEAD])
def test_an_answer_that_trickles_is_given_up_after_five_minutes_and_asked_for_again(kind: Fault) -> None:
    simulator = Simulator(size="tiny")
    simulator.faults.at({"path": "clients"}, kind, times=2)
    waits = Waits()
    with simulator.serving() as url:
        account = Settings(Secret(simulator.access_token), simulator.account_id, url)
        clock = simulator.clock.monotonic
        client = Client(
            account, sleep=waits.sleep, monotonic=waits.monotonic, now=simulator.clock.now, answer_clock=clock
        )
        page = client.page("clients", "clients")
    assert len(page.records) == len(simulator.truth()["clients"])
    assert waits == [1.0, 2.0]
    # Each byte took a second of the clock, and the server would have gone on for 400.
    assert 600 <= simulator.clock.monotonic() <= 800


def test_an_answer_that_always_trickles_ends_in_words() -> None:
    simulator = Simulator(size="tiny")
    simulator.faults.at({"path": "clients"}, Fault.TRICKLE, times=100)
    with simulator.serving() as url:
        account = Settings(Secret(simulator.access_token), simulator.account_id, url)
        client = Client(
            account, sleep=Waits().sleep, tries=2, answer_clock=simulator.clock.monotonic, answer_seconds=30
        )
        with pytest.raises(Unreachable, match=r"took more than 30 s\. Given up after 2 tries"):
            client.page("clients", "clients")


def test_a_slow_and_steady_answer_is_read() -> None:
    seconds = iter(range(299))
    with serving(Said(body=b'{"clients":[]}')) as server:
        assert asked_of(server.url, monotonic=lambda: float(next(seconds))).body == b'{"clients":[]}'


def test_a_client_that_is_closed_hangs_up() -> None:
    with serving(Said(body=b'{"clients":[]}')) as server:
        before = set(threading.enumerate())
        client = client_of(server.url)
        client.page("clients", "clients")
        # Our worker, and the server's for the connection, which waits for what is asked next.
        threads = set(threading.enumerate()) - before
        client.close()
        for thread in threads:
            thread.join(10)
    assert [thread.is_alive() for thread in threads] == [False, False]


@contextmanager
def memory_of(most_mb: float) -> Iterator[None]:
    """That what runs within holds so much at most."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most_mb * 2**20
    finally:
        tracemalloc.stop()


def test_a_bomb_of_gzip_is_refused_before_it_takes_the_memory(open_account: OpenAccount) -> None:
    account = open_account()
    account.simulator.faults.at({"path": "clients"}, Fault.GZIP_BOMB, times=100)
    with memory_of(450), pytest.raises(ContractViolation, match=r"/v2/clients is larger than 256 MB"):
        account.client().page("clients", "clients")
    assert len(account.simulator.requests) == 1, "it would be the same again"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b" " * 3_000_000, {}),
        (gzip.compress(b" " * 3_000_000), {"Content-Encoding": "gzip"}),
        (b"2dc6c0\r\n" + b" " * 3_000_000 + b"\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked", "Connection": "close"}),
    ],
    ids=["plain", "gzip", "chunked"],
)
def test_an_answer_may_be_as_large_as_it_may_be_and_no_byte_larger(body: bytes, headers: dict[str, str]) -> None:
    with serving(Said(body=body, headers=headers)) as server:
        assert len(asked_of(server.url, most_bytes=3_000_000).body) == 3_000_000
        with pytest.raises(ContractViolation, match="larger than"):
            asked_of(server.url, most_bytes=2_999_999)


def test_an_answer_that_is_packed_twice_or_as_nobody_asked_is_not_unpacked() -> None:
    bomb = gzip.compress(gzip.compress(b" " * 10_000_000))
    for encoding in ("gzip, gzip", "br", "zstd", "deflate", "\x1b[2J"):
        with serving(Said(body=bomb, headers={"Content-Encoding": encoding})) as server, memory_of(8):
            with pytest.raises(ContractViolation, match="compressed as") as caught:
                asked_of(server.url)
            assert str(caught.value).isprintable()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=4), st.integers(1, 9), st.integers(1, 30))
def test_gzip_is_unpacked_whatever_the_pieces(members: list[bytes], at_once: int, most: int) -> None:
    packed = b"".join(map(gzip.compress, members))
    pieces = [packed[start : start + at_once] for start in range(0, len(packed), at_once)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_module, "_PIECE_BYTES", most)
        found = list(network_module._gunzipped(pieces))
    assert b"".join(found) == b"".join(members)
    assert max(map(len, found), default=0) <= most


def test_gzip_that_ends_too_early_is_broken() -> None:
    packed = gzip.compress(bytes(range(256)) * 100)
    for cut in (5, len(packed) // 2, len(packed) - 1):
        with pytest.raises(zlib.error):
            list(network_module._gunzipped([packed[:cut]]))


def test_a_million_tiny_chunks_take_no_more_memory_than_their_bytes() -> None:
    chunks = b"2\r\nxy\r\n" * 400_000 + b"0\r\n\r\n"
    said = Said(body=chunks, headers={"Transfer-Encoding": "chunked", "Connection": "close"})
    with serving(said) as server, memory_of(6):
        assert len(asked_of(server.url).body) == 800_000


# Proxies


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1.2.3"])
def test_what_is_for_this_machine_goes_through_no_proxy(
    variable: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy() as between, serving() as server:
        monkeypatch.setenv(variable, between.url)
        url = server.url.replace("127.0.0.1", host)
        if host == "127.1.2.3":
            # All of 127.0.0.0/8 is this machine, but nobody has to listen on all of it.
            assert route_to(url).proxy is None
            assert Settings(Secret(TOKEN), "123456", url).base_url == url
            return
        assert asked_of(url).status == 200
        assert between.asked == []
        assert server.asked[0][1]["Authorization"] == f"Bearer {TOKEN}"


def test_through_a_proxy_the_token_goes_only_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(407) as between:
        for name in PROXIES[:3]:
            monkeypatch.setenv(name, between.url)
        with pytest.raises(NetworkWrong):
            asked_of("https://api.harvestapp.com/v2")
        assert [path for path, _ in between.asked] == ["api.harvestapp.com:443"]
        assert TOKEN not in repr(between.asked)


def failing(url: str, waits: Waits) -> HarvestError:
    with pytest.raises(HarvestError) as caught:
        client_of(url, waits).page("clients", "clients")
    seen: BaseException | None = caught.value
    while seen is not None:
        assert TOKEN not in str(seen) + repr(vars(seen))
        assert "hunter2" not in str(seen) + repr(vars(seen))
        seen = seen.__cause__ or seen.__context__
    return caught.value


HARVEST = "https://harvest.invalid/v2"


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http://a b",
        "proxy:port",
        "http://bi:hunter2@proxy.example:99999",
        "://hunter2@x",
        "ftp://bi:hunter2@proxy.example",
        "http://[bad",
        "http://a..b:80",
        " ",
        "http:127.0.0.1",
        "socks5h://bi:hun@ter2hunter2@127.0.0.1:1",
    ],
)
def test_a_proxy_that_is_none_is_said_at_once_with_its_variable(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    waits = Waits()
    error = failing(HARVEST, waits)
    assert type(error) is NetworkWrong
    assert "HTTPS_PROXY" in str(error)
    assert ("PySocks" in str(error)) == address.startswith("socks")
    assert waits == []


@pytest.mark.parametrize(("status", "words"), [(407, "a user and a password"), (403, "it answers 403")])
def test_a_proxy_that_refuses_is_said_at_once(status: int, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits()
    with proxy(status) as between:
        monkeypatch.setenv("HTTPS_PROXY", between.url.replace("//", "//bi:hun@ter2hunter2@"))
        error = failing(HARVEST, waits)
        assert len(between.asked) == 1
    assert type(error) is NetworkWrong
    assert words in str(error)
    assert between.url in str(error)
    assert waits == []


def test_a_proxy_that_fails_is_tried_again_and_one_that_is_not_there_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits()
    with proxy(503) as between:
        monkeypatch.setenv("HTTPS_PROXY", between.url)
        assert "answers 503. Given up after 8 tries" in str(failing(HARVEST, waits))
    assert waits == [1, 2, 4, 8, 16, 30, 30]
    waits = Waits()
    assert "cannot be reached. Given up after 3 tries" in str(failing(HARVEST, waits))
    assert waits == [1, 2]


def test_an_https_proxy_that_speaks_http_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = Waits()
    with proxy() as between:
        monkeypatch.setenv("HTTPS_PROXY", between.url.replace("http:", "https:"))
        error = failing(HARVEST, waits)
    assert type(error) is NetworkWrong
    assert waits == []


def test_a_name_that_nobody_knows_is_tried_briefly() -> None:
    waits = Waits()
    error = failing(HARVEST, waits)
    assert "harvest.invalid" in str(error)
    assert "base_url" in str(error)
    assert "Given up after 3 tries" in str(error)
    assert waits == [1, 2]


# Certificates


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate, signed by nobody else, of 127.0.0.1 under another name."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )
    signed = builder.sign(key, hashes.SHA256())
    file = tmp_path_factory.mktemp("certificate") / "both.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return file


@contextmanager
def encrypted(server: Server, certificate: Path) -> Iterator[str]:
    """A server that speaks https; gives its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    httpd.handle_error = lambda *_: None  # type: ignore[method-assign]
    httpd.socket = context.wrap_socket(httpd.socket, server_side=True)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{httpd.server_address[1]}/v2"
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


@pytest.mark.parametrize("bundle", ["", "/nowhere.pem", "garbage.pem"])
def test_a_certificate_that_cannot_be_trusted_is_said_at_once_with_the_variable(
    bundle: str, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if bundle:
        (tmp_path / "garbage.pem").write_text("garbage")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", bundle if bundle.startswith("/") else str(tmp_path / bundle))
    waits = Waits()
    with serving() as server, encrypted(server, certificate) as url:
        error = failing(url, waits)
    assert type(error) is NetworkWrong
    assert "REQUESTS_CA_BUNDLE" in str(error)
    assert bundle in str(error)
    assert waits == []


def test_http_where_https_is_asked_for_is_said_at_once() -> None:
    waits = Waits()
    with serving() as server:
        error = failing(server.url.replace("http:", "https:"), waits)
    assert type(error) is NetworkWrong
    assert "base_url" in str(error)
    assert waits == []


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "https://a..b",
        "https://a..b/v2",
        "https://.harvestapp.com/v2",
        f"https://{'a' * 64}.example/v2",
        "https://[bad/v2",
        "https://api.harvestapp.com:99999/v2",
        "https://api.harvestapp.com:port/v2",
        "https://api.harvestapp.com /v2",
        "https://api.harvestapp.com\\@elsewhere.example/v2",
        "https://api.harvestapp.com/v2\x1b[2J",
        "https://bi:hunter2@api.harvestapp.com/v2",
        "https://bi:hun@ter2@hunter2@api.harvestapp.com/v2",
        "https://bi:hunter2@[bad",
        "https//bi:hunter2@api.harvestapp.com/v2",
        "http://bi:hunter2@api.harvestapp.com/v2",
        "http://128.0.0.1/v2",
        "http://127.0.0.1.example/v2",
    ],
)
def test_a_base_address_that_cannot_work_is_refused_before_anything_is_asked(address: str) -> None:
    with pytest.raises(SettingWrong, match="base_url") as caught:
        Settings(Secret(TOKEN), "123456", address)
    for secret in ("hunter2", "ter2"):
        assert secret not in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_token_in_the_place_of_the_account_is_not_repeated() -> None:
    with pytest.raises(SettingWrong, match="account_id") as caught:
        Settings(Secret("123456"), TOKEN)
    assert TOKEN not in str(caught.value)


def test_the_way_to_harvest_is_told_without_the_proxys_password(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://api.harvestapp.com/v2"
    assert str(route_to(url)).startswith("api.harvestapp.com without a proxy, certificates from ")
    assert "certifi" in str(route_to(url))
    monkeypatch.setenv("https_proxy", "http://bi:hun@ter2@proxy.example:8080")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/company.pem")
    assert str(route_to(url)) == (
        "api.harvestapp.com through the proxy http://proxy.example:8080 (https_proxy), certificates from "
        "/etc/company.pem (REQUESTS_CA_BUNDLE)"
    )
    assert str(route_to("http://127.0.0.1:1/v2")) == "127.0.0.1 without a proxy"
    monkeypatch.setenv("NO_PROXY", "harvestapp.com")
    assert route_to(url).proxy is None
