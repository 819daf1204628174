"""Draws what `dlt-harvest demo` prints, as it is printed, into docs/images/demo.svg: `python docs/picture.py`."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

COLUMNS = 92


def main() -> None:
    """Run the demo in a folder of its own and draw its output."""
    command = [sys.executable, "-m", "harvest_warehouse.cli", "demo"]
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    with tempfile.TemporaryDirectory() as folder:
        said = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
        text = said.stdout.replace(f"{folder}{os.sep}", "")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(f"$ dlt-harvest demo\n{text}"))
    drawn = console.export_svg(title="dlt-harvest demo", unique_id="demo")
    # No font is fetched from anywhere: the reader's own will do.
    drawn = re.sub(r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    drawn = drawn.replace("font-family: Fira Code, monospace", "font-family: ui-monospace, Menlo, Consolas, monospace")
    (Path(__file__).parent / "images" / "demo.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
