"""Emulators for as long as the tests run: each from a list of exact packages, in an environment of its own."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from destinations.postgres_server import NoServer, end

HERE = Path(__file__).parent
_PATIENCE_SECONDS = 180


def environment(packages: Path) -> Path:
    """The Python of an environment with these packages, made where it is not there yet.

    Raises:
        NoServer: where the packages cannot be had.
    """
    digest = hashlib.sha256(packages.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"dlt-harvest-{os.getuid()}-{packages.stem}-{digest}"
    python = folder / "bin" / "python"
    uv = shutil.which("uv") or str(HERE.parents[1] / ".uv" / "bin" / "uv")
    with FileLock(f"{folder}.lock"):
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            try:
                _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
                _run(
                    [uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(python), "-r", str(packages)]
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise NoServer(f"no {packages.stem} here: uv could not install it ({error})") from None
            (folder / "ready").touch()
    return python


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS)
    if done.returncode:
        raise subprocess.SubprocessError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no words")


@contextmanager
def serving(command: Sequence[str], port: int, variables: dict[str, str] | None = None) -> Iterator[None]:
    """A program that answers on a port, until the block ends.

    Raises:
        NoServer: where it does not start.
    """
    with tempfile.TemporaryFile() as log:
        program = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(variables or {})})
        try:
            give_up_at = time.monotonic() + _PATIENCE_SECONDS
            while not _answers(port):
                if program.poll() is not None or time.monotonic() > give_up_at:
                    log.seek(0)
                    raise NoServer(f"{Path(command[1]).name} does not start: {_last(log.read())}")
                time.sleep(0.2)
            yield
        finally:
            end(program)


def _last(said: bytes) -> str:
    return (said.decode(errors="replace").strip().splitlines() or ["no words"])[-1]


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
