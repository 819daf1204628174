"""dlt source for a Harvest account (https://www.getharvest.com): time, projects, expenses, invoices, rates, reports."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dlt
from dlt.common import logger
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ContextDefaultCannotBeCreated
from dlt.common.normalizers.json.relational import DataItemNormalizer
from dlt.common.pipeline import StateInjectableContext
from dlt.common.schema.typing import TColumnName
from dlt.extract import DltResource
from dlt.extract.hints import make_nested_hints

from .catalogue import STREAMS
from .columns import child_hints, column_hints, tables
from .errors import HarvestError, NeedsYou, SettingWrong
from .extract import Extraction
from .http.client import Client
from .outcomes import Ledger, StreamOutcome
from .reading.calls import months_between
from .reading.read_plan import Options
from .reading.request_shares import check_requests
from .reading.run_cache import Session
from .settings import BASE_URL, REPORT_REQUESTS_PER_15_MIN, REQUESTS_PER_15_S, USER_AGENT, Secret, Settings, as_date
from .stream import Embedded, Stream
from .words import printable, printable_lines, without_login

__all__ = [
    "STREAMS",
    "Client",
    "Embedded",
    "HarvestError",
    "Ledger",
    "NeedsYou",
    "Secret",
    "Session",
    "SettingWrong",
    "Settings",
    "Stream",
    "StreamOutcome",
    "harvest_time_tracking_source",
    "printable",
    "printable_lines",
    "tables",
    "without_login",
]

_REPORT_MONTHS = 13


@dlt.source
def harvest_time_tracking_source(
    access_token: str = dlt.secrets.value,
    account_id: str = dlt.secrets.value,
    base_url: str = BASE_URL,
    start_date: str | None = None,
    user_agent: str = USER_AGENT,
    requests_per_15_s: int = REQUESTS_PER_15_S,
    report_requests_per_15_min: int = REPORT_REQUESTS_PER_15_MIN,
    overlap_hours: float = 2.0,
    children_requests: int | None = None,
    reports_from: str | None = None,
    reports_to: str | None = None,
    project_ids: Sequence[int] | None = None,
    again: Mapping[str, Sequence[Mapping[str, object]]] | None = None,
    client: Client | None = None,
    ledger: Ledger | None = None,
    session: Session | None = None,
    portion: int | None = None,
    children_within_runs: int | None = None,
) -> Iterator[DltResource]:
    """A whole Harvest account: one resource for each stream of the catalogue.

    A first run reads everything; later ones read what changed (`updated_since`) and merge it by primary key. Reports,
    `projects_id` and the paid-time-off streams are read only when they are selected by name with `with_resources`.

    Args:
        access_token: a personal access token or an OAuth2 access token (https://id.getharvest.com/developers).
        account_id: the account's id, shown beside the token.
        base_url: the API, up to and with its version.
        start_date: first day (`2024-01-31`) of time entries, expenses, invoices, estimates and reports. Default: all.
        user_agent: an application and a contact, sent with each request as Harvest asks.
        requests_per_15_s: the pace for everything but reports; 0 switches pacing off.
        report_requests_per_15_min: the pace for reports; 0 switches pacing off.
        overlap_hours: how far before the last complete read an incremental read starts.
        children_requests: how many requests each run after the first makes for payments, messages, rates and the like: for
            parents that changed (always all of them), then active ones (open invoices, sent estimates, active people), then
            those not read for the longest time. 0: changed parents only. Default: the number of parents if that is at most
            1,000; else 200.
        reports_from: a day in the first month to read reports for. Default: `start_date`, else twelve months back.
        reports_to: a day in the last month to read reports for. Default: today.
        project_ids: the projects that `projects_id` rereads one by one; also selects that stream.
        again: for a stream, the filters (`{"from": "2024-01-01", "to": "2024-01-31"}`, `{"project_id": 7}`) whose rows are
            read in full in addition to what changed; an empty one means the whole list.
        client: a client to use instead of a new one, for instance one with another clock.
        ledger: receives the outcome of each stream, including skips and their reasons.
        session: what the run has learned about the account, for runs of several extracts. Default: one for each extract.
        portion: about how many pages of a list (of 2,000 rows), or parents of a stream by parent, one extract reads of
            what has never been read; the stream's outcome is then `begun`, and the next extract continues. Default: all.
        children_within_runs: from earlier versions; a warning names its replacement.

    Raises:
        SettingWrong: for a setting that cannot work, before anything is asked of Harvest.
    """
    # A number in TOML may arrive as one, whatever the annotation says.
    account = str(account_id).strip()
    settings = Settings(
        Secret(access_token.strip()),
        account,
        base_url,
        user_agent,
        as_date("start_date", start_date),
        requests_per_15_s,
        report_requests_per_15_min,
    )
    _warn_of_a_bare_variable(settings)
    if overlap_hours < 0:
        raise SettingWrong(f"overlap_hours must be 0 or more, got {overlap_hours}.")
    check_requests(children_requests)
    if children_within_runs is not None:
        logger.warning(
            "children_within_runs was removed and does nothing. children_requests says how many requests a run makes for "
            "payments, messages, rates and the like; its default fits the account."
        )
    if portion is not None and portion < 1:
        raise SettingWrong(f"portion must be 1 or more, got {portion}.")
    today = datetime.now(UTC).date()
    options = Options(
        timedelta(hours=overlap_hours),
        children_requests,
        _report_months(
            as_date("reports_from", reports_from) or settings.start_date, as_date("reports_to", reports_to), today
        ),
        {"project_ids": _ids(project_ids)},
        again or {},
        portion,
    )
    # Every row of every table carries the account: children get it from their root.
    DataItemNormalizer.update_normalizer_config(
        dlt.current.source_schema(), {"propagation": {"root": {TColumnName("account_id"): TColumnName("account_id")}}}
    )
    # Each column has its type from us. What stands as text beside one may look like an instant, and is none all the same.
    dlt.current.source_schema().remove_type_detection("iso_timestamp")
    reader = _Reader(settings, options, client, ledger or Ledger(), session)
    for stream in STREAMS.values():
        yield _resource(
            stream, reader, is_selected=stream.is_default or bool(options.arguments.get(stream.argument or ""))
        )


class _Reader:
    """Reader that creates an `Extraction` for each dlt extract, as a source object may be run more than once."""

    def __init__(
        self, settings: Settings, options: Options, client: Client | None, ledger: Ledger, session: Session | None
    ) -> None:
        self._settings = settings
        self._options = options
        self._client = client or Client(settings)
        self._ledger = ledger
        self._session = session
        self._extraction: Extraction | None = None
        self._state: object = None

    def read(self, stream: Stream) -> Iterator[Any]:
        """Yield the rows of a stream in the current extract."""
        state = _current_state()
        if self._extraction is None or state is None or state is not self._state:
            self._state = state
            self._extraction = Extraction(
                self._client,
                self._settings,
                STREAMS,
                STREAMS["company"],
                self._options,
                self._ledger,
                self._session or Session(STREAMS),
            )
        yield from self._extraction.read(stream)


def _current_state() -> object:
    """Object that holds the state of the current extract; a different one in each extract."""
    try:
        return Container()[StateInjectableContext]
    except ContextDefaultCannotBeCreated:
        return None


def _resource(stream: Stream, reader: _Reader, *, is_selected: bool) -> DltResource:
    table = tables()[stream.table_name]

    def rows() -> Iterator[Any]:
        yield from reader.read(stream)

    resource: DltResource = dlt.resource(
        rows,
        name=stream.name,
        table_name=stream.table_name,
        primary_key=list(stream.primary_key),
        merge_key=list(stream.scope),
        write_disposition={"disposition": "merge", "strategy": "delete-insert"},
        columns=column_hints(table, stream.primary_key, can_be_gone=bool(stream.scope) or not table.is_flat),
        nested_hints={path: make_nested_hints(columns=columns) for path, columns in child_hints(stream).items()},
        selected=is_selected,
    )
    return resource


def _report_months(first: date | None, last: date | None, today: date) -> list[date]:
    last = last or today
    if first is None:
        first = months_between(date(last.year - 2, last.month, 1), last)[-_REPORT_MONTHS]
    if last < first:
        raise SettingWrong(f"reports_to ({last}) lies before reports_from ({first}).")
    return months_between(first, last)


def _ids(given: Sequence[int] | str | int | None) -> tuple[int, ...]:
    """Parse project ids, also if a configuration file or the environment gave them as one text."""
    listed = given.replace(",", " ").split() if isinstance(given, str) else [given] if isinstance(given, int) else given
    try:
        return tuple(int(value) for value in listed or ())
    except ValueError:
        raise SettingWrong(f"project_ids must be numbers, got {given!r}.") from None


def _warn_of_a_bare_variable(settings: Settings) -> None:
    if os.environ.get("ACCESS_TOKEN", "").strip() == settings.access_token.reveal():
        logger.warning(
            "The Harvest token came from the environment variable ACCESS_TOKEN, which wins over .dlt/secrets.toml and may "
            "belong to something else. Use SOURCES__HARVEST_TIME_TRACKING__ACCESS_TOKEN."
        )
