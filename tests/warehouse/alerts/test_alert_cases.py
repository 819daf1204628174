"""Each alert fires on an account in which its case is just there, and keeps quiet on one in which it is just not.

The account is the simulator's, loaded and built as any other.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from harvest_simulator import Simulator
from harvest_warehouse.alerts import AlertsReport, alerts
from harvest_warehouse.alerts.catalogue import ALERTS
from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.cli.render.alerts import message
from support.shop import Shop

FIRST_DAY, TODAY = date(2026, 2, 2), date(2026, 3, 16)  # both Mondays
LAST_WEEK = [date(2026, 3, 9) + timedelta(day) for day in range(5)]


class Agency:
    """Two people who earn 100 and cost 40 an hour, and a client and project for each thing that can go wrong.

    Args:
        simulator: an empty account on the first day.
        is_troubled: whether each of them goes wrong, by as little as can be.
    """

    def __init__(self, simulator: Simulator, *, is_troubled: bool) -> None:
        self.clock, self.store = simulator.clock, simulator.store
        self.is_troubled = is_troubled
        self.task = self.store.create_task("Consulting")
        self.ada, self.bo = next(iter(self.store.users)), self.store.create_user("Bo", "Berg")
        for person in (self.ada, self.bo):
            self.store.add_billable_rate(person, Decimal(100))
            self.store.add_cost_rate(person, Decimal(40))

    def either(self, troubled: Any, sound: Any) -> Any:
        return troubled if self.is_troubled else sound

    def wait_until(self, day: date, hour: int = 9) -> None:
        self.clock.sleep((day - self.clock.today()).days * 86_400 + (hour - self.clock.now().hour) * 3_600)

    def project(self, name: str, rate: str | None = None, **values: Any) -> int:
        project = self.store.create_project(self.store.create_client(f"{name} Ltd"), name, **values)
        for person in (self.ada, self.bo):
            assignment = self.store.assign_user(project, person)
            if rate:
                self.store.set_assignment_rate(assignment, Decimal(rate))
        return project

    def work(self, project: int, day: date, hours: str, person: int | None = None) -> int:
        return self.store.create_time_entry(person or self.ada, project, self.task, day, hours)

    def invoice(self, project: int, **values: Any) -> int:
        return self.store.create_invoice(self.store.projects[project].client_id, **values)

    def live(self) -> None:
        """From the first day to the day on which the alerts are asked."""
        eighty = self.project("Eighty", budget_by="project", budget=Decimal(10))
        last_day = TODAY + timedelta(self.either(8, 7))
        heading = self.project("Heading", budget_by="project", budget=Decimal(20), ends_on=last_day)
        thin = self.project("Thin", rate=self.either("49.99", "50"))
        settled, owed, forgotten, quiet = map(self.project, ("Settled", "Owed", "Forgotten", "Quiet"))

        self.wait_until(date(2026, 2, 14))
        for project, hours in ((eighty, self.either("8", "7.9")), (thin, "10"), (settled, "5"), (owed, "3")):
            self.work(project, date(2026, 2, 4), hours)
        self.work(forgotten, self.either(date(2026, 2, 13), date(2026, 2, 14)), "2")
        for project in (eighty, thin):
            invoice = self.store.send_invoice(self.invoice(project))
            self.store.pay_invoice(invoice)
        self.store.send_invoice(self.invoice(owed, due_date=self.either(date(2026, 3, 15), TODAY)))
        invoice = self.invoice(settled)
        [entry] = [row.id for row in self.store.time_entries.values() if row.project_id == settled]
        if not self.is_troubled:
            self.store.edit_time_entry(entry, notes="Looked over")
        self.clock.sleep(60)
        self.store.pay_invoice(self.store.send_invoice(invoice))
        if self.is_troubled:
            self.clock.sleep(1)
            self.store.edit_time_entry(entry, notes="Looked over")

        self.wait_until(date(2026, 3, 13))
        for day in LAST_WEEK:
            self.work(heading, day, "2")
            self.work(quiet, day, "6")
        for day, hours in zip(LAST_WEEK, ("8", "8", "8", "8", self.either("0", "0.01")), strict=True):
            if hours != "0":
                self.work(quiet, day, hours, self.bo)
        self.wait_until(*self.either((date(2026, 3, 15), 23), (TODAY, 0)))
        self.store.start_timer(self.work(quiet, self.clock.today(), "0"))
        self.wait_until(TODAY)


def asked(folder: Any, *, is_troubled: bool) -> AlertsReport:
    shop = Shop(folder, empty=True, today=FIRST_DAY)
    Agency(shop.simulator, is_troubled=is_troubled).live()
    shop.as_of = TODAY
    shop.load()
    shop.build()
    return alerts(shop.warehouse, AlertSettings())


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> AlertsReport:
    return asked(tmp_path_factory.mktemp("troubled"), is_troubled=True)


# What each alert has to say: its rows, by some of their columns, worked out by hand.
FIRES: dict[str, list[dict[str, Any]]] = {
    "budget": [
        # 10 of 20 hours, all in the one week since its first use, and 8 days to go: 10 + 10 x 8 / 7, at 100 an hour.
        {
            "project_name": "Heading",
            "budget_spent": 10,
            "spent_share": 0.5,
            "forecast_share": pytest.approx(21.428571429 / 20),
            "over_amount": pytest.approx(142.8571429),
        },
        # 8 of 10 hours.
        {"project_name": "Eighty", "budget_spent": 8, "spent_share": 0.8, "forecast_share": None, "over_amount": 0},
    ],
    "overdue_invoices": [{"client_name": "Owed Ltd", "open_amount": 300, "days_overdue": 1}],
    "unbilled": [{"client_name": "Forgotten Ltd", "uninvoiced_amount": 200, "oldest_date": date(2026, 2, 13)}],
    # 10 hours for 49.99 that cost 40.
    "margin": [{"project_name": "Thin", "revenue_amount": Decimal("499.9"), "margin_amount": Decimal("99.9")}],
    "missing_timesheets": [
        {"person_name": "Bo Berg", "missing_hours": 8, "tracked_hours": 32, "empty_working_days": 1}
    ],
    "timers_over_night": [{"project_name": "Quiet", "spent_date": date(2026, 3, 15), "tracked_hours": 10}],
    "changed_after_invoicing": [{"project_name": "Settled", "entry_hours": 5, "entry_amount": 500}],
}


@pytest.mark.parametrize("name", [alert.name for alert in ALERTS])
def test_it_fires_on_an_account_in_which_its_case_is_just_there(troubled: AlertsReport, name: str) -> None:
    [raised] = [raised for raised in troubled.raised if raised.alert.name == name]
    wanted = FIRES[name]
    assert [{column: row[column] for column in want} for row, want in zip(raised.rows, wanted, strict=True)] == wanted


def test_all_that_was_found_can_be_said_in_words(troubled: AlertsReport) -> None:
    assert message(troubled).count("•") == sum(map(len, FIRES.values()))


def test_none_fires_on_an_account_in_which_no_case_is_quite_there(tmp_path_factory: pytest.TempPathFactory) -> None:
    sound = asked(tmp_path_factory.mktemp("sound"), is_troubled=False)
    assert sound.raised == ()
    assert set(sound.quiet) == {alert.name for alert in ALERTS}
