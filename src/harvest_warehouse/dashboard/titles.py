"""Titles of sections: conclusions made from the rows that the section shows, and true of all of them.

No title reads the marts. An amount that rounds to 0 counts as none, and a share is "all" only where nothing is left.
"""

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
    points,
    ratio,
    rounds_to_zero,
    total,
)
from harvest_warehouse.dashboard.reader import Row


def utilisation(weeks: Sequence[Row], target: Decimal) -> str:
    """Title on billable utilisation over some weeks, compared with the target."""
    measured = [row for row in weeks if row["available_hours"]]
    average = ratio(total(measured, "billable_hours"), total(measured, "available_hours"))
    if average is None:
        return "Nobody had available hours in a complete week: there is no utilisation"
    gap = average - target
    side = "on" if abs(gap) < Decimal("0.005") else f"{points(gap)} {'above' if gap > 0 else 'below'}"
    return f"Billable utilisation over {count(len(measured), 'week')} is {percent(average)}: {side} target"


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


def unbilled(rows: Sequence[Row], currency: str) -> str:
    """Title on unbilled work, from rows by client (`label`) and age; credits and time without a rate are named apart."""
    amounts = {label: total(_of(rows, label), "uninvoiced_amount") for label in _labels(rows)}
    due = {label: amount for label, amount in amounts.items() if amount > 0 and not rounds_to_zero(amount)}
    overpaid = {label: -amount for label, amount in amounts.items() if amount < 0 and not rounds_to_zero(amount)}
    asked = sum(due.values(), ZERO)
    if not due:
        title = f"Nothing can be billed in {currency}"
    elif len(due) == 1:
        title = f"{money(asked, currency)} can be billed, all of it to {next(iter(due))}"
    else:
        most = max(due.values())
        first = [label for label, amount in due.items() if amount == most]
        title = f"{money(asked, currency)} can be billed to {len(due):,} clients"
        if len(first) == len(due):
            title += f", {money(most, currency)} to each"
        elif len(first) == 1:
            title += f": {first[0]} has {percent(ratio(most, asked))} of it"
    if overpaid:
        who = next(iter(overpaid)) if len(overpaid) == 1 else f"{len(overpaid):,} clients"
        title += f"; {who} {'has' if len(overpaid) == 1 else 'have'} a credit of {money(sum(overpaid.values(), ZERO), currency)}"
    without = total([row for row in rows if not row["time_amount"]], "uninvoiced_hours")
    if not rounds_to_zero(without):
        title += f"; {hours(without)} without a rate cannot be valued"
    return title


def receivables(rows: Sequence[Row], credit: Decimal, currency: str) -> str:
    """Title on receivables, from rows by age (`overdue_bucket`) on which something is owed.

    Args:
        rows: receivables by age.
        credit: sum of what clients paid too much, 0 or negative.
        currency: their currency.
    """
    owed = total(rows, "open_amount")
    overdue = total([row for row in rows if row["overdue_bucket"] != "not_due"], "open_amount")
    if rounds_to_zero(owed):
        title = f"Clients owe nothing in {currency}"
    elif not overdue:
        title = f"Clients owe {money(owed, currency)}, and nothing is overdue"
    elif overdue == owed:
        title = f"All of the {money(owed, currency)} that clients owe is overdue"
    else:
        title = f"{percent(ratio(overdue, owed))} of the {money(owed, currency)} that clients owe is overdue"
    return title if rounds_to_zero(credit) else f"{title}; credits of {money(-credit, currency)} are not deducted"


def days_outstanding(months: Sequence[Row], currency: str) -> str:
    """Title on days sales outstanding, from rows of complete months, oldest first."""
    known = [row for row in months if row["days_sales_outstanding"] is not None]
    if not known:
        return f"Nothing was invoiced in {currency} in the 90 days before any of these month ends: there are no days of sales"
    first, last = (Decimal(row["days_sales_outstanding"]) for row in (known[0], known[-1]))
    end = f"at the end of {month(known[-1]['month_start'])}"
    if last < 0 and not rounds_to_zero(last):
        return f"Clients had more in credit than they owed {end}"
    title = (
        f"Clients take {count(round(last), 'day')} to pay (DSO {end})" if round(last) else f"Clients owed nothing {end}"
    )
    if len(known) == 1:
        return title
    start = month(known[0]["month_start"])
    if round(first) == round(last):
        return f"{title}, the same as in {start}"
    return f"{title}, {'up' if last > first else 'down'} from {round(first):,} in {start}"


