# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""Marimo app of the dashboard, in thin cells: queries are in queries.py, contents in pages/, rendering in render.py."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="dlt-harvest", css_file="style.css")

with app.setup:
    from decimal import Decimal

    import marimo as mo

    from harvest_time_tracking import HarvestError
    from harvest_warehouse.dashboard import render
    from harvest_warehouse.dashboard.argument import from_argument
    from harvest_warehouse.dashboard.filters import Filters
    from harvest_warehouse.dashboard.header import accounts, header
    from harvest_warehouse.dashboard.pages import PAGES
    from harvest_warehouse.dashboard.reader import handed_over
    from harvest_warehouse.dashboard.url import WEEKS, filters_asked_for, page_asked_for, targets


@app.cell(hide_code=True)
def place():
    warehouse = from_argument(mo.cli_args().get("warehouse"))
    asked = mo.query_params().to_dict()
    return asked, warehouse


@app.cell(hide_code=True)
def again():
    # They refresh only while they are shown, which is beside a problem.
    again_marts = mo.ui.refresh(options=["5s"], default_interval="5s")
    again_page = mo.ui.refresh(options=["5s"], default_interval="5s")
    return again_marts, again_page


@app.cell(hide_code=True)
def marts(again_marts, warehouse):
    _ = again_marts.value
    read = handed_over(warehouse)
    try:
        known = accounts(read)
        tops = {key: header(read, key) for key in known}
        problem = None if known else "No account was loaded yet: run `dlt-harvest sync` in this folder first."
    except HarvestError as error:
        known, problem = {}, str(error)
    mo.stop(problem is not None, render.problem(problem or "", again_marts))
    return known, read, tops


@app.cell(hide_code=True)
def whose(known):
    account = mo.ui.dropdown(
        {f"{name} ({key})": key for key, name in known.items()},
        value=next(f"{name} ({key})" for key, name in known.items()),
        allow_select_none=False,
        label="Account",
    )
    return (account,)


@app.cell(hide_code=True)
def rests_on(account, asked, tops):
    top = tops[account.value]
    first = filters_asked_for(asked, top)
    return first, top


@app.cell(hide_code=True)
def money(first, top):
    currency = mo.ui.dropdown(
        list(top.currencies),
        value=first.currency or None,
        allow_select_none=False if top.currencies else None,
        label="Currency",
    )
    return (currency,)


@app.cell(hide_code=True)
def others(currency, first, top):
    names = {}
    for _key, _name in top.clients.get(currency.value, {}).items():
        names[_name if _name not in names else f"{_name} ({_key})"] = _key
    clients = mo.ui.multiselect(names, label="Clients (all if none)")
    weeks = mo.ui.dropdown(
        {f"{number} weeks": number for number in WEEKS},
        value=f"{first.weeks} weeks",
        allow_select_none=False,
        label="Looking back",
    )
    contractors = mo.ui.checkbox(value=first.has_contractors, label="With contractors")
    target = mo.ui.dropdown(
        {f"{share} %": share for share in targets(top)},
        value=f"{first.target * 100:.0f} %",
        allow_select_none=False,
        label="Target",
    )
    return clients, contractors, target, weeks


@app.cell(hide_code=True)
def which(asked):
    # A native select works with keyboard and screen readers, and keeps the focus.
    page = mo.ui.dropdown(
        list(PAGES),
        value=page_asked_for(asked),
        allow_select_none=False,
        label="Page",
        on_change=lambda name: mo.query_params().set("page", name),
    )
    return (page,)


@app.cell(hide_code=True)
def choices(account, clients, contractors, currency, known, page, target, top, weeks):
    render.head(
        top,
        currency.value,
        page,
        [
            *([account] if len(known) > 1 else []),
            currency,
            clients,
            weeks,
            contractors,
            target,
        ],
    )
    return


@app.cell(hide_code=True)
def chosen_by(account, clients, contractors, currency, target, weeks):
    chosen = Filters(
        account.value,
        currency.value or "",
        tuple(clients.value),
        weeks.value,
        contractors.value,
        Decimal(target.value) / 100,
    )
    return (chosen,)


@app.cell(hide_code=True)
def page_chosen(again_page, chosen, page, read, top):
    _ = again_page.value
    try:
        shown = PAGES[page.value](read, chosen, top)
        body = render.drawn(shown)
    except HarvestError as error:
        shown, body = None, render.problem(str(error), again_page)
    body
    return body, shown


if __name__ == "__main__":
    app.run()
