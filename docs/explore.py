"""The demo's account in a notebook: `make demo`, then `marimo edit docs/explore.py` in the same folder."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")


@app.cell
def imports():
    import os

    import dlt
    import marimo as mo

    return dlt, mo, os


@app.cell
def dataset(dlt, os):
    # Your own account: harvest_time_tracking.duckdb
    file = os.environ.get("HARVEST_DATABASE", "harvest_demo.duckdb")
    harvest = dlt.dataset(dlt.destinations.duckdb(file), "harvest_time_tracking_data", "harvest_time_tracking_source")
    return (harvest,)


@app.cell
def title(harvest, mo):
    mo.md(f"# A Harvest account in DuckDB\n\n{len(harvest.tables)} tables, one for each stream.")
    return


@app.cell
def invoices_frame(harvest):
    # A table as a pandas frame.
    invoices = harvest.invoices.df()
    invoices[["number", "client__name", "currency", "amount", "due_amount", "state", "issue_date"]]
    return


@app.cell
def entries_arrow(harvest, mo):
    # As an Arrow table: decimals and dates stay what they are.
    entries = harvest.time_entries.arrow()
    mo.md(f"{entries.num_rows:,} time entries, hours as `{entries.schema.field('hours').type}`")
    return


@app.cell
def hours_by_month(harvest):
    # In SQL: one row a month.
    by_month = harvest(
        """
        select
          date_trunc('month', spent_date) as month,
          sum(hours) as hours,
          sum(case when billable then hours else 0 end) as billable_hours
        from time_entries
        group by 1
        order by 1
        """
    )
    by_month.df()
    return


if __name__ == "__main__":
    app.run()
