"""Check whether a load will work, and estimate its size and duration, with few requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dlt.common.exceptions import DltException

from harvest_time_tracking import STREAMS, Client, HarvestError, Settings, SettingWrong, printable
from harvest_time_tracking.errors import Forbidden, NetworkWrong, NotFound, TokenRejected, Unreachable
from harvest_time_tracking.http.proxy import route_to
from harvest_warehouse.database.pipelines import is_loaded
from harvest_warehouse.database.run import Run
from harvest_warehouse.doctor.accounts import google_hint, reached_accounts
from harvest_warehouse.doctor.counts import counts
from harvest_warehouse.doctor.estimate import ChildrenPlan, StreamPlan, children_plan, plan, seconds_for
from harvest_warehouse.doctor.preflight import preflight
from harvest_warehouse.load.reread_rotation import NEVER, rotation
from harvest_warehouse.marts.settings import mart_settings
from harvest_warehouse.settings.account import REREAD_REQUESTS
from harvest_warehouse.warehouse import Target

# Few, since somebody is waiting at the terminal.
_TRIES = 3

Verdict = Literal["ok", "note", "wrong"]


@dataclass(frozen=True)
class Check:
    """Result of one check; `wrong` prevents a load, a `note` does not."""

    name: str
    verdict: Verdict
    said: str


@dataclass(frozen=True)
class DoctorReport:
    """Result of the doctor.

    Attributes:
        checks: network, clock, token, account, role, features, marts, children, database and re-reading of history.
        plan: request estimate for each stream; empty if the account could not be read.
        children: estimate for re-reading all child records; None if the account could not be read.
        first_requests: upper bound of the requests of a first load.
        first_minutes: minutes that the rate limit alone makes these take.
        daily_requests: estimated requests of a daily load.
        daily_minutes: minutes that the rate limit alone makes these take.
    """

    checks: tuple[Check, ...]
    plan: tuple[StreamPlan, ...]
    children: ChildrenPlan | None
    first_requests: int
    first_minutes: float
    daily_requests: int
    daily_minutes: float

    @property
    def is_fine(self) -> bool:
        """True if nothing prevents a load."""
        return all(check.verdict != "wrong" for check in self.checks)


def doctor(
    warehouse: Target,
    settings: Settings,
    *,
    reread_requests: int = REREAD_REQUESTS,
    children_requests: int | None = None,
    client: Client | None = None,
) -> DoctorReport:
    """Check everything that a load needs. Errors of Harvest and of the database become verdicts, not exceptions."""
    with client or Client(settings, tries=_TRIES) as asking:
        checks, features = _account(asking, settings)
        plans: tuple[StreamPlan, ...] = ()
        children: ChildrenPlan | None = None
        if all(check.verdict != "wrong" for check in checks):
            there = counts(asking, features)
            plans = plan(STREAMS.values(), there.records, there.parents, there.refusals, features, children_requests)
            children = children_plan(there.parents, children_requests)
            checks.append(_children(children))
    checks += [_database(warehouse), _rereading(warehouse, settings, reread_requests)]
    first = sum(stream.first_requests for stream in plans)
    daily = sum(stream.daily_requests for stream in plans)
    pace = settings.requests_per_15_s
    return DoctorReport(
        tuple(checks), plans, children, first, seconds_for(first, pace) / 60, daily, seconds_for(daily, pace) / 60
    )


def _account(client: Client, settings: Settings) -> tuple[list[Check], dict[str, object]]:
    way = f"{route_to(settings.base_url)}."
    try:
        me = client.page(STREAMS["users_me"].path, None).records[0]
    except (NetworkWrong, Unreachable) as error:
        return [Check("network", "wrong", f"{error} The way: {way}")], {}
    except (TokenRejected, NotFound) as error:
        return [*_way(client, way), *_who_is_it(settings, error)], {}
    except HarvestError as error:
        return [*_way(client, way), Check("token", "wrong", str(error))], {}
    name = printable(" ".join(str(me.get(key) or "") for key in ("first_name", "last_name")))
    checks = _way(client, way)
    checks.append(Check("token", "ok", f"Harvest accepts it; it belongs to {name or 'somebody without a name'}."))
    features: dict[str, object] = {}
    company_currency: object = None
    try:
        company = client.page(STREAMS["company"].path, None).records[0]
    except Forbidden:
        checks.append(Check("account", "ok", f"{settings.account_id}; this person may not read its settings."))
    except HarvestError as error:
        return [*checks, Check("account", "wrong", str(error))], {}
    else:
        checks.append(Check("account", "ok", f"{settings.account_id}, {printable(str(company.get('name')))}."))
        company_currency = company.get("currency")
        features = {key: value for key, value in company.items() if key.endswith("_feature")}
    return [*checks, _role(me), _features(features), _marts(company_currency)], features


def _way(client: Client, way: str) -> list[Check]:
    """Checks of the network route and of the clocks."""
    off = client.said_of_clocks
    clock = Check("clock", "note", off) if off else Check("clock", "ok", "no difference from Harvest's was seen.")
    return [Check("network", "ok", way), clock]


def _role(me: dict[str, object]) -> Check:
    roles = me.get("access_roles")
    roles = [printable(str(role)) for role in roles] if isinstance(roles, list) else []
    if "administrator" in roles:
        return Check("role", "ok", "administrator: every row is visible.")
    seen = (
        "rows of managed projects and teammates only, without an error for the others"
        if "manager" in roles
        else "their own time and expenses only, without an error for everybody else's"
    )
    return Check(
        "role",
        "note",
        f"{', '.join(roles) or 'unknown'}, not administrator: Harvest shows {seen}. For a whole account use an "
        "administrator's token.",
    )


def _features(features: dict[str, object]) -> Check:
    switches = {stream.feature for stream in STREAMS.values() if stream.feature}
    off = sorted(switch for switch in switches if features.get(switch) is False)
    if off:
        return Check("features", "note", f"switched off in the account: {', '.join(off)}. What needs them is skipped.")
    return Check("features", "ok", "none is switched off." if features else "unknown until something is loaded.")


def _marts(company_currency: object) -> Check:
    """Check the settings of the marts; none of them prevents a load."""
    try:
        settings = mart_settings()
    except SettingWrong as error:
        return Check("marts", "note", str(error))
    home = settings.home_currency or company_currency
    if not home:
        said = (
            'home_currency is not known: without it there are no margins. Set it (such as "EUR") in .dlt/config.toml '
        )
        return Check("marts", "note", f"{said}under [harvest_marts].")
    rates = ", ".join(sorted(settings.exchange_rates)) or "no other currency"
    return Check(
        "marts",
        "ok",
        f"cost rates are in {printable(str(home))}, exchange rates are set for {rates}; {len(settings.working_days)} working days a week, "
        f"target {settings.usual_target:.0%} billable{f' ({len(settings.own_targets)} of their own)' if settings.own_targets else ''}, {len(settings.time_off_tasks)} task names count as leave. "
        "[harvest_marts] in .dlt/config.toml changes that.",
    )


def _who_is_it(settings: Settings, error: HarvestError) -> list[Check]:
    """Tell a wrong token from a wrong account id, by Harvest's list of accounts, which needs no account id."""
    try:
        accounts = reached_accounts(settings)
    except HarvestError:
        accounts = None
    if accounts is None:
        return [Check("token or account", "wrong", str(error))]
    mine = {account.account_id: account for account in accounts if account.is_harvest}
    if settings.account_id in mine:
        return [
            Check("token", "ok", "it reaches the account."),
            Check(
                "account",
                "wrong",
                f"Harvest lists {settings.account_id} among this token's accounts, but: {error} {google_hint(settings.account_id)}",
            ),
        ]
    reached = ", ".join(map(str, mine.values())) or "none"
    return [
        Check("token", "ok", "Harvest accepts it."),
        Check("account", "wrong", f"this token does not reach account {settings.account_id}. It reaches: {reached}."),
    ]