def fees(rows: Sequence[Row], currency: str) -> str:
    """Title on fixed fees, from rows by project; what is left of one is not set off against what is over on another."""
    left = total([row for row in rows if row["uninvoiced_amount"] > 0], "uninvoiced_amount")
    over = -total([row for row in rows if row["uninvoiced_amount"] < 0], "uninvoiced_amount")
    said = [
        *([] if rounds_to_zero(left) else [f"{money(left, currency)} of fixed fees is not invoiced yet"]),
        *([] if rounds_to_zero(over) else [f"{money(over, currency)} was invoiced beyond the fees"]),
    ]
    return "; ".join(said) or f"No fixed fee in {currency} differs from what was invoiced of it"


def overdue(clients: Sequence[Row], currency: str) -> str:
    """Title on overdue invoices, from rows by client, most money first."""
    clients = [row for row in clients if not rounds_to_zero(row["amount"])]
    if not clients:
        return f"No invoice is overdue in {currency}"
    most = clients[0]["amount"]
    first = [row["client_name"] for row in clients if row["amount"] == most]
    if len(first) > 2:
        return f"{len(first):,} clients owe most: {money(most, currency)} overdue each"
    if len(first) == 2:
        return f"Call {joined(first)} first: {money(most, currency)} overdue each"
    [top, *_] = clients
    late = f"{'the oldest ' if top['invoices'] > 1 else ''}for {count(top['days_overdue'], 'day')}"
    return f"Call {first[0]} first: {money(most, currency)} overdue on {count(top['invoices'], 'invoice')}, {late}"


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


def people(able: Sequence[Row], target: Decimal) -> str:
    """Title on people below target, from rows with a `share` of billable hours."""
    below = len([row for row in able if row["share"] < target])
    if not able:
        return "Nobody had available hours in these weeks"
    if not below:
        return f"{'The one person is' if len(able) == 1 else f'All {len(able):,} people are'} at or above the target of {percent(target)}"
    return f"{below:,} of {count(len(able), 'person', 'people')} {'is' if below == 1 else 'are'} below the target of {percent(target)}"


def full_weeks(able: Sequence[Row]) -> str:
    """Title on people with weeks above 100% (`weeks_above`)."""
    over = len([row for row in able if row["weeks_above"]])
    if not able:
        return "Nobody had available hours in these weeks"
    if not over:
        return "Nobody had a single week above 100%"
    return f"{count(over, 'person', 'people')} had at least one week above 100%"


def timesheets(late: Sequence[Row], threshold: Decimal, week: str) -> str:
    """Title on missing hours of the last complete week, from rows with `missing_hours`.

    Args:
        late: timesheets with missing hours.
        threshold: hours from which a timesheet is to be chased.
        week: the first day of the week, in words.
    """
    chased = [row for row in late if row["missing_hours"] >= threshold]
    least = f"{threshold.normalize():f} h or more"
    if not late:
        return "No timesheet of the last complete week has missing hours"
    if not chased:
        return f"No timesheet for the week of {week} lacks {least}; {count(len(late), 'timesheet')} {'lacks' if len(late) == 1 else 'lack'} less"
    lacks = "timesheet lacks" if len(chased) == 1 else "timesheets lack"
    title = f"{len(chased):,} {lacks} {least} for the week of {week}: {hours(total(chased, 'missing_hours'))}"
    rest = len(late) - len(chased)
    return f"{title}; {rest:,} {'lacks' if rest == 1 else 'lack'} less" if rest else title


def leave(this_week: int, next_week: int) -> str:
    """Title on leave: number of people this week, and of those who are away next week only."""
    if not this_week and not next_week:
        return "Nobody has entered leave for this week or the next"
    later = f"{count(next_week, 'person', 'people')} next week"
    if not this_week:
        return f"Nobody has entered leave for this week; {later}"
    now = f"{count(this_week, 'person', 'people')} on leave this week"
    return f"{now}, {next_week:,} more next week" if next_week else now


def company(rows: Sequence[Row], in_home: Decimal | None, home: str | None) -> str:
    """Title on the company, from rows by currency (`overdue`); currencies are added up only where all have a rate.

    Args:
        rows: one row for each currency.
        in_home: what is overdue in all currencies together, in home currency; None where a rate is missing.
        home: the home currency.
    """
    late = [row for row in rows if not rounds_to_zero(row["overdue"])]
    if not late:
        return "Nothing is overdue" + (" in any currency" if len(rows) > 1 else "")
    if len(late) > 1 and in_home is not None and home:
        return f"{money(in_home, home)} is overdue, in {len(late):,} currencies together"
    return f"{joined([money(row['overdue'], row['currency']) for row in late])} {'is' if len(late) == 1 else 'are'} overdue"


