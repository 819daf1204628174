"""The page of settings, docs/reference/settings.md, from the signatures, the dataclasses and their docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields
from decimal import Decimal
from typing import Any

from harvest_time_tracking import harvest_time_tracking_source
from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.cli.render.tables import markdown_table
from harvest_warehouse.destinations import DEFAULT
from harvest_warehouse.marts.settings import TIME_OFF, MartSettings
from harvest_warehouse.notify.settings import NotifySettings
from harvest_warehouse.settings.account import REREAD_REQUESTS, reread_requests, wanted_accounts
from harvest_warehouse.settings.secret_states import OAUTH

_HEAD = """# Settings

Written by `make docs` from the code; do not edit. dlt-harvest reads its settings where dlt does; the first one found wins:

1. environment variables,
2. `.dlt/secrets.toml` in the folder where you run the command,
3. `.dlt/config.toml` in the same folder,
4. the same two files in dlt's own folder (`~/.dlt`).

Put secrets into `secrets.toml` (`dlt-harvest secrets set` writes it) or the environment, and everything else wherever you like. An unknown name in one of
dlt-harvest's own sections (`[harvest_warehouse]`, `[harvest_marts]`, `[harvest_alerts]`, `[harvest_notify]`) is an error, and the message suggests
the nearest name. A value that cannot work is an error, too.
"""

_ACCOUNT = """## The account

Under `[sources.harvest_time_tracking]` or `[sources.harvest_time_tracking_source]`; in the environment
`SOURCES__HARVEST_TIME_TRACKING__` or `SOURCES__HARVEST_TIME_TRACKING_SOURCE__` before the name. dlt looks under the pipeline's
name first (`[harvest_time_tracking_pipeline.sources.harvest_time_tracking]`). If none of the variables is set, dlt takes
a bare `ACCESS_TOKEN` from the environment, before the files; it may belong to another program, so a warning tells you when the
token came from there. All of these are also arguments of `harvest_time_tracking_source`.
"""

_OAUTH = (
    "Id of your own app, written by `dlt-harvest login --oauth`",
    "Its secret",
    "What gets each run an access token; comes before `access_token`",
)
_COMMAND = "Only the commands read these, in the same sections:"

_PROGRAMS = """## For programs

More arguments of `harvest_time_tracking_source`, for your own pipeline. `dlt-harvest load` has options for the first three.
"""

_WAREHOUSE = """## The database

Under `[harvest_warehouse]`. `--destination` (`-d`) wins over it. Credentials go where dlt looks for them: the pages of
[destinations](destinations/index.md) have an example for each.
"""

_MARTS = """## The marts

Under `[harvest_marts]`. `dlt-harvest build` works without any of these; `dlt-harvest doctor` says which ones your account needs and lacks.
In the environment, lists and tables are written as in the file, or as JSON:
`HARVEST_MARTS__EXCHANGE_RATES='{USD = {"2026-01" = 0.92}}'`.
"""

_ALERTS = """## Alerts

Under `[harvest_alerts]`: the thresholds of `dlt-harvest alerts`.
"""

_NOTIFY = """## Notifications

Under `[harvest_notify]`: [whom a run tells how it went](../how-to/notifications.md).
"""

_ELSEWHERE = """## The rest of the environment

