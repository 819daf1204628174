"""What can be invoiced, what is owed, and which offers are out."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from mart_truth.account import ZERO, Account, Row, Table
from mart_truth.days import bucket, day_of, month_end, month_of, months, ratio


class Cash(Account):
    """The tables from work to money."""

    def mart_unbilled(self) -> Table:
        sums: Table = defaultdict(
            lambda: {"hours": ZERO, "time": ZERO, "expense": ZERO, "fee": ZERO, "oldest": date.max}
        )
        for entry in self.entries:
            if entry["is_open"] and entry["is_material"]:
                row = sums[entry["project"], _age((self.as_of - entry["day"]).days)]
                row["hours"] += entry["hours"]
                row["time"] += entry["value"]
                row["oldest"] = min(row["oldest"], entry["day"])
        for expense in self.expenses:
            if expense["is_open"] and expense["is_billable_project"]:
                row = sums[expense["project"], _age((self.as_of - expense["day"]).days)]
                row["expense"] += expense["amount"]
                row["oldest"] = min(row["oldest"], expense["day"])
        invoiced = self.invoiced_lines()
        for project in self.projects.values():
            start = day_of(project["starts_on"]) or day_of(project["created_at"])
            if self.type_of(project) != "fixed_fee" or project["fee"] is None or start is None or start > self.as_of:
                continue
            rest = project["fee"] - invoiced.get(project["id"], ZERO)
            if rest:
                sums[project["id"], "fee"] |= {"fee": rest, "oldest": start}
        return {
            (project_id, age): {
                **self.words_of_project(project_id),
                "project_type": self.type_of(self.projects[project_id]),
                "is_active": self.projects[project_id]["is_active"],
                "oldest_date": row["oldest"],
                "uninvoiced_hours": row["hours"],
                "time_amount": row["time"],
                "expense_amount": row["expense"],
                "uninvoiced_amount": row["time"] + row["expense"] + row["fee"],
            }
            for (project_id, age), row in sums.items()
        }

    def mart_receivables_monthly(self) -> Table:
        events: dict[str, list[tuple[date, str, Decimal]]] = defaultdict(list)
        paid = self.paid()
        for invoice in self.invoices.values():
            if invoice["state"] == "draft":
                continue
            mine = events[invoice["currency"]]
            issued = day_of(invoice["issue_date"]) or date.min
            mine.append((issued, "issued", invoice["amount"]))
            if invoice["state"] == "closed":
                rest = invoice["amount"] - paid.get(invoice["id"], ZERO)
                mine.append((day_of(invoice["closed_at"]) or issued, "written_off", rest))
        for payment in self.truth["invoice_payments"]:
            invoice = self.invoices[payment["invoice_id"]]
            if invoice["state"] != "draft":
                # A payment that tells no day came, as far as anybody knows, when the invoice did.
                days = (payment["paid_date"], payment["paid_at"], invoice["issue_date"])
                day = next(filter(None, map(day_of, days)))
                events[invoice["currency"]].append((day, "paid", payment["amount"]))
        made: Table = {}
        for currency, moved in events.items():
            owed = ZERO
            last = max(*(day for day, *_ in moved), self.as_of)
            for month in months(min(day for day, *_ in moved), last):
                end = self.as_of if self.is_this_month(month) else month_end(month)
                now = dict.fromkeys(("issued", "paid", "written_off"), ZERO)
                for day, kind, amount in moved:
                    if month_of(day) == month:
                        now[kind] += amount
                owed += now["issued"] - now["paid"] - now["written_off"]
                recent = sum(
                    (amount for day, kind, amount in moved if kind == "issued" and end - timedelta(89) <= day <= end),
                    ZERO,
                )
                to_come = sum(
                    (
                        amount if kind == "issued" else -amount
                        for day, kind, amount in moved
                        if self.is_this_month(month) and month_of(day) == month and day > self.as_of
                    ),
                    ZERO,
                )
                made[currency, month] = {
                    "month_end": month_end(month),
                    "month_index": 12 * month.year + month.month,
                    "is_complete_month": self.is_past(month),
                    **now,
                    "receivable_end": owed,
                    "receivable_so_far": owed - to_come,
                    "issued_in_90_days": recent,
                    "days_sales_outstanding": ratio((owed - to_come) * 90, recent),
                }
        return made

    def mart_estimate_pipeline(self) -> Table:
        invoiced: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
        for invoice in self.invoices.values():
            if invoice["estimate"] and invoice["state"] != "draft" and not self.is_deposit(invoice):
                invoiced[invoice["estimate"]["id"], invoice["currency"]] += self.net_of(invoice)
        made: Table = {}
        won, decided = self._decisions()
        for row in self.truth["estimates"]:
            net, done = self.net_of(row), invoiced.get((row["id"], row["currency"]), ZERO)
            is_open = row["state"] in ("draft", "sent")
            issued = day_of(row["issue_date"])
            age = (self.as_of - (issued or self.as_of)).days
            made[row["id"],] = {
                "estimate_number": row["number"],
                "client_id": row["client"]["id"],
                "client_name": self.clients[row["client"]["id"]]["name"],
                "subject": row["subject"],
                "currency": row["currency"],
                "state": row["state"],
                "is_open": is_open,
                "issue_date": issued,
                "sent_on": day_of(row["sent_at"]),
                "decided_on": day_of(row["accepted_at"]) or day_of(row["declined_at"]),
                "amount": row["amount"],
                "net_amount": net,
                "invoiced_net": done,
                "not_yet_invoiced": net - done if row["state"] == "accepted" else None,
                "days_open": age if is_open else None,
                "age_bucket": bucket(age) if is_open else None,
                "days_to_decision": self._days_to_decision(row),
                "win_rate": (rate := ratio(won[row["currency"]], decided[row["currency"]])),
                "weighted_amount": Fraction(net) * rate if is_open and rate is not None else None,
            }
        return made

    def _decisions(self) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
        """Net amounts that were accepted, and decided, within a year, by currency."""
        won: dict[str, Decimal] = defaultdict(Decimal)
        decided: dict[str, Decimal] = defaultdict(Decimal)
        for row in self.truth["estimates"]:
            day = day_of(row["accepted_at"]) or day_of(row["declined_at"])
            if row["state"] in ("accepted", "declined") and day and 0 <= (self.as_of - day).days < 365:
                decided[row["currency"]] += self.net_of(row)
                won[row["currency"]] += self.net_of(row) if row["state"] == "accepted" else ZERO
        return won, decided

    def _days_to_decision(self, estimate: Row) -> int | None:
        decided = day_of(estimate["accepted_at"]) or day_of(estimate["declined_at"])
        asked = day_of(estimate["sent_at"]) or day_of(estimate["issue_date"])
        is_decided = estimate["state"] in ("accepted", "declined") and decided and asked
        return (decided - asked).days if is_decided else None


def _age(days: int) -> str:
    return "future" if days < 0 else bucket(days)
