"""Generate time entries: what each person tracked on each day of employment."""

from __future__ import annotations

from datetime import date, timedelta
from operator import attrgetter
from random import Random

from harvest_simulator.account import vocabulary
from harvest_simulator.account.arithmetic import billable_rate_of, is_budgeted
from harvest_simulator.account.rows import TimeEntry
from harvest_simulator.account.tables import Tables
from harvest_simulator.account.workdays import days_between, is_holiday, midnight, months_between
from harvest_simulator.company.portfolio import Job, Portfolio
from harvest_simulator.company.staff import Person


class Timesheets:
    """Generator of the account's time entries; one instance per company.

    `entries_per_day` is the mean number of entries per person and working day.
    """

    def __init__(
        self, tables: Tables, rng: Random, portfolio: Portfolio, entries_per_day: float, first_day: date, today: date
    ) -> None:
        self.tables = tables
        self.rng = rng
        self.portfolio = portfolio
        self.entries_per_day = entries_per_day
        self.first_day = first_day
        self.today = today
        self.now = tables.clock.now_seconds()
        self.references = vocabulary.external_references()
        self.entries: list[TimeEntry] = []
        # Cache of the fields that an entry takes from its project, task and person.
        self._stamps: dict[tuple[int, int, int], tuple[bool, bool]] = {}

    def fill(self, people: list[Person]) -> None:
        """Add all entries, in order of creation."""
        for person in people:
            self._fill_person(person)
        # Ids follow creation, as on a real service; a back-dated entry has a larger id than its day suggests.
        self.entries.sort(key=attrgetter("created_at"))
        next_id = 2**31 - len(self.entries)
        for number, entry in enumerate(self.entries):
            entry.id = next_id
            next_id += 1 + number % 3
            self.tables.add_time_entry(entry)
        self.tables.start_ids_at("time_entry", next_id + 1)

    def _fill_person(self, person: Person) -> None:
        rng, user_id = self.rng, person.user.id
        away_on = self._days_off()
        works_fridays = person.user.weekly_capacity_seconds == 0 or person.user.weekly_capacity_seconds >= 144_000
        day_hundredths = (person.user.weekly_capacity_seconds or 72_000) / 36 / (5 if works_fridays else 4)
        last_day = min(self.today, person.left_on or self.today)
        for month, month_end in months_between(self.first_day, self.today):
            jobs = self.portfolio.staffing[month].get(user_id)
            if not jobs or person.hired_on > month_end:
                continue
            for day in days_between(max(month, person.hired_on), min(month_end, last_day)):
                weekday = day.weekday()
                if weekday > 4 or (weekday == 4 and not works_fridays):
                    continue
                if is_holiday(day) or day in away_on:
                    task = "Public Holiday" if is_holiday(day) else away_on[day]
                    if not person.user.is_contractor:
                        self._leave(user_id, day, task, int(day_hundredths))
                    continue
                draw = rng.random()
                if draw < 0.015:
                    continue
                worked = int(day_hundredths * (0.88 + 0.26 * rng.random()) * (0.93 if weekday == 4 else 1.0))
                self._work(person, day, [job for job in jobs if job.first_day <= day <= job.last_day], worked)

    def _days_off(self) -> dict[date, str]:
        """Days off of a person: two or three blocks of vacation a year and a few sick days."""
        rng = self.rng
        days: dict[date, str] = {}
        span = (self.today - self.first_day).days
        for _ in range(max(1, span // 130)):
            start = self.first_day + timedelta(days=rng.randrange(span))
            for day in days_between(start, start + timedelta(days=rng.choice((2, 4, 6, 11)))):
                days[day] = "Vacation"
        for _ in range(max(1, span // 60)):
            days.setdefault(self.first_day + timedelta(days=rng.randrange(span)), "Sick Leave")
        return days

    def _leave(self, user_id: int, day: date, task_name: str, hundredths: int) -> None:
        job = self.portfolio.time_off
        if day <= self.today:
            task_id = self.portfolio.tasks[task_name].id
            self._add(user_id, day, job, task_id, hundredths, vocabulary.NOTES[3], midnight(day) + 30_000)

    def _work(self, person: Person, day: date, jobs: list[Job], worked: int) -> None:
        rng = self.rng
        random = rng.random
        count = int(self.entries_per_day + random())
        if count < 1:
            # In sparse timesheets, some days have no entries, to keep the mean.
            if random() > self.entries_per_day:
                return
            count = 1
        internal = self.portfolio.internal
        notes, user_id = vocabulary.NOTES, person.user.id
        created_at = midnight(day) + 57_600 + int(random() * 9_000)
        left, part = worked, worked // count
        for position in range(count):
            if position == count - 1:
                hundredths = left
            else:
                hundredths = int(part * (0.5 + random()))
                if random() < 0.6:
                    hundredths = hundredths // 25 * 25
                hundredths = min(hundredths, left)
            hundredths = max(hundredths, 1)
            left -= hundredths
            draw = random()
            if not jobs or draw < 0.195:
                job = internal
                task_id = job.task_ids[int(random() * 2)]
            else:
                job = jobs[int(random() * random() * len(jobs))]
                # The last task is the non-billable one.
                task_id = job.task_ids[-1] if draw < 0.225 else job.task_ids[int(random() * (len(job.task_ids) - 1))]
            created_at += 60 + int(random() * 240)
            entry_created_at = created_at
            if draw > 0.985:
                # Tracked days or weeks later.
                entry_created_at += 86_400 * int(1 + 30 * random())
            self._add(user_id, day, job, task_id, hundredths, notes[int(random() * len(notes))], entry_created_at)

    def _add(
        self, user_id: int, day: date, job: Job, task_id: int, hundredths: int, note: str | None, created_at: int
    ) -> None:
        if created_at > self.now:
            # No entry is created in the future: one of today is skipped, an older one gets a recent time.
            if day >= self.today:
                return
            created_at = max(midnight(day) + 30_000, self.now - 3_600 - int(self.rng.random() * 40_000))
        tables, project = self.tables, job.project
        by_user = tables.user_assignment_of(project.id, user_id)
        by_task = tables.task_assignment_of(project.id, task_id)
        key = (project.id, user_id, task_id)
        flags = self._stamps.get(key)
        if flags is None:
            billable = project.is_billable and by_task is not None and by_task.billable
            flags = self._stamps[key] = (billable, is_budgeted(project, by_user, by_task))
        draw = self.rng.random()
        updated_at = created_at if draw < 0.7 else min(self.now, created_at + int(draw * 4_000))
        entry = TimeEntry(
            0,
            day,
            user_id,
            project.id,
            task_id,
            hundredths,
            note,
            flags[0],
            flags[1],
            billable_rate_of(project, by_user, by_task, tables.default_rate_of(user_id, day)) if flags[0] else None,
            tables.cost_rate_of(user_id, day),
            created_at,
            updated_at,
        )
        if draw > 0.97 and flags[0]:
            entry.external_reference = self.references[int(self.rng.random() * len(self.references))]
        self._approve(entry)
        self.entries.append(entry)

    def _approve(self, entry: TimeEntry) -> None:
        """Set approvals: weeks are submitted on Monday and approved on the Tuesday of the week after."""
        week_end = midnight(entry.spent_date) + (7 - entry.spent_date.weekday()) * 86_400
        approved_at = week_end + 8 * 86_400 + 36_000 + entry.user_id % 3_600
        submitted_at = week_end + 32_400 + entry.user_id % 3_600
        if approved_at <= self.now and entry.user_id % 13 != 7:
            entry.approval_status = "approved"
            entry.updated_at = max(entry.updated_at, approved_at)
        elif submitted_at <= self.now and entry.created_at <= submitted_at:
            entry.approval_status = "submitted"
            entry.updated_at = max(entry.updated_at, submitted_at)
