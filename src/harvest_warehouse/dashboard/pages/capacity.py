"""Capacity: who is free in the weeks to come, by role and person."""

from __future__ import annotations

from decimal import Decimal

from harvest_warehouse.dashboard import charts, palette, queries, titles
from harvest_warehouse.dashboard.charts import Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import ZERO, count, hours, ratio, short_day, total
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Page, Section, Tile, used
from harvest_warehouse.dashboard.ranking import named
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.requirements import PEOPLE, known

A_DAY = Decimal(8)
_COLOURS = {"usually billed": palette.TEAL, "planned leave": palette.GREY, "free": palette.BLUE}
_HALF, _QUARTER = Decimal("0.5"), Decimal("0.25")
_FREE = {
    "half of it or more": palette.BLUE,
    "a quarter of it or more": palette.PURPLE,
    "less": palette.TEAL,
    "nobody is there": palette.GREY,
}
_SUMS = ("capacity_hours", "planned_leave_hours", "available_hours", "usual_billable_hours", "bench_hours")
_NOTE = (
    "Free: working hours less holidays, leave that is entered by now, and what each person billed on average in the last four "
    "complete weeks; somebody above that lends no hours to others."
)


def capacity(read: Reader, chosen: Filters, header: Header) -> Page:
    """Build the page Capacity."""
    people = [{**row, "role": row["role_name"] or titles.hours.NO_ROLE} for row in queries.capacity_ahead(read, chosen)]
    weeks = _summed(people, "weeks_ahead")
    free = [row for row in people if row["weeks_ahead"] == 1 and row["bench_hours"] >= A_DAY]
    page = Page(
        "Capacity",
        "Who is free in the next eight weeks",
        (
            *(
                Tile(
                    label,
                    hours(total(some, "bench_hours")) if some else "–",
                    f"of {hours(total(some, 'available_hours'))} available",
                    basis=PEOPLE,
                )
                for label, some in (
                    ("Free next week", [row for row in weeks if row["weeks_ahead"] == 1]),
                    ("Free in eight weeks", weeks),
                )
            ),
            Tile(
                "A day free next week",
                count(len(free), "person", "people"),
                "8 h or more beyond what they usually bill",
                basis=PEOPLE,
            ),
            Tile(
                "Planned leave",
                hours(total(weeks, "planned_leave_hours")),
                "entered for the next eight weeks",
                basis=PEOPLE,
            ),
        ),
        (_by_week(people, weeks, header), _by_role(people, header), _by_person(people)),
    )
    return known(page, header.missing)


def _summed(people: list[Row], *keys: str) -> list[Row]:
    """Sum hours over people, one row for each value of the keys, in the order of the rows."""
    groups: dict[tuple[object, ...], Row] = {}
    for row in people:
        key = tuple(row[name] for name in keys)
        group = groups.setdefault(key, {**row, **dict.fromkeys(_SUMS, ZERO)})
        for name in _SUMS:
            group[name] += row[name]
    return list(groups.values())


def _by_week(people: list[Row], weeks: list[Row], header: Header) -> Section:
    rows = [{**row, "week": short_day(row["week_start"], header.as_of_date)} for row in weeks]
    title = titles.free(rows, _summed([row for row in people if row["weeks_ahead"] == 1], "role"))
    drawn = [
        {"week": row["week"], "kind": kind, "hours": amount}
        for row in rows
        for kind, amount in (
            ("usually billed", row["available_hours"] - row["bench_hours"]),
            ("planned leave", row["planned_leave_hours"]),
            ("free", row["bench_hours"]),
        )
    ]
    return Section(
        title,
        rows,
        (
            Column("week_start", "Week of", "date"),
            Column("bench_hours", "Free (h)", "hours"),
            Column("available_hours", "Available (h)", "hours"),
            Column("planned_leave_hours", "Planned leave (h)", "hours"),
            Column("usual_billable_hours", "Usually billed (h)", "hours"),
            Column("capacity_hours", "Capacity (h)", "hours"),
        ),
        charts.bars(
            drawn,
            Field("week", "Week of"),
            Field("hours", "Hours of all people", ",.0f"),
            (Field("week", "Week of"), Field("kind", "Hours"), Field("hours", "Hours (h)", ",.1f")),
            colour=Field("kind", "Hours"),
            colours=_COLOURS,
            description=title,
        )
        if drawn
        else None,
        used(_COLOURS, drawn, "kind"),
        _NOTE if rows else "",
        "capacity-by-week",
        PEOPLE,
    )


def _by_role(people: list[Row], header: Header) -> Section:
    rows = []
    for row in sorted(_summed(people, "role", "weeks_ahead"), key=lambda row: (row["role"], row["weeks_ahead"])):
        share = ratio(row["bench_hours"], row["available_hours"])
        rows.append(
            {
                **row,
                "week": short_day(row["week_start"], header.as_of_date),
                "place": row["weeks_ahead"],
                "share": share,
                "free": _words(share),
                "text": f"{row['bench_hours']:,.0f}",
            }
        )
    title = titles.free_roles(_summed(people, "role"))
    return Section(
        title,
        rows,
        (
            Column("role", "Role"),
            Column("week_start", "Week of", "date"),
            Column("bench_hours", "Free (h)", "hours"),
            Column("share", "Of available (%)", "share"),
            Column("available_hours", "Available (h)", "hours"),
            Column("planned_leave_hours", "Planned leave (h)", "hours"),
        ),
        charts.grid(
            rows,
            Field("week", "Week of"),
            Field("role", "Role"),
            Field("free", "Of available hours"),
            _FREE,
            Field("text", ""),
            (
                Field("role", "Role"),
                Field("week", "Week of"),
                Field("bench_hours", "Free (h)", ",.1f"),
                Field("available_hours", "Available (h)", ",.1f"),
                Field("share", "Share free", ".0%"),
            ),
            description=title,
        )
        if rows
        else None,
        used(_FREE, rows, "free"),
        "Figures: free hours. Colours: their share of available hours. A person counts in the first of their roles in Harvest."
        if rows
        else "",
        "capacity-by-role",
        PEOPLE,
    )


def _words(share: Decimal | None) -> str:
    if share is None:
        return "nobody is there"
    return "half of it or more" if share >= _HALF else "a quarter of it or more" if share >= _QUARTER else "less"


def _by_person(people: list[Row]) -> Section:
    of_week = {ahead: {row["user_id"]: row for row in people if row["weeks_ahead"] == ahead} for ahead in (1, 2)}
    rows = [
        {
            **row,
            "next_week": of_week[1][row["user_id"]]["bench_hours"],
            "week_after": of_week[2][row["user_id"]]["bench_hours"],
            "usually": of_week[1][row["user_id"]]["usual_billable_hours"],
        }
        for row in named(_summed(people, "user_id"), "person_name", "user_id")
    ]
    rows.sort(key=lambda row: (-row["next_week"], -row["week_after"], row["label"]))
    return Section(
        titles.free_people(rows, A_DAY),
        rows,
        (
            Column("label", "Person"),
            Column("role", "Role"),
            Column("next_week", "Free next week (h)", "hours"),
            Column("week_after", "Free the week after (h)", "hours"),
            Column("bench_hours", "Free in eight weeks (h)", "hours"),
            Column("planned_leave_hours", "Planned leave (h)", "hours"),
            Column("usually", "Usually billed a week (h)", "hours"),
        ),
        note="Who is free next week, most first." if rows else "",
        name="free-people",
        basis=PEOPLE,
    )
