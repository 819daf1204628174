"""Airbyte's Harvest connector, with its records to a file. Run by the Python it is installed for (3.10)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from redirected import redirect
from singer_tap import told


def main() -> None:
    """Discover, choose everything, read it."""
    redirect()
    from source_harvest.run import run  # noqa: PLC0415 (after the redirection)

    Path("config.json").write_text(
        json.dumps(
            {
                "account_id": os.environ["BENCHMARK_ACCOUNT"],
                "replication_start_date": "2025-01-01T00:00:00Z",
                "credentials": {"auth_type": "Token", "api_token": os.environ["BENCHMARK_TOKEN"]},
            }
        )
    )
    with Path("discovered.jsonl").open("w") as file:
        told(["source-harvest", "discover", "--config", "config.json"], file.fileno(), run)
    messages = map(json.loads, Path("discovered.jsonl").read_text().splitlines())
    [streams] = [message["catalog"]["streams"] for message in messages if message["type"] == "CATALOG"]
    modes = {"sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
    Path("catalog.json").write_text(json.dumps({"streams": [{"stream": stream, **modes} for stream in streams]}))
    with Path("records.jsonl").open("w") as file:
        asked = ["source-harvest", "read", "--config", "config.json", "--catalog", "catalog.json"]
        told(asked, file.fileno(), run)


if __name__ == "__main__":
    main()
