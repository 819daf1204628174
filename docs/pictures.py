"""Takes the pictures of the dashboard and of the notebooks in a real browser: `python docs/pictures.py`.

The demo's company is that of today, since an older one says that it is old. Needs Chromium as a program (Debian: `apt-get install -y chromium`) and playwright, which the development tools have.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from harvest_warehouse.cli.demo_company import demo, demo_warehouse
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
# Notebook of the gallery, and the height of its picture.
NOTEBOOKS = {"utilisation": 1350, "profitability": 1300, "cash": 1200, "data_quality": 1350}


def main() -> None:
    """Make the demo in a folder of its own, serve its dashboard and notebooks, and take the pictures."""
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
                    for name, height in NOTEBOOKS.items():
                        _take_notebook(browser, name, Path(folder), height)
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


def _take_notebook(browser: Browser, name: str, folder: Path, height: int) -> None:
    notebook = Path(str(files("harvest_warehouse.explore") / "gallery" / f"{name}.py"))
    command = [
        sys.executable,
        "-m",
        "marimo",
        "run",
        str(notebook),
        "--headless",
        "--no-token",
        "--port",
        str(PORT + 1),
    ]
    environment = {**os.environ, "HARVEST_DATABASE": str(demo_warehouse(folder).file)}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as served:  # noqa: S603 (our own notebook)
        try:
            context = browser.new_context(viewport={"width": 1000, "height": height})
            page = context.new_page()
            _open(page, f"http://127.0.0.1:{PORT + 1}")
            expect(page.locator(".vega-embed svg, .vega-embed canvas").last).to_be_visible(timeout=60_000)
            page.wait_for_timeout(2_000)
            page.screenshot(path=str(Path(__file__).parent / "images" / f"notebook-{name}.png"))
            context.close()
        finally:
            served.send_signal(signal.SIGTERM)


def _open(page: Page, url: str) -> None:
    """Go to a server that is just starting."""
    for _ in range(60):
        try:
            page.goto(url)
            return
        except Error:
            page.wait_for_timeout(500)
    raise SystemExit(f"Nothing answers at {url}.")


if __name__ == "__main__":
    main()
