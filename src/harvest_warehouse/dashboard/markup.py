"""HTML templates with jinja2 and autoescape: every value is escaped, unless it is `Markup` of ours."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harvest_time_tracking import printable


def templates(module: str) -> Environment:
    """Templates in the folder `templates` beside a module.

    Args:
        module: the module's `__file__`.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(module).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"code": code, "printable": printable}
    return environment


def code(words: str) -> Markup:
    """Escape text as HTML; text between backticks becomes `<code>`."""
    parts = re.split("`([^`]+)`", words)
    return Markup().join(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))


def rendered(html: str) -> Markup:
    """Mark HTML from a chart library as safe, so that it is not escaped again."""
    return Markup(html)  # noqa: S704 (its makers escape)
