"""Whole runs from Python, for orchestrators and notebooks: what the commands do, with result objects in place of printed text.

    from harvest_warehouse import sync

    report = sync()
    assert report.is_equal and not report.needs_somebody

Settings are read where the commands read them, in the working directory and the environment. Errors are `HarvestError`s, or
dlt's own where the database refuses. Nothing is printed, no signal is handled, and no notification is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from harvest_time_tracking import Settings, SettingWrong
from harvest_warehouse.doctor.accounts import configured_accounts
from harvest_warehouse.load import LoadReport
from harvest_warehouse.load import load as load_into
from harvest_warehouse.marts import BuildReport
from harvest_warehouse.marts import build as build_in_target
from harvest_warehouse.marts.settings import mart_settings
from harvest_warehouse.messages.steps import say_nothing
from harvest_warehouse.settings.account import reread_requests
from harvest_warehouse.settings.process import keep_dlt_quiet, keep_memory_flat, keep_names, pandas_kept_out
from harvest_warehouse.sync import SyncReport, repair
from harvest_warehouse.sync import sync as sync_into
from harvest_warehouse.verify import VerifyReport
from harvest_warehouse.verify import verify as verify_in_target
from harvest_warehouse.warehouse import Target, user_target

OnStep = Callable[[str], None]


def sync(
    target: Target | None = None,
    settings: Settings | None = None,
    *,
    repair: bool = False,
    accept_deletions: bool = False,
    accept_access: bool = False,
    build_marts: bool = True,
    on_step: OnStep = say_nothing,
) -> SyncReport:
    """Make every table match Harvest, as `dlt-harvest sync` does.

    Args:
        target: the database. Default: the configured one, in the working directory.
        settings: the account, such as one of `accounts()`. Default: the configured one.
        repair: whether to also compare with Harvest's reports, and to read again what differs.
        accept_deletions: whether to move rows even if a large share of a list was deleted at once.
        accept_access: whether to accept a token that sees less than an earlier one.
        build_marts: whether to build the marts at the end. If they cannot be built, `not_built` of the report says why.
        on_step: called with a short text when a step begins.

    Returns:
        The report. `is_equal`: every list was read and found equal to Harvest's. `needs_somebody`: what the command tells by
        exit code 3.

    Raises:
        SettingWrong: a setting is missing or invalid; nothing was requested.
        DatabaseBusy: another run is writing into the same database.
        HarvestError: the run failed; the next one resumes.
    """
    with _prepared(target) as place:
        account = settings or _only_account()
        if build_marts:
            mart_settings()
        return sync_into(
            place,
            account,
            repair=repair,
            accept_deletions=accept_deletions,
            accept_access=accept_access,
            reread_requests=reread_requests(),
            build_marts=build_marts,
            on_step=on_step,
        )


def load(
    streams: Sequence[str] = (),
    target: Target | None = None,
    settings: Settings | None = None,
    *,
    accept_access: bool = False,
    on_step: OnStep = say_nothing,
) -> LoadReport:
    """Load what changed, in all lists or in some, as `dlt-harvest load` does: no deletion is looked for, no mart is built.

    Args:
        streams: names of lists. Default: all that a sync reads.
        target: as for `sync`.
        settings: as for `sync`.
        accept_access: as for `sync`.
        on_step: as for `sync`.

    Raises:
        HarvestError: as for `sync`; `LoadFailed` has a report of the load until then.
    """
    with _prepared(target) as place:
        return load_into(place, settings or _only_account(), streams, accept_access=accept_access, on_step=on_step)


def verify(
    target: Target | None = None,
    settings: Settings | None = None,
    *,
    since: str | date | None = None,
    until: str | date | None = None,
    is_by_month: bool = False,
    repairs: bool = False,
    on_step: OnStep = say_nothing,
) -> VerifyReport:
    """Compare with Harvest's reports, as `dlt-harvest verify` does.

    Args:
        target: as for `sync`.
        settings: as for `sync`.
        since: first day (`2026-01-01`). Default: all of history.
        until: last day. Default: today, or the last day with rows if that is later.
        is_by_month: whether to compare each month on its own.
        repairs: whether to read again what differs, and to compare it once more.
        on_step: as for `sync`.

    Returns:
        The report. `is_proven`: every figure agrees. `differing`: those that do not, with both values.

    Raises:
        HarvestError: as for `sync`; figures compared until then are kept.
    """
    with _prepared(target) as place:
        run = repair if repairs else verify_in_target
        account = settings or _only_account()
        return run(place, account, since=since, until=until, is_by_month=is_by_month, on_step=on_step)


def build(target: Target | None = None, *, as_of: date | None = None, on_step: OnStep = say_nothing) -> BuildReport:
    """Build the marts, as `dlt-harvest build` does. Sends no request to Harvest.

    Args:
        target: as for `sync`.
        as_of: day that counts as today. Default: the day of the last load.
        on_step: as for `sync`.

    Raises:
        BuildFailed: a check failed, or the database refused; the earlier marts stay.
        HarvestError: as for `sync`.
    """
    with _prepared(target) as place:
        return build_in_target(place, as_of=as_of, on_step=on_step)


def accounts() -> tuple[Settings, ...]:
    """Settings of each configured account: of all in `accounts`, else of the one in `account_id`.

        for account in accounts():
            report = sync(settings=account, build_marts=False)
        build()

    Asks Harvest for its list of accounts if `accounts` is `"all"`.

    Raises:
        SettingWrong: a setting is missing or invalid.
        HarvestError: Harvest's list cannot be read.
    """
    keep_dlt_quiet()
    return configured_accounts().settings


def _only_account() -> Settings:
    """Settings of the configured account, if there is only one. Raises SettingWrong."""
    found = configured_accounts()
    if len(found.settings) > 1:
        raise SettingWrong("Several accounts are configured: give `settings`, each of `accounts()` in turn.")
    return found.settings[0]


@contextmanager
def _prepared(target: Target | None) -> Iterator[Target]:
    """Prepare dlt and memory as the commands do, and give the target."""
    keep_dlt_quiet()
    keep_memory_flat()
    keep_names()
    place = target or user_target(Path.cwd())
    place.refuse_odd_folders()
    with pandas_kept_out(place.kind.is_file):
        yield place
