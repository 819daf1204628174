"""What dltHub's page on Harvest leads to: its REST API source, with nothing set but what it needs.

https://dlthub.com/context/source/harvest-time-tracking
"""

from __future__ import annotations

import os
import sys

import dlt
from dlt.sources.rest_api import rest_api_source


def main(database: str, load_format: str | None) -> None:
    """Load them, in dlt's own file format or in another."""
    source = rest_api_source(
        {
            "client": {
                "base_url": os.environ["BENCHMARK_URL"],
                "auth": {"type": "bearer", "token": os.environ["BENCHMARK_TOKEN"]},
                "headers": {"Harvest-Account-Id": os.environ["BENCHMARK_ACCOUNT"], "User-Agent": "benchmark"},
                "paginator": {"type": "json_link", "next_url_path": "links.next"},
            },
            "resources": [
                {"name": "time_entries", "endpoint": {"path": "time_entries", "data_selector": "time_entries"}}
            ],
        }
    )
    pipeline = dlt.pipeline("example", destination=dlt.destinations.duckdb(database), dataset_name="harvest")
    pipeline.run(source, loader_file_format=load_format)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None)
