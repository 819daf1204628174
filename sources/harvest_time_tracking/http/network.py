"""Connection to Harvest: send requests, and read responses within limits on time and size."""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.exceptions import BaseHTTPError  # type: ignore[attr-defined]  # urllib3's, which is not ours to require

from ..errors import ContractViolation, HarvestError, Unreachable
from ..secret import Secret
from ..settings import Settings
from ..words import printable
from .proxy import meaning_of, proxies_for

ANSWER_SECONDS = 300.0
MOST_BYTES = 256 * 2**20

_TIMEOUT_SECONDS = (10.0, 120.0)
# Large enough for a page in one chunk: by default, requests would read it in hundreds.
_PIECE_BYTES = 1 << 24


@dataclass(frozen=True)
class Received:
    """Raw response, complete and decompressed; the keys of `headers` are case-insensitive."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Connection:
    """Connection of one worker to Harvest: one request at a time.

    Args:
        settings: the account.
        monotonic: monotonic clock in seconds.
        answer_seconds: time limit for a response, to its last byte.
        most_bytes: maximum size of a response, decompressed.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        answer_seconds: float = ANSWER_SECONDS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._settings = settings
        self._answer_seconds = answer_seconds
        self._most_bytes = most_bytes
        self._deadline = _Deadline(monotonic)
        self._session = requests.Session()
        self._session.auth = _Token(settings.access_token)
        self._session.headers.update(
            {
                "Harvest-Account-Id": settings.account_id,
                "User-Agent": settings.user_agent,
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            }
        )
        adapter = _Adapter(self._deadline.is_past)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def get(self, url: str) -> Received:
        """Request `url` and return the response, whatever its status.

        Raises:
            Unreachable: there was no response, or it was not complete in time.
            NetworkWrong: a proxy or a certificate is wrong, and no retry helps.
            ContractViolation: the response is too large, or in a content encoding that was not requested.
        """
        self._deadline.set(self._answer_seconds)
        try:
            return self._received(url)
        except HarvestError:
            raise
        except (requests.RequestException, BaseHTTPError, OSError, ValueError, zlib.error) as error:
            failure = meaning_of(error, url, self._settings)
        if self._deadline.is_past():
            failure = Unreachable(
                f"The answer of {self._settings.base_url} took more than {self._answer_seconds:.0f} s."
            )
        # Raised outside of `except`: the original error, chained, would carry the request and with it the token.
        raise failure

    def _received(self, url: str) -> Received:
        response = self._session.get(
            url, timeout=_TIMEOUT_SECONDS, allow_redirects=False, stream=True, proxies=proxies_for(url)
        )
        try:
            body = io.BytesIO()
            for piece in self._unpacked(response, urlsplit(url).path):
                body.write(piece)
                if body.tell() > self._most_bytes:
                    raise ContractViolation(
                        f"The answer at {printable(urlsplit(url).path)} is larger than {self._most_bytes >> 20} MB, and was "
                        "not read to the end: Harvest sends nothing like that."
                    )
        except BaseException:
            response.close()
            raise
        response.raw.release_conn()
        return Received(response.status_code, response.headers, body.getvalue())

    def _unpacked(self, response: requests.Response, path: str) -> Iterator[bytes]:
        packed = response.raw.stream(_PIECE_BYTES, decode_content=False)
        match response.headers.get("Content-Encoding", "identity").strip().lower():
            case "identity" | "":
                return packed
            case "gzip" | "x-gzip":
                return _gunzipped(packed)
            case other:
                raise ContractViolation(
                    f"The answer at {printable(path)} is compressed as {printable(other)}, but gzip was requested."
                )


class _Deadline:
    """Deadline of a response, without a reference to the connection, which would keep its socket open for ever.

    (urllib3's finalizer of a pool refers to the pool's connections, these to their response class, and that to this.)
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._at = float("inf")

    def set(self, seconds: float) -> None:
        """Set the deadline to this many seconds from now."""
        self._at = self._monotonic() + seconds

    def is_past(self) -> bool:
        return self._monotonic() > self._at


def _gunzipped(packed: Iterable[bytes]) -> Iterator[bytes]:
    """Decompress gzip in chunks of bounded size, whatever the compression ratio (gzip bombs).

    Raises:
        zlib.error: the data is not gzip, or is truncated.
    """
    unpacker = None
    for read in packed:
        left = read
        while left:
            unpacker = unpacker or zlib.decompressobj(31)
            piece = unpacker.decompress(left, _PIECE_BYTES)
            yield piece
            left = unpacker.unconsumed_tail
            while len(piece) == _PIECE_BYTES and not left and not unpacker.eof:
                piece = unpacker.decompress(b"", _PIECE_BYTES)
                yield piece
            if unpacker.eof:
                # The format allows several members in a row.
                left, unpacker = unpacker.unused_data, None
    if unpacker is not None:
        raise zlib.error("It ends too early.")


class _Adapter(HTTPAdapter):
    """HTTP adapter that checks the deadline on each read: a socket timeout starts again with every byte."""

    def __init__(self, is_late: Callable[[], bool]) -> None:
        self._is_late = is_late
        super().__init__(pool_connections=1, pool_maxsize=1)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Pool of one connection, whose responses are `_Timed`."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if pool.ConnectionCls.response_class is HTTPResponse:
            response = type("Response", (_Timed,), {"is_late": staticmethod(self._is_late)})
            pool.ConnectionCls = type("Connection", (pool.ConnectionCls,), {"response_class": response})
        return pool


class _Timed(HTTPResponse):
    """HTTP response whose reads, of head and body, fail after the deadline."""

    is_late: Callable[[], bool]

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: Any = io.BufferedReader(_Reads(self.fp.detach(), self.is_late))


class _Reads(io.RawIOBase):
    def __init__(self, socket: io.RawIOBase, is_late: Callable[[], bool]) -> None:
        self._socket = socket
        self._is_late = is_late

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._is_late():
            raise TimeoutError("The answer is late.")
        return self._socket.readinto(buffer)

    def close(self) -> None:
        self._socket.close()
        super().close()


class _Token(AuthBase):
    """Authentication that adds the token to a request; a session header would be overridden by a .netrc file."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request
