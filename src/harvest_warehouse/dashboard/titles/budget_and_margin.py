"""Titles on budgets, margins and rates of projects and clients."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from harvest_warehouse.dashboard.formatting import (
    ZERO,
    count,
    day,
    hours,
    joined,
    money,
    month,
    percent,
    ratio,
    rounds_to_zero,
    total,
)
from harvest_warehouse.dashboard.reader import Row


def budgets(rows: Sequence[Row]) -> str:
    """Title on budgets: how many are overspent, or heading over."""
    valued = [row for row in rows if row["status"] != "no_budget_value"]
    blank = len(rows) - len(valued)
    over, heading = (len([row for row in valued if row["status"] == status]) for status in ("over", "forecast_over"))
    if not rows:
        return "No active project has a budget"
    if not valued:
        return f"No amount is entered for {'the one budget' if blank == 1 else f'any of the {blank:,} budgets'}"
    if over or heading:
        most = over or heading
        title = f"{most:,} of {count(len(valued), 'budget')} {'is' if most == 1 else 'are'} {'overspent' if over else 'heading over'}"
        title += f", {heading:,} heading over" if over and heading else ""
    elif len(valued) == 1:
        title = "The one budget is neither overspent nor heading over"
    else:
        title = f"None of {len(valued):,} budgets is overspent or heading over"
    return title + (f"; {blank:,} {'has' if blank == 1 else 'have'} no amount entered" if blank else "")


def running_out(soon: Sequence[Row], used_up: int, weeks: int) -> str:
    """Title on budgets that will be used up within some weeks.

    Args:
        soon: those budgets, the first to be used up first.
        used_up: number of budgets that are used up already.
        weeks: number of weeks.
    """
    already = f"; {used_up:,} {'is' if used_up == 1 else 'are'} used up already" if used_up else ""
    if not soon:
        return (
            f"No {'other ' if used_up else ''}budget will be used up within {weeks} weeks at its present pace{already}"
        )
    name = soon[0]["project_name"]
    if len(soon) == 1:
        return f"{name} will use up its budget within {weeks} weeks{already}"
    is_tied = soon[0]["weeks_of_budget_left"] == soon[1]["weeks_of_budget_left"]
    return f"{len(soon):,} budgets will be used up within {weeks} weeks{'' if is_tied else f', {name} first'}{already}"


def budget_lines(lines: Sequence[Row]) -> str:
    """Title on what tasks and people spent of the budgets that are over, or heading there."""
    number = len({row["project_id"] for row in lines})
    if not number:
        return "No time was spent on a budget that is over or heading over"
    which = "one budget that is" if number == 1 else f"{number:,} budgets that are"
    return f"Which tasks and people used the {which} over or heading over"


def monthly_budgets(current: Sequence[Row], blank: int, as_of: date) -> str:
    """Title on the running month of monthly budgets.

    Args:
        current: rows of that month.
        blank: number of monthly budgets without an amount.
        as_of: day of the figures.
    """
    over = [row for row in current if row["unused"] < 0]
    without = f"{count(blank, 'monthly budget')} {'has' if blank == 1 else 'have'} no amount entered"
    if not current:
        return without if blank else "No active project has a monthly budget"
    when = f"in {month(current[0]['month_start'])}, as of {day(as_of)}"
    title = (
        f"{len(over):,} of {count(len(current), 'monthly budget')} {'is' if len(over) == 1 else 'are'} overspent {when}"
        if over
        else f"No monthly budget is overspent {when}"
    )
    return f"{title}; {without}" if blank else title


def revenue(months: Sequence[Row], currency: str) -> str:
    """Title on revenue by month, without its costs."""
    if rounds_to_zero(total(months, "revenue")):
        return f"No revenue in {currency} {span(months)}"
    title = f"{money(total(months, 'revenue'), currency)} of revenue {span(months)}"
    best = max(row["revenue"] for row in months)
    at_best = [row for row in months if row["revenue"] == best]
    return f"{title}, most in {month(at_best[0]['month_start'])}" if len(at_best) == 1 < len(months) else title


def margin(months: Sequence[Row], internal_cost: Decimal, currency: str, of: str = "Client work") -> str:
    """Title on the margin of client work, and on what internal work and leave cost beside it.

    Args:
        months: client work by month: `revenue`, `cost`, `margin`, `tracked_hours`, `costless_hours`.
        internal_cost: cost of internal work and leave of the whole company in these months, in the same currency.
        currency: the home currency.
        of: what the rows are of.
    """
    earned, brought = total(months, "margin"), total(months, "revenue")
    costless, worked = total(months, "costless_hours"), total(months, "tracked_hours")
    when = span(months)
    if rounds_to_zero(brought) or brought < 0:
        nothing = "no revenue" if rounds_to_zero(brought) else f"a negative revenue of {money(brought, currency)}"
        title = f"{of} had {nothing} {when}, and cost {money(total(months, 'cost'), currency)}"
    elif earned < 0:
        title = f"{of} lost {money(-earned, currency)} on revenue of {money(brought, currency)} {when}"
    elif costless and not rounds_to_zero(costless):
        share = f"{percent(ratio(earned, brought))}, {money(earned, currency)} of {money(brought, currency)}"
        title = f"{of} keeps at most {share} {when}: {hours(costless)} of {hours(worked)} have no cost rate"
    else:
        share = f"{percent(ratio(earned, brought))} of its revenue"
        title = f"{of} keeps {share} {when}: {money(earned, currency)} of {money(brought, currency)}"
    beside = f"; internal work and leave cost the company {money(internal_cost, currency)}"
    return title if rounds_to_zero(internal_cost) else title + beside


def rates(clients: Sequence[Row]) -> str:
    """Title on effective against standard rates, from rows by client (`label`, `standard`, `effective`, `hours`)."""
    rated = [row for row in clients if row["standard"] and row["effective"] is not None]
    without = [row for row in clients if not row["standard"] and not rounds_to_zero(row["hours"] or ZERO)]
    if rated:
        shares = {row["label"]: Decimal(row["effective"]) / Decimal(row["standard"]) for row in rated}
        least = min(shares.values())
        lowest = [label for label, share in shares.items() if share == least]
        if least >= 1:
            title = (
                "The client pays its standard rate"
                if len(rated) == 1
                else f"All {len(rated):,} clients with a rate pay it"
            )
            title += " for each hour worked"
        elif len(lowest) == 1:
            title = f"{lowest[0]} pays {percent(least)} of its standard rate for each hour worked"
            title += ", the least" if len(rated) > 1 else ""
        else:
            title = f"{len(lowest):,} clients pay {percent(least)} of their standard rate for each hour worked"
    else:
        title = "No client has a rate to compare with" if clients else "No client had hours in these months"
    if rated and without:
        many = f"{count(len(without), 'client')} {'has' if len(without) == 1 else 'have'} no rate"
        who = f"{without[0]['label']}, " if len(without) == 1 else ""
        title += f"; {many}: {who}{hours(total(without, 'hours'))}"
    return title


def projects(rows: Sequence[Row], *, has_margin: bool) -> str:
    """Title on projects that clients pay for: which lose money, or bring most."""
    if not rows:
        return "No project that clients pay for had hours or revenue in these months"
    if has_margin:
        losing = sorted((row for row in rows if row["margin"] < 0), key=lambda row: row["margin"])
        losing = [row for row in losing if not rounds_to_zero(row["margin"])]
        if not losing:
            return "No project that clients pay for costs more than it earns"
        verb = "costs more than it earns" if len(losing) == 1 else "cost more than they earn"
        is_tied = len(losing) > 1 and losing[0]["margin"] == losing[1]["margin"]
        which = "" if is_tied else f", {losing[0]['project_name']}{'' if len(losing) == 1 else ' most'}"
        return f"{len(losing):,} of {count(len(rows), 'project')} {verb}{which}"
    best = max(row["revenue"] for row in rows)
    at_best = [row["project_name"] for row in rows if row["revenue"] == best]
    if best <= 0 or rounds_to_zero(best):
        return f"{'The project' if len(rows) == 1 else f'None of {len(rows):,} projects'} brought {'no ' if len(rows) == 1 else ''}revenue"
    if len(rows) == 1:
        return f"{at_best[0]} brought all revenue"
    return f"{at_best[0]} brought most revenue" if len(at_best) == 1 else f"{joined(at_best)} brought most revenue each"


def without_rate(projects: Sequence[Row]) -> str:
    """Title on billable time without a rate, from rows by project (`entries`, `hours`, `currency`, `worth`)."""
    if not projects:
        return "All billable time on time and materials projects has a rate"
    entries = sum(row["entries"] for row in projects)
    title = (
        f"{count(entries, 'billable entry', 'billable entries')} without a rate on {count(len(projects), 'project')}"
    )
    title += f": {hours(total(projects, 'hours'))} are valued at nothing"
    valued = [row for row in projects if row["worth"] is not None]
    worth = {
        code: total([row for row in valued if row["currency"] == code], "worth")
        for code in {row["currency"] for row in valued}
    }
    said = [money(amount, code) for code, amount in sorted(worth.items()) if not rounds_to_zero(amount)]
    if not said:
        return f"{title}; no other time on these projects has a rate"
    if len(valued) == len(projects):
        return f"{title}; at the rates of other time on these projects they would be worth {joined(said)}"
    has = "has" if len(valued) == 1 else "have"
    return f"{title}; {len(valued):,} of the projects {has} rates, at which their hours would be worth {joined(said)}"


def span(months: Sequence[Row]) -> str:
    """Months from first to last, in words: `in Aug to Oct 2026`."""
    if not months:
        return "in these months"
    first, last = (get(row["month_start"] for row in months) for get in (min, max))
    if first == last:
        return f"in {month(last)}"
    return f"from {first:%b}{'' if first.year == last.year else f' {first.year}'} to {month(last)}"
