"""Cash: what can be billed, what clients owe, and how long they take to pay."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")


@app.cell
def imports():
    from decimal import Decimal

    import altair as alt
    import marimo as mo
    import pandas as pd

    from harvest_warehouse.dashboard import titles
    from harvest_warehouse.explore import opened
    from harvest_warehouse.explore.charts import GREY, ORANGE, TEAL, titled

    return Decimal, GREY, ORANGE, TEAL, alt, mo, opened, pd, titled, titles


@app.cell
def warehouse(mo, opened):
    harvest = opened()
    currency = mo.ui.dropdown(harvest.currencies, value=harvest.currencies[0], label="Currency")
    mo.vstack([mo.md("# Cash\n\nEach currency by itself: nothing is converted, and nothing is added up."), currency])
    return currency, harvest


@app.cell
def can_be_billed(alt, currency, harvest, pd, titled, titles):
    ages = {"0-30": "up to 30 days", "31-60": "31 to 60", "61-90": "61 to 90", "90+": "over 90"}
    unbilled_rows = [
        {**row, "label": f"{row['client_name']}"} for row in harvest.rows("unbilled_by_client", currency=currency.value)
    ]
    unbilled = pd.DataFrame(
        {
            "client": [f"{row['client_name']} ({row['client_id']})" for row in unbilled_rows],
            "age": [ages.get(row["age_bucket"], row["age_bucket"]) for row in unbilled_rows],
            "rank": [[*ages, row["age_bucket"]].index(row["age_bucket"]) for row in unbilled_rows],
            "amount": [float(row["uninvoiced_amount"]) for row in unbilled_rows],
        }
    )
    stacked = (
        alt.Chart(unbilled)
        .mark_bar()
        .encode(
            x=alt.X("sum(amount):Q", title=None),
            y=alt.Y("client:N", sort="-x", title=None, axis=alt.Axis(labelExpr="split(datum.label, ' (')[0]")),
            color=alt.Color("age:N", title="Age", sort=list(ages.values()), scale=alt.Scale(scheme="tealblues")),
            order=alt.Order("rank:Q"),
            tooltip=["client:N", "age:N", alt.Tooltip("sum(amount):Q", format=",.2f")],
        )
    )
    titled(
        stacked,
        titles.unbilled(unbilled_rows, currency.value),
        f"Time at rates and billable expenses that are not invoiced, in {currency.value}; fixed fees left out",
        harvest.as_of,
    )
    return


@app.cell
def owed(Decimal, GREY, ORANGE, alt, currency, harvest, pd, titled, titles):
    buckets = {
        "not_due": "not due yet",
        "1-30": "1 to 30 days late",
        "31-60": "31 to 60",
        "61-90": "61 to 90",
        "90+": "over 90",
    }
    owed_rows = harvest.rows("receivables_by_age", currency=currency.value)
    # What clients paid too much is no part of these rows.
    overpaid = harvest.sql(
        "select account_id, currency, sum(open_amount) as amount from fct_invoice "
        "where state = 'open' and due_amount < 0 group by account_id, currency"
    )
    is_mine = (overpaid["account_id"] == harvest.account_id) & (overpaid["currency"] == currency.value)
    credit = Decimal(str(overpaid.loc[is_mine, "amount"].sum()))
    receivables = pd.DataFrame(
        {
            "late": [buckets.get(row["overdue_bucket"], row["overdue_bucket"]) for row in owed_rows],
            "amount": [float(row["open_amount"]) for row in owed_rows],
            "is": ["not due" if row["overdue_bucket"] == "not_due" else "overdue" for row in owed_rows],
        }
    )
    owed_bars = (
        alt.Chart(receivables)
        .mark_bar()
        .encode(
            x=alt.X("late:N", sort=list(buckets.values()), title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("amount:Q", title=None),
            color=alt.Color("is:N", title=None, scale=alt.Scale(domain=["not due", "overdue"], range=[GREY, ORANGE])),
            tooltip=["late:N", alt.Tooltip("amount:Q", format=",.2f")],
        )
    )
    titled(
        owed_bars,
        titles.receivables(owed_rows, credit, currency.value),
        f"What is open on invoices in {currency.value}",
        harvest.as_of,
    )
    return


@app.cell
def days_to_pay(TEAL, alt, currency, harvest, pd, titled, titles):
    dso_rows = harvest.rows("receivables_by_month", currency=currency.value, months=12)
    known = [row for row in dso_rows if row["days_sales_outstanding"] is not None]
    by_month = pd.DataFrame(
        {
            "month": pd.to_datetime([row["month_start"] for row in known]),
            "days": [float(row["days_sales_outstanding"]) for row in known],
        }
    )
    days = (
        alt.Chart(by_month)
        .mark_line(point={"color": TEAL}, color=TEAL)
        .encode(
            x=alt.X("yearmonth(month):T", title=None),
            y=alt.Y("days:Q", title=None),
            tooltip=["yearmonth(month):T", alt.Tooltip("days:Q", format=",.0f")],
        )
    )
    titled(
        days,
        titles.days_outstanding(dso_rows, currency.value),
        f"Days of sales that clients owe at the end of each month, in {currency.value}",
        harvest.as_of,
    )
    return


if __name__ == "__main__":
    app.run()
