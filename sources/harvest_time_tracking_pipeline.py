"""Pipelines that load a Harvest account with dlt; run this file as it is, or copy the function that fits."""

from __future__ import annotations

import dlt

from harvest_time_tracking import harvest_time_tracking_source


def load_all() -> None:
    """Load the whole account. A second run brings only what changed."""
    pipeline = dlt.pipeline(
        pipeline_name="harvest_time_tracking_pipeline",
        destination="duckdb",
        dataset_name="harvest_time_tracking_data",
    )
    load_info = pipeline.run(harvest_time_tracking_source())
    print(load_info)


def load_selected() -> None:
    """Load two streams, from a day on."""
    pipeline = dlt.pipeline(
        pipeline_name="harvest_time_tracking_pipeline",
        destination="duckdb",
        dataset_name="harvest_time_tracking_data",
    )
    source = harvest_time_tracking_source(start_date="2024-01-01").with_resources("projects", "time_entries")
    load_info = pipeline.run(source)
    print(load_info)


def load_report(
    name: str = "report_time_projects", reports_from: str | None = None, reports_to: str | None = None
) -> None:
    """Load one of Harvest's own reports, a row for each subject, currency and calendar month.

    Args:
        name: the report's stream; reports are read only when they are named.
        reports_from: a day in the first month. Default: twelve months back.
        reports_to: a day in the last month. Default: today.
    """
    pipeline = dlt.pipeline(
        pipeline_name="harvest_time_tracking_pipeline",
        destination="duckdb",
        dataset_name="harvest_time_tracking_data",
    )
    source = harvest_time_tracking_source(reports_from=reports_from, reports_to=reports_to).with_resources(name)
    load_info = pipeline.run(source)
    print(load_info)


if __name__ == "__main__":
    # Everything. Its neighbours above load less: two streams, or a report.
    load_all()
