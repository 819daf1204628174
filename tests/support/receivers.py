"""Receivers of messages: a webhook that counts what it gets, and a mail server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET_PATH = "/services/T0/B0/verysecret"


@dataclass
class Received:
    """What came: paths, bodies and headers, in order.

    Attributes:
        url: address of the receiver, whose path is a secret.
        root: address without the path.
    """

    root: str
    paths: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.root}{SECRET_PATH}"


@contextmanager
def hook(status: int = 200, *, is_silent: bool = False) -> Iterator[Received]:
    """Receiver of POST requests: answers with a status, or takes the message and never answers."""
    ended, lock = threading.Event(), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            with lock:
                received.paths.append(self.path)
                received.headers.append(dict(self.headers.items()))
                received.bodies.append(body)
            if is_silent:
                ended.wait(60)
                return
            body = received.answers.get(self.path, b"OK")
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/login")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            """A page that asks to log in."""
            received.paths.append(f"GET {self.path}")
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    received = Received(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield received
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


@dataclass
class Post:
    """Mail server: its port, and the messages it took."""

    port: int
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)


@contextmanager
def mail_server(*, refuses: str = "", is_silent: bool = False) -> Iterator[Post]:
    """SMTP server without TLS (https://www.rfc-editor.org/rfc/rfc5321).

    Args:
        refuses: recipient that it refuses.
        is_silent: whether it takes connections and says nothing.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    post, ended = Post(listener.getsockname()[1]), threading.Event()

    def talk(connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            if is_silent:
                ended.wait(60)
            else:
                _talk(connection, lines, post, refuses)

    def accept() -> None:
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield post
    finally:
        ended.set()
        listener.close()


def _talk(connection: socket.socket, lines: Any, post: Post, refuses: str) -> None:
    def say(words: str) -> None:
        connection.sendall(f"{words}\r\n".encode())

    say("220 mail.example")
    for line in lines:
        verb = line[:4].upper()
        if verb == b"RCPT":
            address = line.decode().partition("<")[2].partition(">")[0]
            if address == refuses:
                say("550 no such mailbox, password verysecret")
                continue
            post.recipients.append(address)
        if verb == b"DATA":
            say("354 go on")
            post.messages.append(_message(lines))
        say("221 bye" if verb == b"QUIT" else "250 mail.example")
        if verb == b"QUIT":
            return


def _message(lines: Any) -> EmailMessage:
    body = b""
    for line in lines:
        if line == b".\r\n":
            break
        body += line.removeprefix(b".") if line.startswith(b"..") else line
    return message_from_bytes(body, policy=policy.default)  # type: ignore[return-value]
