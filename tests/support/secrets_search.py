"""A unique token, and a search for it in everything that a run leaves behind."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow.parquet as pq

# Long and unique: any twelve consecutive characters of it count as a leak.
TOKEN = "7654321.pt.Zq8vWk3xNf6yRb1uTc9mHd4sLg7jPa2eQo5i"


def search(folder: Path) -> list[str]:
    """Files that contain the token; compressed ones are decompressed."""
    found = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        held = path.read_bytes()
        if held[:2] == b"\x1f\x8b":
            held = gzip.decompress(held)
        elif held[:4] == b"PAR1":
            held += repr(pq.read_table(path).to_pylist()).encode()
        if TOKEN.encode() in held or TOKEN.encode("utf-16-le") in held:
            found.append(str(path.relative_to(folder)))
    return found
