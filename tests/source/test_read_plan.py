"""Where the next extract resumes, by what this one read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from harvest_time_tracking.reading.calls import Call
from harvest_time_tracking.reading.read_plan import ChildrenPlan, ReadPlan, WindowsPlan
from harvest_time_tracking.reading.request_shares import Split
from harvest_time_tracking.reading.stream_state import Complete, Place

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
FIRST_ANSWER = datetime(2026, 3, 2, 10, tzinfo=UTC)
MARCH = Call("time_entries", {"from": "2026-03-01"}, {})
FEBRUARY = Call("time_entries", {"from": "2026-02-01", "to": "2026-02-28"}, {})
MOVED = Call("time_entries", {"updated_since": "2026-03-01T00:00:00Z"}, {})


def test_a_list_read_at_once_is_complete_from_its_first_answer_on_or_keeps_the_old_cursor() -> None:
    plan = ReadPlan([MARCH])
    assert plan.is_last
    assert plan.after(FIRST_ANSWER, ()) == Complete(FIRST_ANSWER)
    assert plan.after(FIRST_ANSWER, [MARCH]) is None


def test_children_resume_after_the_last_parent_and_then_are_complete_from_their_beginning_on() -> None:
    portion = ChildrenPlan([MARCH], began_at=BEGAN, last=7, left=True, is_first=True)
    assert not portion.is_last
    assert portion.after(FIRST_ANSWER, ()) == Place(BEGAN, {"after": 7, "is_unproven": False})
    # One part that was not proven whole makes all of the reading unproven, whichever part it was.
    assert portion.after(FIRST_ANSWER, [MARCH]) == Place(BEGAN, {"after": 7, "is_unproven": True})
    end = replace(portion, left=False, asked_last=Split(3, 4))
    assert end.is_last
    assert end.after(FIRST_ANSWER, ()) == Complete(BEGAN, Split(3, 4))


def test_a_first_reading_of_children_that_was_not_whole_begins_again_and_a_later_one_keeps_its_cursor() -> None:
    first = ChildrenPlan([MARCH], began_at=BEGAN, last=7, is_first=True, is_unproven=True)
    assert first.after(FIRST_ANSWER, ()) == Place(BEGAN, {"after": 0})
    assert replace(first, is_unproven=False).after(FIRST_ANSWER, [MARCH]) == Place(BEGAN, {"after": 0})
    assert replace(first, is_first=False).after(FIRST_ANSWER, ()) is None


def test_windows_resume_with_what_is_left_and_with_what_was_not_proven_whole() -> None:
    january, april = [None, "2026-01-31"], ["2026-04-01", None]
    plan = WindowsPlan([MARCH, FEBRUARY], [MOVED], BEGAN, left=[january])
    assert not plan.is_last
    assert plan.after(FIRST_ANSWER, ()) == Place(BEGAN, {"windows": [january], "unproven": []})
    end = replace(plan, left=[])
    assert end.is_last
    assert end.after(FIRST_ANSWER, ()) == Complete(BEGAN)
    assert end.after(FIRST_ANSWER, [MARCH]) == Place(BEGAN, {"windows": [], "unproven": [["2026-03-01", None]]})
    # What was moved meanwhile is no window: it is asked once more at the end, and until then the reading is not complete.
    assert end.after(FIRST_ANSWER, [MOVED]) == Place(BEGAN, {"windows": [], "unproven": []})
    before = replace(end, unproven_before=[april])
    assert before.after(FIRST_ANSWER, ()) == Place(BEGAN, {"windows": [], "unproven": [april]})
    assert before.after(FIRST_ANSWER, [FEBRUARY]) == Place(
        BEGAN, {"windows": [], "unproven": [april, ["2026-02-01", "2026-02-28"]]}
    )
