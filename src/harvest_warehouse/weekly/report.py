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
_NEEDS = {"vl_convert": "vl-convert-python", "jinja2": "jinja2"}


@dataclass(frozen=True)
class ReportReport:
    """Result of writing the weekly report.

    Attributes:
        page: path of the HTML file.
        picture: path of the PNG file beside it.
        accounts: names of the accounts in it.
        currencies: currencies with a line of their own.
        alerts: number of raised alerts.
        old: a warning for each account whose data is old.
        headlines: what the report says first, one line for each account.
    """

    page: Path
    picture: Path
    accounts: tuple[str, ...]
    currencies: tuple[str, ...]
    alerts: int
    old: tuple[str, ...] = ()
    headlines: tuple[str, ...] = ()


def report(
    warehouse: Target,
    out: Path,
    settings: AlertSettings | None = None,
    *,
    on_step: Callable[[str], None] = lambda _: None,
) -> ReportReport:
    """Write the weekly report as an HTML page, and a picture of its figures and charts beside it.

    Args:
        warehouse: target with the marts.
        out: path of the HTML file; the picture gets the same name with `.png`.
        settings: thresholds of the alerts; None to read them from dlt's configuration.
        on_step: called with a short text when a step begins.

    Raises:
        SettingWrong: a package is not installed, `out` is a folder, a PNG file or in a missing folder, or the marts are not
            built.
        NoDatabase: the database's file is not a DuckDB database.
        NotReadable: the database cannot be opened.
        OSError: a file cannot be written.
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
    # Imported late: these need the packages checked above.
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
        tuple(dict.fromkeys(currency for week in accounts for currency in week.header.currencies)),
        len(alerts.raised),
        alerts.old,
        tuple(week.page.sections[0].title for week in accounts),
    )


def put_whole(file: Path, content: bytes) -> None:
    """Replace a file atomically: readers find either the old one or the new one, even after an interruption."""
    # Follows links; a pipe or a device cannot be replaced, and is written directly.
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
