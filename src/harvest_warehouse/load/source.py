"""Build the dlt source for a load, from the user's settings and the selected streams."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import dlt
from dlt.common.configuration.exceptions import ConfigurationException

from harvest_time_tracking import (
    STREAMS,
    Client,
    Ledger,
    Session,
    Settings,
    SettingWrong,
    harvest_time_tracking_source,
    printable,
)


def account_source(
    settings: Settings,
    streams: Sequence[str],
    given: Mapping[str, object],
    client: Client,
    ledger: Ledger,
    session: Session | None = None,
) -> dlt.sources.DltSource:
    """Build the dlt source of an account, or of the named streams only.

    Args:
        settings: the account.
        streams: names from the catalogue; empty for the default streams.
        given: further arguments of `harvest_time_tracking_source`; dlt's configuration supplies those that are None.
        client: HTTP client.
        ledger: collects the outcome of each stream as it goes.
        session: run cache; a new one if None.

    Raises:
        SettingWrong: a stream is unknown or lacks its argument, or dlt's configuration cannot be read.
    """
    selected = _selected(streams, given.get("project_ids"))
    try:
        source = harvest_time_tracking_source(
            access_token=settings.access_token.reveal(),
            account_id=settings.account_id,
            base_url=settings.base_url,
            start_date=settings.start_date.isoformat() if settings.start_date else None,
            user_agent=settings.user_agent,
            requests_per_15_s=settings.requests_per_15_s,
            report_requests_per_15_min=settings.report_requests_per_15_min,
            exclude_columns=list(settings.columns.exclude_columns),
            on_new_column=dict(settings.columns.on_new_column),
            client=client,
            ledger=ledger,
            session=session or Session(STREAMS),
            portion=client.sizes.portion,
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
        )
    except ConfigurationException as error:
        raise SettingWrong(f"dlt cannot read its configuration: {printable(str(error))}") from None
    return source.with_resources(*selected) if selected else source


def _selected(streams: Sequence[str], project_ids: object) -> tuple[str, ...]:
    """Validate the named streams and put them in the order of the catalogue; empty for the default streams."""
    for name in streams:
        if name not in STREAMS:
            close = difflib.get_close_matches(name.lower(), STREAMS, n=3, cutoff=0.5)
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            raise SettingWrong(f"There is no stream {name!r}.{hint} `dlt-harvest streams` lists them all.")
        if STREAMS[name].argument == "project_ids" and not project_ids:
            raise SettingWrong(f"{name} reads the projects you name: add --project-id, once for each.")
    if not streams:
        return ()
    wanted = {*streams, *(name for name, stream in STREAMS.items() if project_ids and stream.argument == "project_ids")}
    return tuple(name for name in STREAMS if name in wanted)
