"""Utilisation: how busy the company and each person were, and who has room."""

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
def warehouse(Decimal, mo, opened):
    harvest = opened()
    target = Decimal(harvest.account["target_utilisation"])
    weeks = mo.ui.slider(4, 52, value=12, label="Complete weeks", show_value=True)
    mo.vstack(
        [
            mo.md(
                "# Utilisation\n\nBillable hours divided by available hours (capacity less leave). Hours are added up "
                "first and divided then: ratios are never averaged."
            ),
            weeks,
        ]
    )
    return harvest, target, weeks


@app.cell
def by_week(ORANGE, TEAL, alt, harvest, pd, target, titled, titles, weeks):
    week_rows = harvest.rows("utilisation_by_week", weeks=weeks.value)
    by_week_frame = pd.DataFrame(
        {
            "week": pd.to_datetime([row["week_start"] for row in week_rows]),
            "share": [
                float(row["billable_hours"] / row["available_hours"]) if row["available_hours"] else None
                for row in week_rows
            ],
        }
    )
    line = (
        alt.Chart(by_week_frame)
        .mark_line(point={"color": TEAL}, color=TEAL)
        .encode(
            x=alt.X("week:T", title=None),
            y=alt.Y("share:Q", title=None, axis=alt.Axis(format="%"), scale=alt.Scale(zero=False)),
            tooltip=["week:T", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    goal = (
        alt.Chart(pd.DataFrame({"target": [float(target)]}))
        .mark_rule(color=ORANGE, strokeDash=[6, 4])
        .encode(y="target:Q")
    )
    titled(
        line + goal,
        titles.utilisation(week_rows, target),
        "Billable share of available hours; the dashed line is the target, and the axis does not start at 0",
        harvest.as_of,
    )
    return


@app.cell
def by_person(GREY, ORANGE, TEAL, alt, harvest, pd, target, titled, titles, weeks):
    able = [
        {**row, "share": row["billable_hours"] / row["available_hours"], "target": target}
        for row in harvest.rows("utilisation_by_person", weeks=weeks.value)
        if row["available_hours"]
    ]
    people = pd.DataFrame(
        {
            # Two people may have one name.
            "person": [f"{row['person_name']} ({row['user_id']})" for row in able],
            "share": [float(row["share"]) for row in able],
            "is": ["below target" if row["share"] < target else "at or above" for row in able],
        }
    )
    bars = (
        alt.Chart(people)
        .mark_bar()
        .encode(
            x=alt.X("share:Q", title=None, axis=alt.Axis(format="%")),
            y=alt.Y("person:N", sort="-x", title=None, axis=alt.Axis(labelExpr="split(datum.label, ' (')[0]")),
            color=alt.Color(
                "is:N", title=None, scale=alt.Scale(domain=["at or above", "below target"], range=[TEAL, GREY])
            ),
            tooltip=["person:N", alt.Tooltip("share:Q", format=".1%")],
        )
    )
    mark = (
        alt.Chart(pd.DataFrame({"target": [float(target)]}))
        .mark_rule(color=ORANGE, strokeDash=[6, 4])
        .encode(x="target:Q")
    )
    titled(
        bars + mark,
        titles.people(able, target),
        f"Billable share of available hours in {weeks.value} weeks, people without available hours left out",
        harvest.as_of,
    )
    return


@app.cell
def room(TEAL, alt, harvest, titled):
    free = harvest.question("who_has_room", weeks=4)
    free["person"] = free["person_name"] + " (" + free["user_id"].astype(str) + ")"
    rooms = (
        alt.Chart(free.head(20))
        .mark_bar(color=TEAL)
        .encode(
            x=alt.X("unused_hours:Q", title=None),
            y=alt.Y("person:N", sort="-x", title=None, axis=alt.Axis(labelExpr="split(datum.label, ' (')[0]")),
            tooltip=[
                "person:N",
                alt.Tooltip("unused_hours:Q", format=",.1f"),
                alt.Tooltip("available_hours:Q", format=",.1f"),
            ],
        )
    )
    said = (
        f"{len(free)} {'person' if len(free) == 1 else 'people'} had hours that were not billable"
        + (", the 20 with most" if len(free) > 20 else "")
        if len(free)
        else "Nobody had hours that were not billable"
    )
    titled(
        rooms,
        said,
        "Available less billable hours in the last four complete weeks: a sign of room, not a plan",
        harvest.as_of,
    )
    return


if __name__ == "__main__":
    app.run()
