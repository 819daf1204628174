"""People: who has room, who is overloaded, whose timesheet is missing."""

from __future__ import annotations

from decimal import Decimal

from harvest_warehouse.dashboard import charts, palette, queries, titles
from harvest_warehouse.dashboard.charts import Field
from harvest_warehouse.dashboard.filters import Filters
from harvest_warehouse.dashboard.formatting import ZERO, count, hours, percent, ratio, short_day, total
from harvest_warehouse.dashboard.header import Header
from harvest_warehouse.dashboard.page import Column, Page, Section, Tile, used
from harvest_warehouse.dashboard.ranking import named
from harvest_warehouse.dashboard.reader import Reader, Row
from harvest_warehouse.dashboard.requirements import PEOPLE, known

# Maximum number of people in a chart; beyond it, only the busiest and those with most room are shown.
_MOST = 40
_AT_EACH_END = 15
_ROOM = Decimal("0.2")
# Bars are cut here: somebody with hardly an available hour would make all other bars too short to compare.
_LONGEST = Decimal(2)
_SHARE = "Billable ÷ available hours"
_WEEKS_WITH_FIGURES = 12
_WORDS = {
    "room": "room: 20 points and more below target",
    "below target": "below target",
    "on target": "on target",
    "above 100%": "above 100%",
    "away": "no available hours",
}
_LEGEND = {_WORDS[name]: colour for name, colour in palette.LOAD.items()}
THIS_WEEK = "this week"
_OF_PEOPLE = "Hours of all clients: a person's capacity belongs to no client and no currency."


def people(read: Reader, chosen: Filters, header: Header) -> Page:
    """Build the page People."""
    with read.at_once():
        persons = queries.utilisation_by_person(read, chosen)
        missing = queries.missing_timesheets(read, chosen)
        away = queries.on_leave(read, chosen)
    everyone = [_measured(row, chosen) for row in named(persons, "person_name", "user_id")]
    able = sorted((row for row in everyone if row["share"] is not None), key=lambda row: (-row["share"], row["label"]))
    shown = able if len(able) <= _MOST else [*able[:_AT_EACH_END], *able[-_AT_EACH_END:]]
    cells = (
        queries.utilisation_by_person_and_week(read, chosen, tuple(row["user_id"] for row in shown)) if shown else []
    )
    above = len([row for row in able if row["share"] > 1])
    page = Page(
        "People",
        "Who has room, who is overloaded, who is away, whose timesheet is missing",
        (
            Tile("People with capacity", f"{len(able):,}", f"in the last {count(chosen.weeks, 'week')}", basis=PEOPLE),
            Tile(
                "Room until target, a week",
                hours(total(able, "room") / chosen.weeks),
                "average of these weeks, people below target",
                basis=PEOPLE,
            ),
            Tile("Above 100% on average", f"{above:,}", "more billable than available hours", above > 0, PEOPLE),
            Tile(
                "On leave this week",
                f"{len({row['user_id'] for row in away if row['when'] == THIS_WEEK}):,}",
                "with leave in Harvest by now",
                basis=PEOPLE,
            ),
        ),
        (
            _by_person(everyone, able, chosen),
            _by_week(shown, cells, able, chosen, header),
            _to_chase(missing, header),
            _on_leave(away),
        ),
    )
    return known(page, header.missing)


def load(share: Decimal | None, target: Decimal) -> str:
    """Classify a person's billable share of available hours."""
    if share is None:
        return "away"
    if share > 1:
        return "above 100%"
    return "on target" if share >= target else "below target" if share >= target - _ROOM else "room"


def target_of(row: Row, chosen: Filters) -> Decimal:
    """Target of a person: their own, or the one that was chosen for all."""
    return Decimal(row["own_target"]) if chosen.has_own_targets else chosen.target


def _measured(row: Row, chosen: Filters) -> Row:
    share = ratio(row["billable_hours"], row["available_hours"])
    target = target_of(row, chosen)
    room = max(target * row["available_hours"] - row["billable_hours"], ZERO)
    return {
        **row,
        "share": share,
        "total_share": ratio(row["tracked_hours"], row["capacity_hours"]),
        "room": room,
        "target": target,
        "load": load(share, target),
    }


