"""Sessions with the real MCP server: over pipes and over HTTP, with the SDK's own client."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

TOOLS = ["overview", "find", "metric", "question", "sql", "explain", "describe", "trust"]
PYTHON = [sys.executable, "-m", "harvest_warehouse.cli"]


def environment(folder: Path) -> dict[str, str]:
    """A client's environment: little of the machine's own."""
    return {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")},
        "DLT_DATA_DIR": str(folder / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }


def spoken(client: Any, with_it: Callable[[Client], Awaitable[None]], mode: str = "auto") -> None:
    """Hold a session with a server, or with what connects to one; the mode says which of the protocol's forms."""

    async def main() -> None:
        async with Client(client, mode=mode) as session:
            await with_it(session)

    anyio.run(main)


def piped(folder: Path, log: Any = None, *, options: tuple[str, ...] = (), **more: str) -> Any:
    """The server of a folder, started by its client, with more of an environment."""
    # Started elsewhere: a client chooses its own folder.
    parameters = StdioServerParameters(
        command=PYTHON[0],
        args=[*PYTHON[1:], "mcp", "--folder", str(folder), *options],
        env={**environment(folder), **more},
        cwd="/",
    )
    return stdio_client(parameters, errlog=log) if log else stdio_client(parameters)


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, str]]:
    """The server of a folder on HTTP: its address and its token."""
    process = subprocess.Popen(
        [*PYTHON, "mcp", "--folder", str(folder), "--http", "0"],
        env=environment(folder),
        cwd="/",
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        said = process.stderr.readline() + process.stderr.readline()
        found = re.search(r"(http://127\.0\.0\.1:\d+/mcp)\s+Authorization: Bearer (\S+)", said)
        assert found, said
        yield found[1], found[2]
    finally:
        process.terminate()
        process.communicate(timeout=20)


def connected(url: str, token: str) -> Any:
    """A client's connection to a server on HTTP."""
    opened = httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60)
    return streamable_http_client(url, http_client=opened)


async def told(client: Client, tool: str, **arguments: Any) -> tuple[bool, str]:
    """Whether a call failed, and everything that it answered."""
    result = await client.call_tool(tool, arguments)
    return bool(result.is_error), result.model_dump_json()
