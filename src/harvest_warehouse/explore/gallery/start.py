"""Your Harvest account in a notebook: every metric, every question, and SQL of your own."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")


@app.cell
def imports():
    import altair as alt
    import marimo as mo

    from harvest_warehouse.explore import opened
    from harvest_warehouse.explore.charts import TEAL, titled

    return TEAL, alt, mo, opened, titled


@app.cell
def warehouse(mo, opened):
    # With several accounts in the database: opened(account_id="...")
    harvest = opened()
    mo.md(
        f"# {harvest.account['account_name']}\n\nAs of {harvest.as_of}. Amounts are never added up over currencies "
        f"({', '.join(harvest.currencies)})."
    )
    return (harvest,)


@app.cell
def chosen_metric(harvest, mo):
    metric = mo.ui.dropdown(list(harvest.metrics["metric"]), value="hours", label="Metric")
    metric
    return (metric,)


@app.cell
def chosen_dimension(harvest, metric, mo):
    known = harvest.metrics.set_index("metric").loc[metric.value]
    names = known["by"].split(", ")
    dimension = mo.ui.dropdown(names, value=names[0], label="by")
    proof = (
        f"Harvest's reports {known['proven_by']} state it, too."
        if known["proven_by"]
        else "No report of Harvest's states it."
    )
    mo.vstack([dimension, mo.md(f"{known['words']}. {proof} Not for: {known['not_for']}.")])
    return (dimension,)


@app.cell
def figures(dimension, harvest, metric):
    # In Python: harvest.metric("hours", by=["client_name"], since="2026-01-01", currency="EUR")
    rows = harvest.metric(metric.value, by=[dimension.value])
    rows
    return (rows,)


@app.cell
def metric_chart(TEAL, alt, dimension, harvest, metric, rows, titled):
    # Each currency, and each unit of budgets, in a chart of its own.
    split = [name for name in ("currency", "budget_unit") if name in rows.columns]
    shown = rows.assign(
        label=rows[dimension.value].astype(str), of=rows[split].astype(str).agg(" ".join, axis=1) if split else ""
    )
    largest = shown.sort_values(metric.value, ascending=False, key=abs).groupby("of").head(20)
    bars = (
        alt.Chart(largest)
        .mark_bar(color=TEAL)
        .encode(
            x=alt.X(metric.value, type="quantitative", title=None),
            y=alt.Y("label:N", sort="-x", title=None),
            tooltip=[dimension.value, alt.Tooltip(metric.value, type="quantitative", format=",.2f")],
        )
    )
    unit = harvest.metrics.set_index("metric").loc[metric.value, "unit"]
    titled(bars, f"{metric.value} by {dimension.value}, the 20 largest", unit, harvest.as_of).facet(
        row=alt.Row("of:N", title=None)
    ).resolve_scale(x="independent", y="independent") if split else titled(
        bars, f"{metric.value} by {dimension.value}, the 20 largest", unit, harvest.as_of
    )
    return


@app.cell
def chosen_question(harvest, mo):
    asks = dict(zip(harvest.questions["asks"], harvest.questions["question"], strict=True))
    question = mo.ui.dropdown(asks, value=next(iter(asks)), label="Question")
    question
    return (question,)


@app.cell
def answer(harvest, question):
    # In Python: harvest.question("unbilled_by_client", currency="EUR")
    harvest.question(question.value)
    return


@app.cell
def answer_sql(harvest, mo, question):
    mo.md(f"```sql\n{harvest.questions.set_index('question').loc[question.value, 'sql']}\n```")
    return


@app.cell
def own_sql(harvest):
    # One select, in the database's own SQL, on any table: it cannot change anything.
    harvest.sql("select client_name, currency, is_active from dim_client order by client_name limit 20")
    return


if __name__ == "__main__":
    app.run()