def _by_person(everyone: list[Row], able: list[Row], chosen: Filters) -> Section:
    title = titles.people(able, None if chosen.has_own_targets else chosen.target)
    drawn = able
    if len(able) > _MOST:
        between = able[_AT_EACH_END:-_AT_EACH_END]
        sums: Row = {
            key: total(between, key)
            for key in ("billable_hours", "available_hours", "tracked_hours", "capacity_hours", "room")
        }
        own = ratio(sum((row["target"] * row["available_hours"] for row in between), ZERO), sums["available_hours"])
        middle = _measured({**sums, "label": f"{len(between):,} people between", "own_target": own}, chosen)
        drawn = [*able[:_AT_EACH_END], middle, *able[-_AT_EACH_END:]]
    drawn = [
        {
            **row,
            "drawn": min(row["share"], _LONGEST),
            "beyond": percent(row["share"]) if row["share"] > _LONGEST else "",
        }
        for row in drawn
    ]
    cut = (
        f" Longer bars end at {percent(_LONGEST)}, with their figure in them."
        if any(row["beyond"] for row in drawn)
        else ""
    )
    return Section(
        title,
        sorted(everyone, key=lambda row: (row["share"] is None, -(row["share"] or 0))),
        (
            Column("person_name", "Person"),
            Column("kind", "Kind"),
            Column("role_name", "Role"),
            Column("share", "Billable utilisation (%)", "share"),
            Column("target", "Target (%)", "share"),
            Column("billable_hours", "Billable (h)", "hours"),
            Column("available_hours", "Available (h)", "hours"),
            Column("room", "Room until target (h)", "hours"),
            Column("time_off_hours", "Time off (h)", "hours"),
            Column("total_share", "Total utilisation (%)", "share"),
            Column("tracked_hours", "Tracked (h)", "hours"),
        ),
        charts.bars(
            drawn,
            Field("label", "Person"),
            Field("drawn", _SHARE, ".0%"),
            (
                Field("label", "Person"),
                Field("share", _SHARE, ".0%"),
                Field("target", "Target", ".0%"),
                Field("billable_hours", "Billable (h)", ",.1f"),
                Field("available_hours", "Available (h)", ",.1f"),
                Field("room", "Room until target (h)", ",.1f"),
            ),
            colour=Field("load", "Of available hours"),
            colours=palette.LOAD,
            mark=None if chosen.has_own_targets else chosen.target,
            text=Field("beyond", _SHARE) if cut else None,
            description=title,
        )
        if drawn
        else None,
        used(_LEGEND, [{"words": _WORDS[row["load"]]} for row in drawn], "words"),
        f"Sum of {count(chosen.weeks, 'complete week')}. {_OF_PEOPLE}{cut}",
        "people",
        PEOPLE,
    )


def _by_week(shown: list[Row], cells: list[Row], able: list[Row], chosen: Filters, header: Header) -> Section:
    labels = {row["user_id"]: row["label"] for row in shown}
    order = list(labels)
    starts = sorted({row["week_start"] for row in cells})
    rows = []
    for row in sorted(cells, key=lambda row: (order.index(row["user_id"]), row["week_start"])):
        share = ratio(row["billable_hours"], row["available_hours"])
        rows.append(
            {
                **row,
                "label": labels[row["user_id"]],
                "week": short_day(row["week_start"], header.as_of_date),
                "place": starts.index(row["week_start"]),
                "share": share,
                "load": load(share, target_of(row, chosen)),
                "text": figure_in_field(share),
            }
        )
    # Of all people, including those not in the chart.
    title = titles.full_weeks(able)
    return Section(
        title,
        rows,
        (
            Column("label", "Person"),
            Column("week_start", "Week of", "date"),
            Column("share", "Billable utilisation (%)", "share"),
            Column("billable_hours", "Billable (h)", "hours"),
            Column("available_hours", "Available (h)", "hours"),
            Column("load", "Means"),
        ),
        charts.grid(
            rows,
            Field("week", "Week of"),
            Field("label", "Person"),
            Field("load", "Of available hours"),
            palette.LOAD,
            Field("text", "") if len(starts) <= _WEEKS_WITH_FIGURES else None,
            (
                Field("label", "Person"),
                Field("week", "Week of"),
                Field("share", "Utilisation", ".0%"),
                Field("billable_hours", "Billable (h)", ",.1f"),
                Field("available_hours", "Available (h)", ",.1f"),
            ),
            description=title,
        )
        if rows
        else None,
        used(_LEGEND, [{"words": _WORDS[row["load"]]} for row in rows], "words"),
        "Figures: billable % of available hours.",
        "people-by-week",
        PEOPLE,
        f"The chart and its table show the {_AT_EACH_END} busiest, and the {_AT_EACH_END} with most room."
        if len(able) > len(shown)
        else "",
    )


def figure_in_field(share: Decimal | None) -> str:
    """Text of a heat map's cell in percent; above 100 % never rounds down to 100."""
    if share is None:
        return "–"
    said = f"{share * 100:.0f}"
    return f">{said}" if said == "100" and share > 1 else said


def _to_chase(missing: list[Row], header: Header) -> Section:
    late = [row for row in missing if row["missing_hours"] > 0]
    week = short_day(late[0]["week_start"], header.as_of_date) if late else ""
    return Section(
        titles.timesheets(late, header.thresholds.missing_hours, week),
        missing,
        (
            Column("person_name", "Person"),
            Column("missing_hours", "Missing (h)", "hours"),
            Column("empty_working_days", "Empty days", "count"),
            Column("tracked_hours", "Tracked (h)", "hours"),
            Column("capacity_hours", "Capacity (h)", "hours"),
            Column("unapproved_hours", "Not approved (h)", "hours"),
            Column("running_timers", "Running timers", "count"),
        ),
        note="Missing: capacity less tracked hours of the last complete week, leave included. Longer days make up for shorter ones.",
        name="timesheets-to-chase",
        basis=PEOPLE,
    )


def _on_leave(away: list[Row]) -> Section:
    now = {row["user_id"] for row in away if row["when"] == THIS_WEEK}
    then = {row["user_id"] for row in away} - now
    return Section(
        titles.leave(len(now), len(then)),
        away,
        (
            Column("person_name", "Person"),
            Column("when", "Week"),
            Column("from_date", "From", "date"),
            Column("to_date", "To", "date"),
            Column("leave_hours", "Leave (h)", "hours"),
            Column("source", "From"),
        ),
        note="Time entries on tasks of leave, planned ones included, and approved time-off requests where they are loaded.",
        name="on-leave",
        basis=PEOPLE,
    )
