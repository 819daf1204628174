"""The demo's account in a notebook: `make demo`, then `marimo edit docs/explore.py` in the same folder."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")


@app.cell
def imports():
    import os
    import tempfile

    import dlt
    import marimo as mo

    return dlt, mo, os, tempfile


@app.cell
def datasets(dlt, os, tempfile):
    # Your own account: harvest_time_tracking.duckdb
    file = os.environ.get("HARVEST_DATABASE", "harvest_demo.duckdb")
    pipeline = dlt.pipeline(
        "harvest_explore",
        destination=dlt.destinations.duckdb(file),
        dataset_name="harvest_time_tracking_data",
        # A working folder of the notebook's own: it disturbs no load.
        pipelines_dir=tempfile.mkdtemp(),
    )
    # Harvest's tables, and the marts that `dlt-harvest build` made of them.
    harvest = pipeline.dataset(schema="harvest_time_tracking_source")
    # dlt did not load these, and knows no schema of them: they are asked in SQL, as it stands.
    marts = dlt.dataset(pipeline.destination, "harvest_marts")
    return harvest, marts


@app.cell
def title(harvest, mo):
    mo.md(
        f"# A Harvest account in DuckDB\n\n{len(harvest.tables)} tables: Harvest's lists, and the lists inside their records."
    )
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


@app.cell
def marts_title(mo):
    mo.md("""
    ## The marts

    Every column is explained in docs/reference/models.md. Currencies are never added up.
    """)
    return


@app.cell
def utilisation(marts):
    # In SQL: who was busy in the last four complete weeks. Hours are added up, then divided; ratios are never averaged.
    busy = marts(
        """
        select
          person_name,
          sum(billable_hours) as billable_hours,
          sum(available_hours) as available_hours,
          sum(billable_hours) / nullif(sum(available_hours), 0) as billable_utilisation
        from mart_utilisation_weekly
        where
          is_complete_week
          and week_index > (
            select max(week_index) - 4 from dim_date where is_complete_week
          )
        group by person_name
        order by billable_utilisation desc nulls last
        """,
        _execute_raw_query=True,
    ).df()
    busy.head(20)
    return


@app.cell
def unbilled(marts):
    # In pandas: what is not billed yet, by client and age; each currency in rows of its own.
    waiting = marts("select * from mart_unbilled", _execute_raw_query=True).df()
    by_age = (
        waiting[waiting["age_bucket"] != "fee"]
        .astype({"uninvoiced_amount": float})
        .pivot_table(
            index=["currency", "client_name"],
            columns="age_bucket",
            values="uninvoiced_amount",
            aggfunc="sum",
            fill_value=0,
        )
    )
    by_age.round(2)
    return


@app.cell
def budgets(marts):
    # And what eats its budget.
    spent = marts(
        "select * from mart_project_budget where is_active order by spent_share desc nulls last",
        _execute_raw_query=True,
    ).df()
    spent[["client_name", "project_name", "budget_unit", "budget", "budget_spent", "spent_share", "status"]]
    return


if __name__ == "__main__":
    app.run()
