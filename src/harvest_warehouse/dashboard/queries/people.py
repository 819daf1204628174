"""Queries on hours of people: utilisation, timesheets and leave."""

from __future__ import annotations

from decimal import Decimal

from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.definitions import AS_OF, LAST_WEEK, LAST_WEEKS, MISSING_HOURS

_PERSON = (
    "inner join marts.dim_person as person on fact.account_id = person.account_id and fact.user_id = person.user_id"
)


def utilisation_by_week(read: Reader, chosen: Filters) -> list[Row]:
    """Read utilisation sums, one row per complete week, oldest first."""
    return read(
        f"""
        select
          fact.week_start,
          sum(fact.billable_hours) as billable_hours,
          sum(fact.available_hours) as available_hours,
          sum(fact.tracked_hours) as tracked_hours,
          sum(fact.capacity_hours) as capacity_hours,
          sum(fact.available_hours * person.target_utilisation) as target_hours
        from marts.mart_utilisation_weekly as fact
        {AS_OF}
        {_PERSON}
        where {chosen.of_people} and {LAST_WEEKS}
        group by fact.week_start
        order by fact.week_start
        """,
        chosen.values,
    )


def utilisation_by_person(read: Reader, chosen: Filters) -> list[Row]:
    """Read utilisation sums, one row per person with hours or capacity in the weeks, most available hours first."""
    return read(
        f"""
        select
          fact.user_id,
          max(fact.person_name) as person_name,
          max(case when fact.is_contractor then 'contractor' else 'employee' end) as kind,
          sum(fact.billable_hours) as billable_hours,
          sum(fact.available_hours) as available_hours,
          sum(fact.tracked_hours) as tracked_hours,
          sum(fact.capacity_hours) as capacity_hours,
          sum(fact.time_off_hours) as time_off_hours,
          sum(case when fact.available_hours > 0 and fact.billable_hours > fact.available_hours then 1 else 0 end)
            as weeks_above,
          max(person.role_name) as role_name,
          max(person.target_utilisation) as own_target
        from marts.mart_utilisation_weekly as fact
        {AS_OF}
        {_PERSON}
        where {chosen.of_people} and {LAST_WEEKS}
        group by fact.user_id
        order by sum(fact.available_hours) desc, max(fact.person_name), fact.user_id
        """,
        chosen.values,
    )


def utilisation_by_person_and_week(read: Reader, chosen: Filters, user_ids: tuple[int, ...]) -> list[Row]:
    """Read billable and available hours of these people, one row per person and week."""
    return read(
        f"""
        select
          fact.user_id,
          fact.person_name,
          fact.week_start,
          fact.billable_hours,
          fact.available_hours,
          person.target_utilisation as own_target
        from marts.mart_utilisation_weekly as fact
        {AS_OF}
        {_PERSON}
        where {chosen.of_people} and {LAST_WEEKS} and fact.user_id in (:user_ids)
        order by fact.user_id, fact.week_start
        """,
        {**chosen.values, "user_ids": user_ids},
    )


def missing_timesheets(read: Reader, chosen: Filters) -> list[Row]:
    """Read timesheets of the last complete week with missing hours or a running timer, one row per person."""
    return read(
        f"""
        select
          fact.user_id,
          fact.person_name,
          fact.week_start,
          fact.capacity_hours,
          fact.tracked_hours,
          {MISSING_HOURS} as missing_hours,
          fact.empty_working_days,
          fact.unapproved_hours,
          fact.running_timers
        from marts.mart_timesheet_compliance_weekly as fact
        {AS_OF}
        where {chosen.of_people} and {LAST_WEEK} and ({MISSING_HOURS} > 0 or fact.running_timers > 0)
        order by {MISSING_HOURS} desc, fact.person_name, fact.user_id
        """,
        chosen.values,
    )


def missing_by_week(read: Reader, chosen: Filters, threshold: Decimal) -> list[Row]:
    """Read missing hours, and the number of timesheets that lack `threshold` or more, one row per complete week, oldest first."""
    return read(
        f"""
        select
          fact.week_start,
          sum(fact.capacity_hours) as capacity_hours,
          sum({MISSING_HOURS}) as missing_hours,
          sum(case when fact.is_active and {MISSING_HOURS} > 0 and {MISSING_HOURS} >= :threshold then 1 else 0 end) as to_chase
        from marts.mart_timesheet_compliance_weekly as fact
        {AS_OF}
        where {chosen.of_people} and {LAST_WEEKS}
        group by fact.week_start
        order by fact.week_start
        """,
        {**chosen.values, "threshold": threshold},
    )


def on_leave(read: Reader, chosen: Filters) -> list[Row]:
    """Read leave of this week and the next, one row per person, week and source."""
    rows = read(
        f"""
        select
          fact.user_id,
          max(person.person_name) as person_name,
          case when day.week_index = today.week_index then 'this week' else 'next week' end as when_words,
          min(fact.spent_date) as from_date,
          max(fact.spent_date) as to_date,
          sum(fact.tracked_hours) as leave_hours
        from marts.fct_time_entry as fact
        {AS_OF}
        inner join marts.dim_date as day
          on fact.account_id = day.account_id
          and fact.spent_date = day.date_day
        inner join marts.dim_person as person
          on fact.account_id = person.account_id
          and fact.user_id = person.user_id
        where
          fact.account_id = :account_id
          and fact.is_time_off
          and fact.tracked_hours > 0
          and day.week_index between today.week_index and today.week_index + 1
        group by fact.user_id, case when day.week_index = today.week_index then 'this week' else 'next week' end
        order by min(fact.spent_date), max(person.person_name), fact.user_id
        """,
        {"account_id": chosen.account_id},
    )
    found = [{**row, "when": row["when_words"], "source": "time entries"} for row in rows]
    return found + (_requested_leave(read, chosen) if read.has("pto_requests") else [])


def _requested_leave(read: Reader, chosen: Filters) -> list[Row]:
    rows = read(
        """
        select
          request.user__id as user_id,
          request.user__name as person_name,
          case when day.week_index = today.week_index then 'this week' else 'next week' end as when_words,
          min(day.date_day) as from_date,
          max(day.date_day) as to_date
        from pto_requests as request
        inner join marts.dim_date as today
          on request.account_id = today.account_id
          and today.is_as_of_date
        inner join marts.dim_date as day
          on request.account_id = day.account_id
          and day.date_day between request.start_date and request.end_date
        where
          request.account_id = :account_id
          and request.status like 'approved%'
          and day.is_working_day
          and day.week_index between today.week_index and today.week_index + 1
        group by
          request.user__id,
          request.user__name,
          case when day.week_index = today.week_index then 'this week' else 'next week' end
        order by min(day.date_day), request.user__name, request.user__id
        """,
        {"account_id": chosen.account_id},
    )
    return [{**row, "when": row["when_words"], "leave_hours": None, "source": "time-off requests"} for row in rows]
