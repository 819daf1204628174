"""Visibility of rows for a person, given their rights. Administrators see all rows.

https://help.getharvest.com/api-v2/introduction/overview/permissions/
"""

from __future__ import annotations

from typing import Any

from harvest_simulator.account.documents import Invoice
from harvest_simulator.account.rows import User
from harvest_simulator.account.tables import Tables
from harvest_simulator.http.permissions import Viewer


def manages_project(tables: Tables, viewer: Viewer, project_id: int) -> bool:
    """True if the viewer manages the project."""
    row = tables.user_assignment_of(project_id, viewer.user_id)
    return row is not None and row.is_project_manager


def sees_project(tables: Tables, viewer: Viewer, row: Any) -> bool:
    """True if the viewer sees a project or an assignment: a manager sees those of the projects they manage."""
    project_id = getattr(row, "project_id", row.id)
    return viewer.is_administrator or (viewer.is_manager and manages_project(tables, viewer, project_id))


def sees_work(tables: Tables, viewer: Viewer, row: Any) -> bool:
    """True if the viewer sees time or an expense: their own; managers also those of teammates and managed projects."""
    if viewer.is_administrator or row.user_id == viewer.user_id:
        return True
    if not viewer.is_manager:
        return False
    if row.user_id in tables.teammate_ids.get(viewer.user_id, ()):
        return True
    return manages_project(tables, viewer, row.project_id)


def sees_person(tables: Tables, viewer: Viewer, row: User) -> bool:
    """True if the viewer sees a person: themselves; managers also their teammates."""
    if viewer.is_administrator or row.id == viewer.user_id:
        return True
    return viewer.is_manager and row.id in tables.teammate_ids.get(viewer.user_id, ())


def sees_invoice(tables: Tables, viewer: Viewer, row: Invoice) -> bool:
    """True if the viewer sees an invoice: others than administrators see those that bill a project they manage."""
    if viewer.is_administrator:
        return True
    return any(line.project_id and manages_project(tables, viewer, line.project_id) for line in row.lines)
