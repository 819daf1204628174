"""Takes the README's pictures of the dashboard, of the demo's company in a real browser: `python docs/pictures.py`.

Needs Chromium as a program (Debian: `apt-get install -y chromium`) and playwright, which the development tools have.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, expect, sync_playwright

from harvest_warehouse.cli.demo_company import demo, demo_warehouse
from harvest_warehouse.dashboard import show
from harvest_warehouse.dashboard.serve.launch import Server

# The same company each time, so that pictures change only where the dashboard does.
NOW = datetime(2026, 3, 16, 9, tzinfo=UTC)
PORT = 2745
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# File, page, scheme, width and height.
PICTURES = (
    ("dashboard-overview.png", "Overview", "light", 1280, 1320),
    ("dashboard-people.png", "People", "dark", 1280, 1500),
    ("dashboard-billing.png", "Billing & cash", "light", 1280, 1500),
    ("dashboard-narrow.png", "Overview", "dark", 400, 1200),
)


def main() -> None:
    """Make the demo in a folder of its own, serve its dashboard and take the pictures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("Chromium is not installed: apt-get install -y chromium")
    with tempfile.TemporaryDirectory() as folder:
        demo(Path(folder), now=NOW)
        report = show(demo_warehouse(Path(folder)), Server(port=PORT))
        environment = {**os.environ, **report.environment}
        with subprocess.Popen(  # noqa: S603 (our own program)
            report.command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
        ) as served:
            try:
                _wait_for(report.listens_on)
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                    for name, page, scheme, width, height in PICTURES:
                        _take(
                            browser,
                            f"{report.address}&page={quote(page)}",
                            page,
                            Path(__file__).parent / "images" / name,
                            scheme,
                            width,
                            height,
                        )
                    browser.close()
            finally:
                served.send_signal(signal.SIGTERM)


def _take(browser: Browser, url: str, name: str, file: Path, scheme: str, width: int, height: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url)
    expect(page.locator("main.page h1")).to_have_text(name, timeout=60_000)
    expect(page.locator("main.page figure canvas")).to_have_count(
        page.locator("main.page figure").count(), timeout=60_000
    )
    # Charts are drawn a moment after they are there.
    page.wait_for_timeout(1_500)
    page.screenshot(path=str(file))
    context.close()


def _wait_for(address: tuple[str, int]) -> None:
    for _ in range(300):
        try:
            with socket.create_connection(address, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The dashboard did not start.")


if __name__ == "__main__":
    main()
