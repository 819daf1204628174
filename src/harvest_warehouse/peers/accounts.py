"""Which account a command on other products' layouts is about."""

from __future__ import annotations

from harvest_time_tracking import SettingWrong
from harvest_warehouse.database import Database
from harvest_warehouse.database.runs import RUNS


def chosen_account(database: Database, account_id: str) -> str:
    """Account that is meant: the one given, else the only one. Raises SettingWrong."""
    has_runs = bool(database.columns(RUNS.name))
    there = (
        [str(one) for (one,) in database.rows(f"select distinct account_id from {RUNS.name} order by 1")]
        if has_runs
        else []
    )
    if account_id in there:
        return account_id
    if account_id or len(there) != 1:
        listed = ", ".join(there) or "none"
        raise SettingWrong(f"Say which account with --account: the database has {listed}.")
    return there[0]
