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
from .column_policy import ColumnPolicy, column_policy
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
    "ColumnPolicy",
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
    "column_policy",
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
    exclude_columns: Any = None,
    on_new_column: Any = "add",
    again: Mapping[str, Sequence[Mapping[str, object]]] | None = None,
    client: Client | None = None,
    ledger: Ledger | None = None,
    session: Session | None = None,
    portion: int | None = None,
    children_within_runs: int | None = None,
) -> Iterator[DltResource]:
    """All streams of a Harvest account, one dlt resource each.

    The first run loads everything; later runs load only changes (`updated_since`) and merge them by primary key. Reports,
    `projects_id` and the paid-time-off streams are loaded only if selected by name with `with_resources`.

    Args:
        access_token: a personal access token or an OAuth2 access token (https://id.getharvest.com/developers).
        account_id: the account's id, shown beside the token.
        base_url: base URL of the API, including its version.
        start_date: first day (`2024-01-31`) of time entries, expenses, invoices, estimates and reports. Default: all.
        user_agent: `User-Agent` header of every request: an application and a contact, as Harvest requires.
        requests_per_15_s: rate limit for all requests except reports; 0 disables it.
        report_requests_per_15_min: rate limit for reports; 0 disables it.
        overlap_hours: how far before the last complete read an incremental read begins.
        children_requests: requests per run for child records (payments, messages, rates and the like) after the first
            run. Parents that changed are always read, however many there are; the rest of the requests go to active
            parents (open invoices, sent estimates, active people) and to the parents read longest ago. 0 reads changed
            parents only. Default: one request per parent up to 1,000 parents, else 200.
        reports_from: a day in the first month to load reports for. Default: `start_date`, else twelve months back.
        reports_to: a day in the last month to load reports for. Default: today.
        project_ids: projects that `projects_id` re-reads one by one; selects that stream.
        exclude_columns: columns to leave empty (`["time_entries.notes", "users.cost_rate"]`), of persons, pay, texts and links: their
            values are dropped before anything is written.
        on_new_column: what to do with a field that Harvest adds: `add` a column, `ignore` it, or `stop` before the batch is
            written; for all streams, or by stream (`{time_entries = "stop", default = "ignore"}`).
        again: re-read filters by stream (`{"from": "2024-01-01", "to": "2024-01-31"}`, `{"project_id": 7}`): matching
            rows are read in full, in addition to changes. An empty filter matches the whole list.
        client: HTTP client to use instead of a new one, for example one with another clock.
        ledger: collects the outcome of each stream, including skipped ones and the reason.
        session: run cache to share between the extracts of one run. Default: a new one per extract.
        portion: batch size of a first load: about how many pages of a list (2,000 rows each), or parents of a child
            stream, one extract reads. The stream's outcome is then `begun`, and the next extract resumes. Default: all.
        children_within_runs: no longer used; logs a warning that names its replacement.

    Raises:
        SettingWrong: a setting is invalid; raised before any request is sent.
    """
    # TOML may deliver an int here, whatever the annotation says.
    account = str(account_id).strip()
    settings = Settings(
        Secret(access_token.strip()),
        account,
        base_url,
        user_agent,
        as_date("start_date", start_date),
        requests_per_15_s,
        report_requests_per_15_min,
        column_policy(exclude_columns, on_new_column, STREAMS),
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
    # Every row of every table has account_id: child tables get it from their root table.
    DataItemNormalizer.update_normalizer_config(
        dlt.current.source_schema(), {"propagation": {"root": {TColumnName("account_id"): TColumnName("account_id")}}}
    )
    # All types are declared. Text in a variant column may look like a timestamp, but must stay text.
    dlt.current.source_schema().remove_type_detection("iso_timestamp")
    reader = _Reader(settings, options, client, ledger or Ledger(), session)
    for stream in STREAMS.values():
        yield _resource(
            stream, reader, is_selected=stream.is_default or bool(options.arguments.get(stream.argument or ""))
        )


class _Reader:
    """Reader with one `Extraction` per dlt extract, since a source object may be run more than once."""

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
    """Parse project ids, including a single string from a configuration file or the environment."""
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
