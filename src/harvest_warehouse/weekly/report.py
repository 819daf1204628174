"""Write the weekly report (the dashboard's Overview and the alerts) as one HTML file and a picture, to be mailed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from shutil import copymode

from harvest_time_tracking import SettingWrong
from harvest_warehouse.alerts.settings import AlertSettings
from harvest_warehouse.warehouse import Target

FILE = "harvest_report.html"
_NEEDS = {"altair": "altair", "vl_convert": "vl-convert-python", "marimo": "marimo", "jinja2": "jinja2"}


@dataclass(frozen=True)
class ReportReport:
    """Result of writing the weekly report.

    Attributes:
        page: the HTML file.
        picture: the PNG beside it.
        accounts: names of the accounts in it.
        currencies: each has a section of its own, for nothing is added up over them.
        alerts: how many alerts there are.
    """

    page: Path
    picture: Path
    accounts: tuple[str, ...]
    currencies: tuple[str, ...]
    alerts: int


def report(
    warehouse: Target,
    out: Path,
    settings: AlertSettings | None = None,
    *,
    on_step: Callable[[str], None] = lambda _: None,
) -> ReportReport:
    """Write the weekly report as an HTML page, and a picture of its figures and charts beside it.

    Args:
        warehouse: whose marts.
        out: the HTML file; the picture has the same name with `.png`.
        settings: thresholds of the alerts; None for those of dlt's configuration.
        on_step: is told, in a few words, what begins.

    Raises:
        SettingWrong: where a library is not installed, `out` is no page's name or in no folder, or the marts are not built yet.
        NoDatabase: where the database's file is something else.
        NotReadable: where another program has the database.
        OSError: where the files cannot be written.
    """
    missing = [package for module, package in _NEEDS.items() if find_spec(module) is None]
    if missing:
        raise SettingWrong(
            f'The report needs {" and ".join(missing)}: pip install ".[dashboard]" in the clone, and run this again.'
        )
    if out.suffix.lower() == ".png" or out.is_dir():
        raise SettingWrong("--out is the page's file, such as report.html: the picture goes beside it.")
    if not out.parent.is_dir():
        raise SettingWrong(f"There is no folder {out.parent} for the page: make it, or name another file with --out.")
    # Only now: these need what was looked for above.
    from harvest_warehouse.weekly.content import weeks  # noqa: PLC0415
    from harvest_warehouse.weekly.html import page  # noqa: PLC0415
    from harvest_warehouse.weekly.picture import picture  # noqa: PLC0415

    on_step("asking the marts")
    accounts, alerts = weeks(warehouse, settings)
    on_step("drawing")
    html, png = page(accounts, alerts), picture(accounts)
    beside = out.with_suffix(".png")
    put_whole(out, html.encode())
    put_whole(beside, png)
    return ReportReport(
        out,
        beside,
        tuple(week.header.account_name for week in accounts),
        tuple(dict.fromkeys(money.currency for week in accounts for money in week.money)),
        len(alerts.raised),
    )


def put_whole(file: Path, content: bytes) -> None:
    """Replace a file atomically: readers find the old one or the new one, also after an interruption."""
    # Where a link leads to; and a pipe or a device cannot be replaced.
    file = file.resolve()
    if file.exists() and not file.is_file():
        file.write_bytes(content)
        return
    aside = file.with_name(f".{file.name}.part")
    try:
        aside.write_bytes(content)
        if file.exists():
            copymode(file, aside)
        aside.replace(file)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