| name | what it does |
| --- | --- |
| `RUNTIME__SLACK_INCOMING_HOOK` | address of a Slack-compatible webhook for `dlt-harvest alerts`; in `.dlt/secrets.toml` it is `slack_incoming_hook` under `[runtime]` |
| `DLT_DATA_DIR` | folder for dlt's working folders, in place of `~/.dlt` |
| `DLT_HARVEST_DASHBOARD_KEY` | a permanent key for the dashboard; without it each start makes a new one |
| `DLT_HARVEST_PROXY_SECRET` | secret that a login proxy adds to each request ([sharing the dashboard](../how-to/share-the-dashboard.md)) |
| `DLT_HARVEST_LOG_FORMAT` | `json` for log lines as JSON, as `--log-format` does |
| `DLT_HARVEST_DEBUG` | shows the traceback of an error, as `--debug` does |
| `HTTPS_PROXY`, `NO_PROXY` | the proxy to use for Harvest, and the hosts to reach without it; addresses of this machine never use a proxy |
| `REQUESTS_CA_BUNDLE` | file with the certificates to trust, Python's own and your company's |
| `RUNTIME__SENTRY_DSN` | makes dlt report errors to Sentry; needs `sentry-sdk` |
| `RUNTIME__DLTHUB_TELEMETRY`, `RUNTIME__LOG_LEVEL` | dlt's own; the defaults here are `false` and `WARNING` |
"""

# How a user writes what the program keeps in another form.
EXAMPLES: Mapping[str, str] = {
    "home_currency": '"EUR"',
    "working_days": '["Monday", "Tuesday"]',
    "target_utilisation": "0.8",
    "time_off_tasks": '["Vacation", 8083001]',
    "productive_tasks": '["Business Development"]',
    "week_start": '"Sunday"',
    "time_zone": '"Europe/Berlin"',
    "holidays": "[2026-12-25]",
    "exchange_rates": '{USD = {"2026-01" = 0.92}}',
}
_WRITTEN = {"Secret": "str", "dict[str, Secret]": "str or table", "Path | None": "str", "Security": "str"}
# dlt resolves neither a union nor a text in the place of a list: these are declared as anything.
_KINDS = {"exclude_columns": "list", "on_new_column": "str or table"}
_NOT_A_SETTING = ("client", "ledger", "session", "again", "portion", "reports_from", "reports_to", "project_ids")
_OLD = "children_within_runs"
_SOURCE = "sources__harvest_time_tracking"


def settings_page() -> str:
    """The page, as Markdown."""
    source = _of_source()
    named = [row for row in source if row[0] not in (*_NOT_A_SETTING, _OLD)]
    programs = [row for row in source if row[0] in _NOT_A_SETTING or row[0] == _OLD]
    oauth = [(name.rpartition(".")[2], "str", "", words) for name, words in zip(OAUTH, _OAUTH, strict=True)]
    several = ("accounts", "str or list", "", _summary(wanted_accounts))
    reread = ("reread_requests", "int", str(REREAD_REQUESTS), _summary(reread_requests))
    parts = [
        _HEAD,
        _ACCOUNT,
        _table(named, _SOURCE),
        _COMMAND,
        _table([reread, several, *oauth], _SOURCE),
        _WAREHOUSE,
        _table(
            [("destination", "str", DEFAULT, "The destination of every command in this folder")], "harvest_warehouse"
        ),
        _MARTS,
        _marts_table(),
        f"Tasks that count as leave by default: {', '.join(TIME_OFF)}.",
        _ALERTS,
        _table(_of_class(AlertSettings), "harvest_alerts"),
        _NOTIFY,
        _table(_of_notify(), "harvest_notify"),
        _ELSEWHERE,
        _PROGRAMS,
        markdown_table(
            ("argument", "type", "default", "meaning"),
            [(f"`{name}`", f"`{kind}`", _code(default), words) for name, kind, default, words in programs],
        ),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _table(rows: Iterable[tuple[str, str, str, str]], section: str) -> str:
    return markdown_table(
        ("setting", "type", "default", "meaning", "environment"),
        [
            (f"`{name}`", f"`{kind}`", _code(default), words, f"`{section.upper()}__{name.upper()}`")
            for name, kind, default, words in rows
        ],
    )


def _marts_table() -> str:
    return markdown_table(
        ("setting", "written as", "default", "meaning", "environment"),
        [
            (f"`{name}`", f"`{EXAMPLES[name]}`", _code(default), words, f"`HARVEST_MARTS__{name.upper()}`")
            for name, _, default, words in _of_class(MartSettings)
        ],
    )


def _of_source() -> list[tuple[str, str, str, str]]:
    function: Any = harvest_time_tracking_source
    function = getattr(function, "_deco_f", None) or inspect.unwrap(function)
    words = described(function.__doc__ or "", "Args")
    rows = []
    for name, parameter in inspect.signature(function).parameters.items():
        default = parameter.default
        is_secret = type(default).__name__ not in ("str", "int", "float", "NoneType")
        kind = _KINDS.get(name, str(parameter.annotation))
        rows.append((name, kind, "" if is_secret else _shown(default), words[name]))
    return rows


def _of_class(made: type) -> list[tuple[str, str, str, str]]:
    words = described(made.__doc__ or "", "Attributes")
    return [(item.name, str(item.type), _shown(_default(item)), words[item.name]) for item in fields(made)]


def _of_notify() -> list[tuple[str, str, str, str]]:
    """The settings of notifications, as they are written: what their words tell of a default is not repeated."""
    rows = []
    for name, kind, default, words in _of_class(NotifySettings):
        written = "list" if kind.startswith("tuple") else _WRITTEN.get(kind, kind)
        is_told = "Default: " in words or default in ("()", "0")
        rows.append(
            (name, written, "" if is_told else default.replace("('", '["').replace("')", '"]').replace("'", '"'), words)
        )
    return rows


def _default(item: Field[Any]) -> object:
    return None if item.default is MISSING else item.default


def _shown(value: object) -> str:
    """A default as the page shows it; what is long, or the account's own, is said in words beside it."""
    if value is None or value == frozenset():
        return ""
    if value is TIME_OFF:
        return "listed below"
    if value == (0, 1, 2, 3, 4):
        return "Monday to Friday"
    return str(value) if isinstance(value, Decimal | int | float | str) else repr(value)


def _code(text: str) -> str:
    return text if not text or text.startswith(("Monday to", "listed")) else f"`{text}`"


def _summary(function: Callable[..., object]) -> str:
    return (inspect.getdoc(function) or "").partition("\n")[0].partition(", from")[0]


def described(text: str, section: str) -> dict[str, str]:
    """The words of each name in a section (`Args`, `Attributes`) of a docstring."""
    lines = inspect.cleandoc(text).split(f"{section}:\n", 1)[-1].splitlines()
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        if line and not line.startswith(" "):
            break
        if match := re.match(r" {4}(\w+): (.*)", line):
            name, found[match[1]] = match[1], match[2]
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return {name: _said(words) for name, words in found.items()}


def _said(words: str) -> str:
    """As a user needs it: of None the code alone knows."""
    words = words.replace("; None for ", ". Default: ")
    return f"{words[0].upper()}{words[1:]}".rstrip(".")
