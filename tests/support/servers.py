"""Servers with prepared responses, and a client with a virtual clock."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harvest_time_tracking import Client, Secret, Settings

TOKEN = "1234567.pt.A-b_c~d+e/f=="


NOW = datetime(2026, 3, 16, 9, tzinfo=UTC)


@dataclass(frozen=True)
class Said:
    """Prepared response."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """Server that sends prepared responses in order, the last one repeatedly, and logs requests."""

    url: str
    answers: list[Said]
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


@contextmanager
def serving(*answers: Said) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Without these, a response waits 40 ms for the client's delayed acknowledgement.
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            server.asked.append((self.path, dict(self.headers.items())))
            said = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
            self.send_response_only(said.status)
            usual = {"Content-Length": str(len(said.body)), "Date": format_datetime(NOW, usegmt=True)}
            for name, value in {**usual, **said.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said.body)
            self.wfile.flush()

        def log_message(self, *args: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server = Server(f"http://127.0.0.1:{httpd.server_address[1]}/v2", list(answers) or [Said()])
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class Waits(list[float]):
    """Log of all sleeps, which advance its virtual clock."""

    def sleep(self, seconds: float) -> None:
        self.append(round(seconds, 6))

    def monotonic(self) -> float:
        return float(sum(self))


def client_of(url: str, waits: Waits | None = None, token: str = TOKEN, **settings: Any) -> Client:
    waits = Waits() if waits is None else waits
    return Client(
        Settings(Secret(token), "123456", url, **settings),
        sleep=waits.sleep,
        monotonic=waits.monotonic,
        now=lambda: NOW,
    )


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def proxy(status: int = 502) -> Iterator[Server]:
    """Proxy that logs requests and responds with the given status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append((self.path, dict(self.headers.items())))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_CONNECT = do_GET  # noqa: N815

        def log_message(self, *args: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{httpd.server_address[1]}", [])
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()
