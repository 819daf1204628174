"""Profitability: revenue by month, clients by revenue, and projects by margin."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")


@app.cell
def imports():
    import altair as alt
    import marimo as mo
    import pandas as pd

    from harvest_warehouse.dashboard import titles
    from harvest_warehouse.explore import opened
    from harvest_warehouse.explore.charts import ORANGE, TEAL, titled

    return ORANGE, TEAL, alt, mo, opened, pd, titled, titles


@app.cell
def warehouse(mo, opened):
    harvest = opened()
    currency = mo.ui.dropdown(harvest.currencies, value=harvest.currencies[0], label="Currency")
    months = mo.ui.slider(1, 24, value=12, label="Complete months", show_value=True)
    mo.vstack(
        [
            mo.md(
                "# Profitability\n\nRevenue follows the work: billable time and expenses, and fixed fees spread over the "
                "days of their project. Costs are in home currency, so only projects in it have a margin."
            ),
            currency,
            months,
        ]
    )
    return currency, harvest, months


@app.cell
def by_month(TEAL, alt, currency, harvest, months, pd, titled, titles):
    month_rows = harvest.rows("revenue_by_month", currency=currency.value, months=months.value)
    by_month_frame = pd.DataFrame(
        {
            "month": pd.to_datetime([row["month_start"] for row in month_rows]),
            "revenue": [float(row["revenue"]) for row in month_rows],
        }
    )
    columns = (
        alt.Chart(by_month_frame)
        .mark_bar(color=TEAL)
        .encode(
            x=alt.X("yearmonth(month):T", title=None),
            y=alt.Y("revenue:Q", title=None),
            tooltip=["yearmonth(month):T", alt.Tooltip("revenue:Q", format=",.2f")],
        )
    )
    titled(
        columns,
        titles.revenue(month_rows, currency.value) if month_rows else f"No work for clients in {currency.value}",
        f"Revenue in {currency.value}, complete months of work for clients",
        harvest.as_of,
    )
    return


@app.cell
def by_client(TEAL, alt, currency, harvest, pd, titled, titles):
    client_rows = harvest.rows("revenue_by_client", currency=currency.value, months=12)
    clients = pd.DataFrame(
        {
            "client": [f"{row['client_name']} ({row['client_id']})" for row in client_rows],
            "revenue": [float(row["revenue"]) for row in client_rows],
        }
    )
    client_bars = (
        alt.Chart(clients.head(20))
        .mark_bar(color=TEAL)
        .encode(
            x=alt.X("revenue:Q", title=None),
            y=alt.Y("client:N", sort="-x", title=None, axis=alt.Axis(labelExpr="split(datum.label, ' (')[0]")),
            tooltip=["client:N", alt.Tooltip("revenue:Q", format=",.2f")],
        )
    )
    titled(
        client_bars,
        titles.concentration(client_rows, currency.value),
        f"Revenue in {currency.value} over twelve complete months"
        + (f", 20 of {len(clients)} clients" if len(clients) > 20 else ""),
        harvest.as_of,
    )
    return


@app.cell
def by_project(ORANGE, TEAL, alt, currency, harvest, mo, months, pd, titled, titles):
    is_home = currency.value == harvest.account["home_currency"]
    project_rows = [
        row
        for row in harvest.rows("profit_by_project", currency=currency.value, months=months.value)
        if row["revenue"] or row["hours"] or row["cost"]
    ]
    figure = "margin" if is_home else "revenue"
    project_rows.sort(key=lambda row: row[figure])
    projects = pd.DataFrame(
        {
            "project": [f"{row['project_name']}, {row['client_name']} ({row['project_id']})" for row in project_rows],
            figure: [float(row[figure]) for row in project_rows],
        }
    )
    # The ten lowest and the ten highest, each once.
    ends = pd.concat([projects.head(10), projects.tail(10)]).drop_duplicates("project")
    project_bars = (
        alt.Chart(ends)
        .mark_bar()
        .encode(
            x=alt.X(figure, type="quantitative", title=None),
            y=alt.Y(
                "project:N",
                sort="x",
                title=None,
                axis=alt.Axis(labelExpr="split(datum.label, ' (')[0]", labelLimit=260),
            ),
            color=alt.condition(alt.datum[figure] < 0, alt.value(ORANGE), alt.value(TEAL)),
            tooltip=["project:N", alt.Tooltip(figure, type="quantitative", format=",.2f")],
        )
    )
    drawn = titled(
        project_bars,
        titles.projects(project_rows, has_margin=is_home),
        f"{figure.title()} in {currency.value} over {months.value} complete months"
        + (f", the ten lowest and the ten highest of {len(projects)}" if len(projects) > 20 else ""),
        harvest.as_of,
    )
    why = (
        "Entries without a cost rate count as free: see the notebook on data quality."
        if is_home
        else f"Costs are in {harvest.account['home_currency']}, and Harvest converts nothing: these projects have no margin."
    )
    mo.vstack([drawn, mo.md(why)])
    return


if __name__ == "__main__":
    app.run()
