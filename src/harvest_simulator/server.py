"""HTTP server on loopback, which sends responses and delivers faults. A `Service` decides on the responses."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

import orjson

from harvest_simulator.clock import Clock
from harvest_simulator.faults.faults import Fault
from harvest_simulator.faults.malice import TRICKLE_SECONDS, dated, gzip_bomb, trickles_after
from harvest_simulator.http.responses import Answer


@dataclass(frozen=True, slots=True)
class Asked:
    """Received request; `host` is the Host header, so that links lead back to the same server."""

    method: str
    host: str
    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@dataclass(slots=True)
class Reply:
    """Response to send, with the fault that affects its delivery, if any."""

    answer: Answer
    fault: Fault | None = None


class Service(Protocol):
    """Interface of whatever answers the server's requests."""

    clock: Clock

    def reply(self, asked: Asked) -> Reply:
        """Answer one request."""


class Server(ThreadingHTTPServer):
    """HTTP server with one thread per connection; connections are kept alive."""

    daemon_threads = True
    # A client that reads windows in parallel opens many connections at once.
    request_queue_size = 128

    def __init__(self, service: Service, port: int) -> None:
        super().__init__(("127.0.0.1", port), _handler_for(service))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of clients that hang up."""


@contextmanager
def served(service: Service, port: int = 0) -> Iterator[str]:
    """Serve on loopback and yield the base URL, http://127.0.0.1:PORT/v2."""
    server = Server(service, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v2"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _body_of(reply: Reply) -> tuple[bytes, int]:
    """Body of a response in bytes, and its `Content-Length`, which a fault may make wrong."""
    answer = reply.answer
    body = answer.text.encode() if answer.text is not None else orjson.dumps(answer.data)
    if reply.fault is Fault.TRUNCATED_JSON:
        body = body[: len(body) * 2 // 3]
    if reply.fault is Fault.GZIP_BOMB:
        body = gzip_bomb()
        answer.headers["Content-Encoding"] = "gzip"
    return body, len(body) + (1_000 if reply.fault is Fault.SHORT_BODY else 0)


def _handler_for(service: Service) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Otherwise responses on kept-alive connections wait for the client's delayed acknowledgement.
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = Asked(
                method=self.command,
                host=self.headers.get("Host", "127.0.0.1"),
                target=self.path,
                path=parts.path,
                query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                headers=dict(self.headers.items()),
                body=self._body(),
            )
            self._deliver(service.reply(asked))

        # Names that http.server looks up. The simulator is changed through its store, so other methods are refused.
        do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815

        def _body(self) -> bytes:
            length = int(self.headers.get("Content-Length") or 0)
            return self.rfile.read(length) if length else b""

        def _deliver(self, reply: Reply) -> None:
            answer = reply.answer
            if reply.fault is Fault.RESET:
                self._reset()
                return
            body, length = _body_of(reply)
            self.close_connection |= length != len(body)
            lines = [
                f"HTTP/1.1 {answer.status} {self.responses.get(answer.status, ('', ''))[0]}",
                "Server: nginx",
                f"Date: {dated(reply.fault, service.clock.now())}",
                f"Content-Type: {answer.content_type}",
                f"Content-Length: {length}",
                f"Connection: {'close' if self.close_connection else 'keep-alive'}",
                *(f"{name}: {value}" for name, value in answer.headers.items()),
            ]
            head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
            at_once = trickles_after(reply.fault, head)
            self.close_connection |= at_once is not None
            self.wfile.write(head if self.command == "HEAD" else (head + body)[:at_once])
            self.wfile.flush()
            for byte in () if at_once is None else (head + body)[at_once : at_once + TRICKLE_SECONDS]:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                service.clock.sleep(1)
            # Wait until the client hangs up.
            self.rfile.read(0 if at_once is None else 1)

        def _reset(self) -> None:
            """Reset the connection: closing with a linger of zero sends RST instead of FIN."""
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's own name)
            """Print nothing: requests are logged in `Simulator.requests`."""

    return Handler