def calls(rows: Sequence[Row], *, has_one_scale: bool) -> str:
    """Title on whom to call, from rows with `client_name`, `amount`, `currency`, `kind` and `what`, in the order to call.

    Args:
        rows: the calls.
        has_one_scale: whether amounts can be compared: in one currency, or converted.
    """
    if not rows:
        return "Nobody to call about invoices, budgets, unbilled work or margins"
    firsts = {row["currency"]: row for row in reversed(rows)}
    if has_one_scale or len(firsts) == 1:
        [top, *_] = rows
        return f"Call first: {top['client_name']}, {money(top['amount'], top['currency'])} {top['what']}"
    in_order = [row for row in rows if row is firsts[row["currency"]]]
    each = [f"{row['client_name']} ({money(row['amount'], row['currency'])} {row['kind']})" for row in in_order]
    return f"Call first, the largest in each currency: {joined(each)}"


def concentration(clients: Sequence[Row], currency: str) -> str:
    """Title on how much revenue of twelve months depends on the largest clients, from rows by client, largest first."""
    paying = [row for row in clients if row["revenue"] > 0 and not rounds_to_zero(row["revenue"])]
    if not paying:
        return f"No client brought revenue in {currency} in these twelve months"
    if len(paying) == 1:
        return (
            f"{paying[0]['client_name']} brought all revenue of twelve months: {money(paying[0]['revenue'], currency)}"
        )
    whole = total(paying, "revenue")
    most = paying[0]["revenue"]
    first = [row["client_name"] for row in paying if row["revenue"] == most]
    share = f"{percent(ratio(most, whole))} of revenue of twelve months"
    if len(first) == 1:
        title = f"{share} comes from {first[0]}"
    else:
        title = f"{joined(first) if len(first) == 2 else f'{len(first):,} clients'} brought {share} each"
    if len(paying) <= 3:
        return title
    return f"{title}, {percent(ratio(total(paying[:3], 'revenue'), whole))} from the three largest of {len(paying):,}"


def pipeline(open_estimates: Sequence[Row], decided: Sequence[Row], currency: str) -> str:
    """Title on estimates: what is open, and the share of what was decided that was won.

    Args:
        open_estimates: drafts and sent ones.
        decided: accepted and declined ones of twelve months.
        currency: their currency.
    """
    sent = [row for row in open_estimates if row["state"] == "sent"]
    amount = total(sent, "net_amount")
    title = (
        f"{money(amount, currency)} is offered in {count(len(sent), 'open estimate')}"
        if sent
        else f"No estimate in {currency} is out with a client"
    )
    won, whole = (
        total(rows, "net_amount") for rows in ([row for row in decided if row["state"] == "accepted"], decided)
    )
    if whole > 0:
        title += f"; {percent(ratio(won, whole))} of {money(whole, currency)} decided in twelve months was won"
    return title


def decided(rows: Sequence[Row], currency: str) -> str:
    """Title on decided estimates: how many were won, and what of them is not invoiced yet."""
    won = [row for row in rows if row["state"] == "accepted"]
    left = total([row for row in won if row["not_yet_invoiced"] > 0], "not_yet_invoiced")
    if not rows:
        return f"No estimate in {currency} was decided in twelve months"
    title = f"{len(won):,} of {count(len(rows), 'estimate')} decided in twelve months {'was' if 1 in (len(won), len(rows)) else 'were'} won"
    return title if rounds_to_zero(left) else f"{title}; {money(left, currency)} of what was won is not invoiced yet"


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


def without_cost(people: Sequence[Row]) -> str:
    """Title on time without a cost rate, from rows by person (`entries`, `hours`)."""
    if not people:
        return "All time has a cost rate"
    who = people[0]["person_name"] if len(people) == 1 else f"{len(people):,} people"
    return f"{hours(total(people, 'hours'))} of {who} have no cost rate, and count as free"


def span(months: Sequence[Row]) -> str:
    """Months from first to last, in words: `in Aug to Oct 2026`."""
    if not months:
        return "in these months"
    first, last = (get(row["month_start"] for row in months) for get in (min, max))
    if first == last:
        return f"in {month(last)}"
    return f"from {first:%b}{'' if first.year == last.year else f' {first.year}'} to {month(last)}"


def _labels(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(row["label"] for row in rows))


def _of(rows: Sequence[Row], label: str) -> list[Row]:
    return [row for row in rows if row["label"] == label]
