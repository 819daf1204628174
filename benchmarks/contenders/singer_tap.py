"""tap-harvest, the Singer tap, with its records to a file. Run by the Python it is installed for.

Reads the time entries, or `all` streams.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from redirected import redirect


def main(asked: str = "time_entries") -> None:
    """Discover, choose what is asked for, read it."""
    redirect()
    import tap_harvest  # noqa: PLC0415 (after the redirection)

    token = os.environ["BENCHMARK_TOKEN"]
    Path("config.json").write_text(
        json.dumps(
            {
                "client_id": "x",
                "client_secret": "x",
                "refresh_token": token,
                "access_token": token,
                "account_id": os.environ["BENCHMARK_ACCOUNT"],
                "start_date": "2000-01-01T00:00:00Z",
                "user_agent": "benchmark",
            }
        )
    )
    with Path("catalog.json").open("w") as file:
        told(["tap-harvest", "--config", "config.json", "--discover"], file.fileno(), tap_harvest.main)
    catalog = json.loads(Path("catalog.json").read_text())
    for stream in catalog["streams"]:
        if asked in ("all", stream["tap_stream_id"]):
            for entry in stream["metadata"]:
                if not entry["breadcrumb"]:
                    entry["metadata"]["selected"] = True
    Path("catalog.json").write_text(json.dumps(catalog))
    with Path("records.jsonl").open("w") as file:
        told(["tap-harvest", "--config", "config.json", "--catalog", "catalog.json"], file.fileno(), tap_harvest.main)


def told(arguments: list[str], to: int, act: object) -> None:
    """Run `act` with these arguments and its standard output in a file."""
    sys.argv = arguments
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(to, 1)
    try:
        act()  # type: ignore[operator]
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
