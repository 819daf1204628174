"""Data quality: what Harvest's own reports prove, what the checks found, and where rates are missing."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")


@app.cell
def imports():
    import altair as alt
    import marimo as mo

    from harvest_time_tracking import SettingWrong
    from harvest_warehouse.explore import opened
    from harvest_warehouse.explore.charts import GREY, ORANGE, TEAL, titled

    return GREY, ORANGE, SettingWrong, TEAL, alt, mo, opened, titled


@app.cell
def warehouse(mo, opened):
    harvest = opened()
    mo.md(
        "# Data quality\n\n`dlt-harvest verify` compares every month with Harvest's own reports. What no report states "
        "(margins, utilisation, receivables) cannot be proven this way."
    )
    return (harvest,)


@app.cell
def proven(GREY, ORANGE, SettingWrong, TEAL, alt, harvest, mo, titled):
    words = {"exact": "agrees", "tie": "agrees", "mismatch": "differs"}
    try:
        verdicts = harvest.sql(
            "select account_id, report, verdict, count(*) as figures from harvest_reconciliation "
            "group by account_id, report, verdict order by report, verdict"
        )
        verdicts = verdicts[verdicts["account_id"] == harvest.account_id]
    except SettingWrong:
        verdicts = None
    if verdicts is None or verdicts.empty:
        compared = mo.md("Nothing was compared yet: run `dlt-harvest verify`.")
    else:
        verdicts["is"] = [words.get(verdict, "cannot be proven") for verdict in verdicts["verdict"]]
        counted = verdicts.groupby("is")["figures"].sum()
        every, differing = int(counted.sum()), int(counted.get("differs", 0))
        unproven = int(counted.get("cannot be proven", 0))
        agreeing = every - differing - unproven
        said = (
            f"All {every:,} compared figures agree with Harvest's reports"
            if agreeing == every
            else f"{agreeing:,} of {every:,} compared figures agree with Harvest's reports"
            + (f", {differing:,} {'differs' if differing == 1 else 'differ'}" if differing else ", none differs")
        )
        figures = (
            alt.Chart(verdicts)
            .mark_bar()
            .encode(
                x=alt.X("sum(figures):Q", title=None),
                y=alt.Y("report:N", title=None),
                color=alt.Color(
                    "is:N",
                    title=None,
                    scale=alt.Scale(domain=["agrees", "differs", "cannot be proven"], range=[TEAL, ORANGE, GREY]),
                ),
                tooltip=["report:N", "is:N", "sum(figures):Q"],
            )
        )
        compared = titled(figures, said, "Figures of Harvest's reports that were compared, by report", harvest.as_of)
    compared
    return


@app.cell
def findings(GREY, ORANGE, TEAL, alt, harvest, mo, titled):
    found = harvest.question("what_to_fix")
    rows = int(found["row_count"].sum()) if len(found) else 0
    if rows:
        finding_bars = (
            alt.Chart(found)
            .mark_bar()
            .encode(
                x=alt.X("row_count:Q", title=None),
                y=alt.Y("finding:N", sort="-x", title=None),
                color=alt.Color(
                    "severity:N",
                    title=None,
                    scale=alt.Scale(domain=["error", "warning", "finding"], range=[ORANGE, TEAL, GREY]),
                ),
                tooltip=["finding:N", "words:N", "row_count:Q"],
            )
        )
        checks = f"{len(found)} {'check' if len(found) == 1 else 'checks'} found something"
        to_fix = mo.vstack(
            [
                titled(
                    finding_bars,
                    checks,
                    "Rows found by each check of the last build; one row may be found by several",
                    harvest.as_of,
                ),
                found[["finding", "severity", "row_count", "words"]],
            ]
        )
    else:
        to_fix = mo.md("No check of the last build found anything.")
    to_fix
    return


@app.cell
def missing_rates(GREY, ORANGE, alt, harvest, mo, titled):
    without = harvest.question("time_without_rates")
    kinds = {"hours_without_billable_rate": "no billable rate", "hours_without_cost_rate": "no cost rate"}
    hours = without.melt(["project_id", "project_name"], list(kinds), "kind", "hours")
    hours = hours[hours["hours"] > 0].assign(
        kind=lambda frame: frame["kind"].map(kinds),
        project=lambda frame: frame["project_name"] + " (" + frame["project_id"].astype(str) + ")",
    )
    if len(hours):
        rate_bars = (
            alt.Chart(hours.sort_values("hours", ascending=False).head(30))
            .mark_bar()
            .encode(
                x=alt.X("hours:Q", title=None),
                y=alt.Y("project:N", sort="-x", title=None, axis=alt.Axis(labelExpr="split(datum.label, ' (')[0]")),
                color=alt.Color(
                    "kind:N", title=None, scale=alt.Scale(domain=list(kinds.values()), range=[ORANGE, GREY])
                ),
                tooltip=["project:N", "kind:N", alt.Tooltip("hours:Q", format=",.1f")],
            )
        )
        sums = hours.groupby("kind")["hours"].sum()
        rates = titled(
            rate_bars,
            " and ".join(f"{hours_of:,.0f} hours have {kind}" for kind, hours_of in sums.items()),
            "Hours of each project; without a billable rate they are valued at nothing, without a cost rate they count as free",
            harvest.as_of,
        )
    else:
        rates = mo.md("Every entry has the rates that it needs.")
    rates
    return


if __name__ == "__main__":
    app.run()
