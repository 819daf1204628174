"""What was earned and what it cost, by project and by client."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from fractions import Fraction

from mart_truth.account import ZERO, Table, nine
from mart_truth.budgets import Budgets
from mart_truth.days import day_of, month_end, month_of, months, ratio

_SUMS = (
    "tracked",
    "hours",
    "billable",
    "value",
    "time",
    "expense_revenue",
    "fee",
    "fee_so_far",
    "labour",
    "expense",
    "invoiced",
)


class Revenue(Budgets):
    """The tables of revenue by month."""

    def mart_fixed_fee_revenue_monthly(self) -> Table:
        made: Table = {}
        invoiced = self.invoiced_lines()
        for project in self.projects.values():
            first, last = day_of(project["starts_on"]), day_of(project["ends_on"])
            if self.type_of(project) != "fixed_fee" or first is None or last is None:
                continue
            whole = max(project["fee"] or ZERO, invoiced.get(project["id"], ZERO))
            length, done, before = (last - first).days + 1, 0, ZERO
            for month in months(first, last):
                in_month = (min(last, month_end(month)) - max(first, month)).days + 1
                done += in_month
                to_date = _rounded(Fraction(whole) * done / length, self.currency_of(project["id"]))
                passed = (
                    done - in_month + max((min(self.as_of, last, month_end(month)) - max(first, month)).days + 1, 0)
                )
                so_far = _rounded(Fraction(whole) * passed / length, self.currency_of(project["id"]))
                made[project["id"], month] = {
                    **self.words_of_project(project["id"]),
                    "days_in_month": in_month,
                    "project_days": length,
                    "fee": project["fee"],
                    "invoiced_amount": invoiced.get(project["id"], ZERO),
                    "project_revenue": whole,
                    "revenue": to_date - before,
                    "revenue_so_far": so_far - before,
                }
                before = to_date
        return made

    def mart_fixed_fee_progress(self) -> Table:
        made: Table = {}
        by_days: dict[int, Decimal] = {}
        for (project_id, _), row in self.mart_fixed_fee_revenue_monthly().items():
            by_days[project_id] = by_days.get(project_id, ZERO) + row["revenue_so_far"]
        for (project_id,), row in self.mart_project_budget().items():
            project = self.projects[project_id]
            is_known = project["fee"] is not None and row["budget"] is not None and not row["budget_is_monthly"]
            if row["project_type"] != "fixed_fee" or not is_known:
                continue
            spent, ends = Fraction(row["budget_spent"]), row["ends_on"]
            total = max(Fraction(row["budget"]), spent, row["estimate_at_completion"] or Fraction(0))
            if not project["is_active"] or (ends and ends < self.as_of):
                total = spent
            done = ratio(spent, total)
            earned = None if done is None else Fraction(project["fee"]) * done
            invoiced = self._billed(project_id)
            made[project_id,] = {
                **self.words_of_budget(project),
                "starts_on": row["starts_on"],
                "ends_on": ends,
                "fee": project["fee"],
                "budget": row["budget"],
                "budget_spent": row["budget_spent"],
                "expected_total": total,
                "earned_straight_line": by_days.get(project_id),
                "invoiced_amount": invoiced,
                "share_done": done,
                "earned_by_progress": earned,
                "over_billed": None if earned is None else Fraction(invoiced) - earned,
                "fee_left_to_earn": None if earned is None else Fraction(project["fee"]) - earned,
            }
        return made

    def _billed(self, project_id: int) -> Decimal:
        """Lines of a project in its currency, after discounts; drafts and deposits left out."""
        billed = ZERO
        for invoice in self.invoices.values():
            if invoice["state"] == "draft" or self.is_deposit(invoice):
                continue
            if invoice["currency"] != self.currency_of(project_id):
                continue
            share = 1 - (invoice["discount"] or ZERO) / 100
            for line in invoice["line_items"]:
                if line["project"] and line["project"]["id"] == project_id:
                    billed += nine(line["amount"] * share)
        return billed

    def _monthly(self) -> Table:
        """What adds up to the profit of a project in a month."""
        sums: Table = defaultdict(lambda: dict.fromkeys(_SUMS, ZERO))
        for entry in self.entries:
            row = sums[entry["project"], month_of(entry["day"])]
            row["tracked"] += entry["tracked"]
            row["hours"] += entry["hours"]
            row["billable"] += entry["billable_hours"]
            row["value"] += entry["value"]
            row["time"] += entry["revenue"]
            row["labour"] += entry["labour"]
        for expense in self.expenses:
            row = sums[expense["project"], month_of(expense["day"])]
            row["expense"] += expense["amount"]
            row["expense_revenue"] += expense["billable"] if expense["is_material"] else ZERO
        for key, fee in self.mart_fixed_fee_revenue_monthly().items():
            sums[key]["fee"] += fee["revenue"]
            sums[key]["fee_so_far"] += fee["revenue_so_far"]
        for invoice in self.invoices.values():
            if invoice["state"] not in ("open", "paid") or self.is_deposit(invoice):
                continue
            month = month_of(day_of(invoice["issue_date"]) or date.min)
            share = 1 - (invoice["discount"] or ZERO) / 100
            for line in invoice["line_items"]:
                if line["project"] and invoice["currency"] == self.currency_of(line["project"]["id"]):
                    sums[line["project"]["id"], month]["invoiced"] += nine(line["amount"] * share)
        return sums

    def mart_project_profitability_monthly(self) -> Table:
        made: Table = {}
        invoiced_to_date: dict[int, Decimal] = defaultdict(Decimal)
        value_to_date: dict[int, Decimal] = defaultdict(Decimal)
        for (project_id, month), row in sorted(self._monthly().items()):
            project, currency = self.projects[project_id], self.currency_of(project_id)
            at_rates_or_fee = row["time"] + row["fee"]
            revenue = at_rates_or_fee + row["expense_revenue"]
            so_far = row["time"] + row["expense_revenue"] + row["fee_so_far"]
            is_home, rate = currency == self.home, self.rates.get(currency)
            invoiced_to_date[project_id] += row["invoiced"]
            value_to_date[project_id] += row["value"]
            made[project_id, month] = {
                **self.words_of_project(project_id),
                "project_type": self.type_of(project),
                "is_active": project["is_active"],
                "is_home_currency": is_home,
                "is_complete_month": self.is_past(month),
                "tracked_hours": row["tracked"],
                "hours": row["hours"],
                "billable_hours": row["billable"],
                "value_at_rates": row["value"],
                "time_revenue": row["time"],
                "expense_revenue": row["expense_revenue"],
                "fixed_fee_revenue": row["fee"],
                "revenue": revenue,
                "revenue_so_far": so_far,
                "labour_cost": row["labour"],
                "expense_cost": row["expense"],
                "cost": row["labour"] + row["expense"] if is_home else None,
                "margin": revenue - row["labour"] - row["expense"] if is_home else None,
                "margin_so_far": so_far - row["labour"] - row["expense"] if is_home else None,
                "invoiced_net": row["invoiced"],
                "effective_rate": ratio(at_rates_or_fee, row["hours"]),
                "rate_realisation": ratio(at_rates_or_fee, row["value"]),
                "invoiced_net_to_date": invoiced_to_date[project_id],
                "value_at_rates_to_date": value_to_date[project_id],
                "revenue_home": None if rate is None else revenue * rate,
                "cost_home": None if rate is None else row["labour"] + row["expense"] * rate,
                "margin_home": None if rate is None else (revenue - row["expense"]) * rate - row["labour"],
            }
        return made

    def mart_client_monthly(self) -> Table:
        names = ("hours", "billable_hours", "revenue", "margin")
        sums: Table = defaultdict(lambda: dict.fromkeys((*names, "invoiced"), ZERO))
        for (_, month), row in self.mart_project_profitability_monthly().items():
            mine = sums[row["client_id"], month]
            for name in names:
                mine[name] += row[name] or ZERO
        for invoice in self.invoices.values():
            client = self.clients[invoice["client"]["id"]]
            is_theirs = invoice["currency"] == client["currency"]
            if invoice["state"] in ("open", "paid") and not self.is_deposit(invoice) and is_theirs:
                month = month_of(day_of(invoice["issue_date"]) or date.min)
                sums[client["id"], month]["invoiced"] += self.net_of(invoice)
        last: dict[str, date] = defaultdict(lambda: self.as_of)
        for client_id, month in sums:
            last[self.clients[client_id]["currency"]] = max(last[self.clients[client_id]["currency"]], month)
        made: Table = {}
        for client_id in {client_id for client_id, _ in sums}:
            currency = self.clients[client_id]["currency"]
            is_home, rate = currency == self.home, self.rates.get(currency)
            active = [month for one, month in sums if one == client_id]
            line = list(months(min(active), last[currency]))
            for position, month in enumerate(line):
                is_there = (client_id, month) in sums
                row = sums[client_id, month] if is_there else dict.fromkeys((*names, "invoiced"), ZERO)
                year = line[max(0, position - 11) : position + 1]
                made[client_id, month] = {
                    "client_name": self.clients[client_id]["name"],
                    "currency": currency,
                    "month_index": 12 * month.year + month.month,
                    "is_complete_month": self.is_past(month),
                    "hours": row["hours"],
                    "billable_hours": row["billable_hours"],
                    "revenue": row["revenue"],
                    # Nothing earned is nothing in any currency.
                    "revenue_home": None if rate is None and row["revenue"] else row["revenue"] * (rate or ZERO),
                    "margin": row["margin"] if is_home else None,
                    "invoiced_net": row["invoiced"],
                    "revenue_in_12_months": sum(
                        (sums[client_id, one]["revenue"] for one in year if (client_id, one) in sums), ZERO
                    ),
                }
        self._add_shares(made)
        return made

    def _add_shares(self, made: Table) -> None:
        totals: dict[tuple[str, date], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
        for (_, month), row in made.items():
            totals[row["currency"], month][0] += row["revenue"]
            totals[row["currency"], month][1] += row["revenue_in_12_months"]
        for (_, month), row in made.items():
            total, in_year = totals[row["currency"], month]
            row["revenue_share"] = ratio(row["revenue"], total)
            row["revenue_share_in_12_months"] = ratio(row["revenue_in_12_months"], in_year)


def _rounded(amount: Fraction, currency: str) -> Decimal:
    """To the cent, or to a whole unit where there is no smaller one; half of one goes up, exactly."""
    units = 1 if currency in ("JPY", "ISK", "KRW", "CLP") else 100
    return Decimal(int(amount * units + Fraction(1, 2))) / units
