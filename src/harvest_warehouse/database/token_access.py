"""Access rights of the API token, recorded with each run: lost rights would look like deletions and empty money columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from dlt.common.json import json
from dlt.extract import DltResource

from harvest_time_tracking import STREAMS, Client, tables
from harvest_time_tracking.errors import Forbidden
from harvest_warehouse.database.connection import Database
from harvest_warehouse.database.system_tables import SystemTable

ACCESS = SystemTable(
    "harvest_access",
    "What the token saw in each sync, and what of that it saw before and saw no more",
    ("account_id", "looked_at"),
    (
        ("account_id", "text", "Harvest account"),
        ("looked_at", "timestamp", "When Harvest was asked"),
        ("user_id", "bigint", "Whose token it is"),
        ("access_roles", "text", "JSON: the rights of that person, as Harvest lists them"),
        ("features", "text", "JSON: the switches of the company; null where the token may not read them"),
        ("empty_money", "text", "JSON: of the newest rows, the share without a value, by table and money column"),
        ("hidden", "text", "JSON: the money columns that are filled here and empty in Harvest's answer"),
        ("refused", "text", "JSON: the streams that could not be read"),
        ("lost", "text", "JSON: what an earlier token saw and this one does not, in words"),
        ("is_accepted", "bool", "True where later runs are measured by this one"),
    ),
    "merge",
)

# Enough to tell a hidden column from a few rows without a value, in one small request per list.
_ROWS_LOOKED_AT = 100
_FEWEST_VALUES = 3
_RANKS = ("member", "manager", "administrator")


@dataclass(frozen=True)
class Access:
    """Access of a token: its owner, its rights, and what is hidden from it.

    Attributes:
        user_id: id of the token's owner.
        access_roles: access roles of the owner.
        features: the company's feature switches; None if the token may not read them.
        empty_money: share of the newest rows without a value, by `stream.column`.
        hidden: money columns (`stream.column`) that are filled in the database but empty in Harvest's response.
        refused: streams that could not be read.
        looked_at: time of the lookup, by this machine's clock.
    """

    user_id: int | None
    access_roles: tuple[str, ...]
    features: Mapping[str, bool] | None
    empty_money: Mapping[str, float]
    hidden: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    looked_at: datetime = field(default_factory=lambda: datetime.now(UTC), compare=False)

    def later_than(self, other: Access | None) -> Access:
        """Copy of this access dated after `other` even if the clock was set back, so that it counts as the newest."""
        earliest = other.looked_at + timedelta(microseconds=1) if other else self.looked_at
        return replace(self, looked_at=max(self.looked_at, earliest))

    @property
    def rank(self) -> int:
        """Rank of the access roles: member 0, manager 1, administrator 2."""
        return max((_RANKS.index(role) for role in self.access_roles if role in _RANKS), default=0)

    @property
    def rights(self) -> tuple[str, ...]:
        """Rights that decide which rows and values are visible: everything to administrators; to others, by roles and person."""
        if self.rank == _RANKS.index("administrator"):
            return ("administrator",)
        return (*sorted(self.access_roles), f"person {self.user_id}")


def look(client: Client, database: Database | None) -> Access:
    """Look up the token's owner, the company's feature switches, and whether money columns are visible.

    Args:
        client: HTTP client; sends two requests, and a small one for each list with rates.
        database: connection to the account's tables; None if there are none yet.

    Raises:
        HarvestError: a request failed.
    """
    me = client.page(STREAMS["users_me"].path, None).records[0]
    try:
        company = client.page(STREAMS["company"].path, None).records[0]
        features = {name: value for name, value in company.items() if name.endswith("_feature")}
    except Forbidden:
        features = None
    empty, hidden = _money(client, database) if database else ({}, ())
    return Access(_person(me), tuple(me.get("access_roles") or ()), features, empty, hidden)


def lost(before: Access | None, now: Access) -> tuple[str, ...]:
    """Messages about permission regressions: what was visible before and is hidden now."""
    were_hidden = before.hidden if before else ()
    found = [
        f"{column} is filled here and hidden from this token" for column in now.hidden if column not in were_hidden
    ]
    if before is None:
        return tuple(found)
    rights = sorted(set(before.access_roles) - set(now.access_roles))
    if now.rank < before.rank:
        found.insert(0, f"the token's owner was {_RANKS[before.rank]} and is {_RANKS[now.rank]} now")
    elif now.rank < _RANKS.index("administrator"):
        if rights and now.rank == before.rank:
            found.insert(0, f"the token's owner is no longer {', '.join(rights)}")
        if None not in (before.user_id, now.user_id) and now.user_id != before.user_id:
            # Anybody but an administrator sees only their own rows: those of the previous owner would look deleted.
            found.insert(
                0,
                f"the token belonged to person {before.user_id} and belongs to person {now.user_id} now: "
                f"each {_RANKS[now.rank]} sees other rows",
            )
    return tuple(found)


def changed(client: Client, seen: Access) -> tuple[str, ...]:
    """Messages about rights that the token lost or gained since `seen`; sends one request.

    Raises:
        HarvestError: the request failed.
    """
    me = client.page(STREAMS["users_me"].path, None).records[0]
    now = replace(seen, user_id=_person(me), access_roles=tuple(me.get("access_roles") or ()))
    return lost(seen, now) or won(seen, now)


def won(before: Access, now: Access) -> tuple[str, ...]:
    """Messages about rights that the token has gained."""
    if now.rank > before.rank:
        return (f"the token's owner was {_RANKS[before.rank]} and is {_RANKS[now.rank]} now",)
    rights = sorted(set(now.rights) - set(before.rights))
    return (f"the token's owner is now {', '.join(rights)}, too",) if rights and now.rank == before.rank else ()


def switched_off(before: Access | None, now: Access) -> tuple[str, ...]:
    """Messages about modules of the account that were switched off."""
    if before is None or now.features is None:
        return ()
    return tuple(
        f"{name} is switched off in the account"
        for name, was_on in (before.features or {}).items()
        if was_on is True and now.features.get(name) is False
    )


def last_accepted(database: Database, account_id: str) -> Access | None:
    """Last accepted access, the baseline for later runs; None before the first run."""
    if not database.columns(ACCESS.name):
        return None
    query = (
        f"select user_id, access_roles, features, empty_money, hidden, refused, looked_at from {ACCESS.name} "
        "where account_id = :account_id and is_accepted order by looked_at desc limit 1"
    )
    rows = database.rows(query, {"account_id": account_id})
    if not rows:
        return None
    user_id, roles, features, empty, hidden, refused, looked_at = rows[0]
    return Access(
        user_id,
        tuple(json.loads(roles)),
        json.loads(features) if features else None,
        json.loads(empty),
        tuple(json.loads(hidden)),
        tuple(json.loads(refused)),
        looked_at if looked_at.tzinfo else looked_at.replace(tzinfo=UTC),
    )


def access_resource(account_id: str, access: Access, missed: Sequence[str], *, is_accepted: bool) -> DltResource:
    """Row of `harvest_access` for one run, as a dlt resource."""
    return ACCESS.holding(
        [
            {
                "account_id": account_id,
                "looked_at": access.looked_at,
                "user_id": access.user_id,
                "access_roles": json.dumps(access.access_roles),
                "features": json.dumps(access.features) if access.features is not None else None,
                "empty_money": json.dumps(access.empty_money),
                "hidden": json.dumps(access.hidden),
                "refused": json.dumps(access.refused),
                "lost": json.dumps(missed),
                "is_accepted": is_accepted,
            }
        ]
    )


def _person(me: Mapping[str, Any]) -> int | None:
    user_id = me.get("id")
    return user_id if type(user_id) is int else None


def _money(client: Client, database: Database) -> tuple[dict[str, float], tuple[str, ...]]:
    """Share of empty values by money column in the newest rows of each list, and the columns that are hidden."""
    empty: dict[str, float] = {}
    hidden = []
    for name, stream in STREAMS.items():
        columns = _money_columns(stream.table_name)
        here = set(database.columns(stream.table_name))
        # If rates are hidden, all money columns are: lists without rates need not be checked.
        has_rates = any(column.endswith("_rate") for column in columns)
        if not stream.is_default or stream.parent or stream.data_key is None or not has_rates or not here:
            continue
        try:
            records = client.page(stream.path, stream.data_key, {"per_page": _ROWS_LOOKED_AT}).records
        except Forbidden:
            # The load will skip it, with this reason.
            continue
        theirs = {record["id"]: record for record in records if type(record.get("id")) is int}
        ours = _rows_here(database, client.settings.account_id, stream.table_name, sorted(here & set(columns)), theirs)
        for column in columns:
            values = [record.get(column) for record in theirs.values()]
            if values:
                empty[f"{name}.{column}"] = round(sum(value is None for value in values) / len(values), 3)
            filled = [row_id for row_id, row in ours.items() if row.get(column) is not None]
            if len(filled) >= _FEWEST_VALUES and all(theirs[row_id].get(column) is None for row_id in filled):
                hidden.append(f"{name}.{column}")
    return empty, tuple(hidden)


def _rows_here(
    database: Database, account_id: str, table_name: str, columns: Sequence[str], ids: Mapping[int, object]
) -> dict[int, dict[str, Any]]:
    listed = ", ".join(["id", *(f'"{column}"' for column in columns)])
    query = f'select {listed} from "{table_name}" where account_id = :account_id and id in (:ids)'
    rows = database.rows(query, {"account_id": account_id, "ids": sorted(ids)}) if ids else []
    return {row[0]: dict(zip(columns, row[1:], strict=True)) for row in rows}


def _money_columns(table_name: str) -> tuple[str, ...]:
    """Money columns of a table: amounts and rates, without hours and percentages."""
    return tuple(
        column.name
        for column in tables()[table_name].columns.values()
        if column.data_type == "decimal" and len(column.path) == 1 and column.name.endswith(_MONEY)
    )


_MONEY = ("_rate", "amount", "cost", "budget", "fee", "price")
