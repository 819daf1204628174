"""Permissions of the token's owner.

https://help.getharvest.com/api-v2/introduction/overview/permissions/ and the permission notes of each endpoint.
"""

from __future__ import annotations

from dataclasses import dataclass

_ADMIN_CLAIMS = [
    f"{noun}:{verb}:{reach}"
    for noun, reach in (
        ("billable_rates", "all"),
        ("billing", "own"),
        ("clients", "all"),
        ("company", "own"),
        ("cost_rates", "all"),
        ("estimates", "all"),
        ("expenses", "all"),
        ("invoices", "all"),
        ("projects", "all"),
        ("saved_reports", "inactive"),
        ("tasks", "all"),
        ("timers", "all"),
        ("users", "all"),
    )
    for verb in ("read", "write")
]
_MEMBER_CLAIMS = ["expenses:read:own", "expenses:write:own", "timers:read:own", "timers:write:own"]
_EXTRA_CLAIMS = {
    "billable_rates_manager": ["billable_rates:read:managed", "billable_rates:write:managed"],
    "managed_projects_invoice_drafter": ["invoices:read:managed"],
    "managed_projects_invoice_manager": ["invoices:read:managed", "invoices:write:managed"],
    "client_and_task_manager": ["clients:read:all", "clients:write:all", "tasks:read:all", "tasks:write:all"],
    "estimates_manager": ["estimates:read:all", "estimates:write:all"],
    "project_creator": ["projects:write:managed"],
}


def claims_of(access_roles: tuple[str, ...]) -> list[str]:
    """Claims (fine-grained rights) that users have had since 2021; not documented."""
    if "administrator" in access_roles:
        return list(_ADMIN_CLAIMS)
    claims = list(_MEMBER_CLAIMS)
    if "manager" in access_roles:
        claims += ["projects:read:managed", "timers:read:managed", "users:read:managed"]
    for extra in access_roles[1:]:
        claims += _EXTRA_CLAIMS.get(extra, [])
    return sorted(claims)


# Rights that a manager needs for lists that are not open to every manager.
INVOICES = frozenset({"managed_projects_invoice_drafter", "managed_projects_invoice_manager"})
ESTIMATES = frozenset({"estimates_manager"})
CLIENTS_AND_TASKS = frozenset({"client_and_task_manager"})
BILLABLE_RATES = frozenset({"billable_rates_manager"})
# Every manager, whatever their other rights.
ANY_MANAGER = frozenset({"manager"})
NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Viewer:
    """Token's owner; `access_roles` starts with administrator, manager or member."""

    user_id: int
    access_roles: tuple[str, ...]

    @property
    def is_administrator(self) -> bool:
        """True for an administrator, who sees and may do everything."""
        return self.access_roles[0] == "administrator"

    @property
    def is_manager(self) -> bool:
        """True for a manager, who sees teammates and managed projects, and more with extra rights."""
        return self.access_roles[0] == "manager"

    @property
    def sees_rates(self) -> bool:
        """True if billable rates and amounts are shown to this person."""
        return self.is_administrator or (self.is_manager and "billable_rates_manager" in self.access_roles)

    def may(self, needed: frozenset[str]) -> bool:
        """True if an endpoint is open that requires managers to have one of `needed`; administrators may use all."""
        return self.is_administrator or (self.is_manager and not needed.isdisjoint(self.access_roles))