def _database(warehouse: Target) -> Check:
    """Try in a scratch schema what a sync does; a DuckDB file that did not exist before is removed again."""
    is_new = warehouse.kind.is_file and not warehouse.file.exists()
    try:
        tried = preflight(warehouse)
    finally:
        if is_new:
            warehouse.file.unlink(missing_ok=True)
            warehouse.lock_file.unlink(missing_ok=True)
    if tried.failed:
        said = (
            f"open in another program: close it there. ({tried.said})"
            if warehouse.kind.is_busy(tried.said)
            else tried.said
        )
        asked = f" What is missing: {tried.missing}" if tried.missing else ""
        return Check("database", "wrong", f"{warehouse.place}: {tried.failed}: {said}{asked}")
    return Check(
        "database",
        "ok",
        f"{warehouse.place} {'can be made' if is_new else 'can be written'}: {', '.join(tried.done)}.",
    )


def _children(children: ChildrenPlan) -> Check:
    """Report how many runs it takes to find a changed payment, message or rate if its invoice or person did not change."""
    if children.parents and not children.requests:
        said = (
            "switched off (children_requests = 0): payments, messages and rates are read only if their parent changed."
        )
        return Check("children", "note", said)
    if children.requests == children.parents:
        return Check(
            "children",
            "ok",
            f"payments, messages, rates and the like: all in each run, {children.parents:,} requests.",
        )
    runs, rest = children.runs, children.runs_at_rest
    return Check(
        "children",
        "ok",
        f"payments, messages, rates and the like: {children.requests:,} requests in each run (children_requests). Those of open "
        f"invoices, sent estimates and active people are all read again within {_runs(runs.alive)}, all others within "
        f"{_runs(runs.others)} ({rest.alive} and {rest.others} if no invoice, estimate or person changes).",
    )


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number:,} runs"


def _rereading(warehouse: Target, settings: Settings, requests: int) -> Check:
    """Report within how many runs the whole history is read again."""
    if not requests:
        return Check(
            "re-reading", "note", "switched off (reread_requests = 0): what changes without a trace is not noticed."
        )
    said = f"{requests} requests in each sync reread history (reread_requests)"
    try:
        turn = rotation(Run(warehouse), settings, requests) if is_loaded(warehouse) else None
    except (DltException, HarvestError):
        # The check of the database reports its errors.
        turn = None
    if turn is None or turn.longest_unread is None:
        return Check(
            "re-reading", "ok", f"{said}; after a first load, this says within how many runs all of it is read."
        )
    last = turn.longest_unread
    since = f"since {last.read_at:%Y-%m-%d}" if last.read_at > NEVER else "by this database yet"
    return Check(
        "re-reading",
        "ok",
        f"{said}: all of it within {_runs(turn.within_runs)}; the longest unread is {last}, not read {since}.",
    )
