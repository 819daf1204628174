"""Takes the README's pictures of the dashboard in a real browser: `python docs/pictures.py`.

The demo's company is that of today, since an older one says that it is old. Needs Chromium as a program (Debian: `apt-get install -y chromium`) and playwright, which the development tools have.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from harvest_warehouse.cli.demo_company import demo
from harvest_warehouse.dashboard.url import path_of

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
        demo(Path(folder))
        command = [sys.executable, "-m", "harvest_warehouse.cli", "show", "--demo", "--headless", "--port", str(PORT)]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as served:  # noqa: S603 (our own program)
            try:
                if served.stdout is None:
                    raise SystemExit("The dashboard prints no address.")
                address = next(word for line in served.stdout for word in line.split() if word.startswith("http"))
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
                    for name, page, scheme, width, height in PICTURES:
                        url = f"{address.replace('/?', f'{path_of(page)}?')}"
                        _take(browser, url, page, Path(__file__).parent / "images" / name, scheme, width, height)
                    browser.close()
            finally:
                served.send_signal(signal.SIGTERM)


def _take(browser: Browser, url: str, name: str, file: Path, scheme: str, width: int, height: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(url)
    expect(page.locator("main h1")).to_have_text(name)
    page.screenshot(path=str(file))
    context.close()


if __name__ == "__main__":
    main()
