# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The dashboard: thin cells. Questions are in queries.py, what pages say in pages/, how they look in draw.py."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="dlt-harvest", css_file="style.css")

with app.setup:
    from decimal import Decimal

    import marimo as mo

    from harvest_time_tracking import HarvestError
    from harvest_warehouse.dashboard import draw
    from harvest_warehouse.dashboard.filters import Filters
    from harvest_warehouse.dashboard.header import accounts, header
    from harvest_warehouse.dashboard.place import from_argument
    from harvest_warehouse.dashboard.reader import Reader
    from harvest_warehouse.dashboard.site import PAGES


@app.cell(hide_code=True)
def place():
    warehouse = from_argument(mo.cli_args().get("warehouse"))
    asked = mo.query_params().to_dict()
    return asked, warehouse


@app.cell(hide_code=True)
def marts(warehouse):
    read = Reader(warehouse)
    try:
        known = accounts(read)
        problem = None if known else "No account was loaded yet: run `dlt-harvest sync` in this folder first."
    except HarvestError as error:
        known, problem = {}, str(error)
    mo.stop(problem is not None, mo.callout(mo.md(problem or ""), kind="warn"))
    return known, read


@app.cell(hide_code=True)
def whose(known):
    account = mo.ui.dropdown(
        {f"{name} ({key})": key for key, name in known.items()},
        value=next(f"{name} ({key})" for key, name in known.items()),
        label="Account",
    )
    return (account,)


@app.cell(hide_code=True)
def rests_on(account, read):
    top = header(read, account.value)
    return (top,)


@app.cell(hide_code=True)
def money(asked, top):
    currency = mo.ui.dropdown(
        list(top.currencies),
        value=asked["currency"] if asked.get("currency") in top.currencies else next(iter(top.currencies), None),
        allow_select_none=False if top.currencies else None,
        label="Currency",
    )
    return (currency,)


@app.cell(hide_code=True)
def others(asked, currency, top):
    names = {}
    for _key, _name in top.clients.get(currency.value, {}).items():
        names[_name if _name not in names else f"{_name} ({_key})"] = _key
    clients = mo.ui.multiselect(names, label="Clients (all if none)")
    weeks = mo.ui.dropdown(
        {f"{number} weeks": number for number in (4, 8, 12, 26, 52)},
        value=f"{asked['weeks']} weeks" if asked.get("weeks") in {"4", "8", "12", "26", "52"} else "12 weeks",
        allow_select_none=False,
        label="Looking back",
    )
    contractors = mo.ui.checkbox(value=asked.get("contractors") != "off", label="With contractors")
    shares = sorted({*range(40, 105, 5), round(top.target * 100)})
    target = mo.ui.dropdown(
        {f"{share} %": share for share in shares},
        value=f"{asked['target'] if asked.get('target') in map(str, shares) else round(top.target * 100)} %",
        allow_select_none=False,
        label="Target",
    )
    return clients, contractors, target, weeks


@app.cell(hide_code=True)
def which(asked):
    page = mo.ui.tabs(
        dict.fromkeys(PAGES, ""),
        value=asked["page"] if asked.get("page") in PAGES else next(iter(PAGES)),
        on_change=lambda name: mo.query_params().set("page", name),
    )
    return (page,)


@app.cell(hide_code=True)
def choices(account, clients, contractors, currency, known, page, target, top, weeks):
    draw.head(
        top,
        currency.value,
        [
            *([account] if len(known) > 1 else []),
            currency,
            clients,
            weeks,
            contractors,
            target,
        ],
        page,
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
def page_chosen(chosen, page, read, top):
    shown = PAGES[page.value](read, chosen, top)
    body = draw.drawn(shown)
    body
    return body, shown


if __name__ == "__main__":
    app.run()
