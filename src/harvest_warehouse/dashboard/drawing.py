"""Draw the chart of a section into the page: SVG with tooltips and links, for wide and for narrow screens."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from markupsafe import Markup

from harvest_warehouse.dashboard.chart_svg import drawable, svg
from harvest_warehouse.dashboard.markup import rendered
from harvest_warehouse.dashboard.page import Section

_WIDE, _NARROW = 620, 340
# A chart with more marks is drawn once, and scrolls on narrow screens, where its figures would touch each other.
_MOST_TWICE = 150
_SVG = "http://www.w3.org/2000/svg"
_KEPT = (
    *("role-axis-label", "role-axis-title", "role-axis-grid", "role-axis-domain", "role-axis-tick"),
    *("mark-line", "mark-symbol", "figure-in-cell"),
)
_WITHOUT_TOOLTIP = ("line mark", "text mark", "rule mark")

# A rectangle as Vega writes it: left, top, width and height.
_BOX = re.compile(r"M(-?[\d.]+),(-?[\d.]+)h([\d.]+)v([\d.]+)h")

ET.register_namespace("", _SVG)


@dataclass(frozen=True)
class Drawing:
    """Chart as SVG: for wide screens, and for narrow ones if it is not the same."""

    wide: Markup
    narrow: Markup | None


def drawing(section: Section, link: Callable[[Mapping[str, Any]], str | None]) -> Drawing | None:
    """Draw the chart of a section; None if it has none.

    Args:
        section: the section.
        link: gives the address behind a row of the chart's data, if there is one.
    """
    if section.chart is None:
        return None
    spec: dict[str, Any] = copy.deepcopy(dict(section.chart))
    data = [row for rows in spec["datasets"].values() for row in rows]
    by_label = {row[key]: row for row in section.rows for key in ("label", "month") if key in row}
    for number, row in enumerate(data):
        # Vega writes it into the drawing beside the mark of this row.
        row["mark_number"] = number
    formats: dict[str, tuple[str, str]] = {}
    for part in _parts(spec):
        encoding = part.get("encoding", {})
        if "tooltip" in encoding:
            tips = encoding.pop("tooltip")
            encoding["description"] = {"field": "mark_number", "type": "nominal"}
            formats |= {tip["field"]: (tip["title"], tip.get("format", "")) for tip in tips}
    figures = _figures_taken(spec)
    marks = [
        _Mark(
            _tooltip(row, formats),
            link({**by_label.get(row.get("label"), {}), **row}),
            drawable(str(row.get(figures, ""))),
        )
        for row in data
    ]
    title = section.title
    wide = _inline(svg(spec, _WIDE), marks, title, f"{section.name}-w")
    if len(data) > _MOST_TWICE:
        return Drawing(wide, None)
    return Drawing(wide, _inline(svg(spec, _NARROW), marks, title, f"{section.name}-n"))


@dataclass(frozen=True)
class _Mark:
    """What belongs to a mark of a drawing: its tooltip, the address behind it, and the figure in it."""

    tooltip: str
    link: str | None
    figure: str


def _figures_taken(spec: dict[str, Any]) -> str:
    """Take the layer of figures out of a heat map, and return the column that they are in; empty without one.

    Vega measures each text, which would take most of the time of drawing.
    """
    layers = {layer["mark"]["type"]: layer for layer in spec.get("layer", ()) if "mark" in layer}
    if set(layers) != {"rect", "text"} or len(spec["layer"]) != 2:
        return ""
    spec["layer"].remove(layers["text"])
    return str(layers["text"]["encoding"]["text"]["field"])


def _parts(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield spec
    for layer in spec.get("layer", ()):
        yield from _parts(layer)


def _tooltip(row: Mapping[str, Any], formats: Mapping[str, tuple[str, str]]) -> str:
    lines = [f"{title}: {_said(row[key], form)}" for key, (title, form) in formats.items() if key in row]
    return drawable("\n".join(lines))


def _said(value: Any, form: str) -> str:
    if value is None:
        return "–"
    if not form or not isinstance(value, int | float):
        return str(value)
    try:
        # Charts have d3's formats, most of which are Python's, too.
        return format(round(value) if form.endswith("d") else value, form)
    except ValueError:
        return str(value)


def _inline(drawn: str, marks: Sequence[_Mark], title: str, name: str) -> Markup:
    """Vega's drawing as part of the page: it scales, each mark has its tooltip and link, and screen readers get its title."""
    root = ET.fromstring(drawn)  # noqa: S314 (Vega's own drawing, in which it has escaped all words)
    for parent in list(root.iter()):
        for place, element in enumerate(list(parent)):
            number = element.get("aria-label", "")
            if number.isdecimal() and element.get("aria-roledescription") not in _WITHOUT_TOOLTIP:
                parent[place] = _marked(element, marks[int(number)])
    for element in root.iter():
        _plain(element, name)
    for attribute in ("width", "height"):
        del root.attrib[attribute]
    root.set("role", "img")
    root.set("aria-label", drawable(title))
    return rendered(ET.tostring(root, encoding="unicode"))


def _marked(element: ET.Element, mark: _Mark) -> ET.Element:
    """Mark with its tooltip and its figure, in a link if it has an address."""
    ET.SubElement(element, f"{{{_SVG}}}title").text = mark.tooltip
    # By keyboard, the same addresses are reached in the table below.
    around = ET.Element(f"{{{_SVG}}}a", {"href": mark.link, "tabindex": "-1"}) if mark.link else element
    if mark.link:
        around.append(element)
    box = _BOX.match(element.get("d", "")) if mark.figure else None
    if box is None:
        return around
    left, top, width, height = (float(part) for part in box.groups())
    group = ET.Element(f"{{{_SVG}}}g")
    group.append(around)
    middle = {"x": f"{left + width / 2:.1f}", "y": f"{top + height / 2 + 4:.1f}"}
    ET.SubElement(group, f"{{{_SVG}}}text", {**middle, "class": "figure-in-cell"}).text = mark.figure
    return group


def _plain(element: ET.Element, name: str) -> None:
    """Remove what Vega says of each part of a drawing, and make its ids unique: several drawings share the page."""
    for attribute in [key for key in element.attrib if key == "role" or key.startswith("aria-")]:
        del element.attrib[attribute]
    kept = [word for word in element.attrib.pop("class", "").split() if word in _KEPT]
    if kept:
        element.set("class", " ".join(kept))
    for attribute in ("id", "clip-path"):
        if attribute in element.attrib:
            value = element.attrib[attribute]
            element.set(attribute, value.replace("#", f"#{name}-") if "#" in value else f"{name}-{value}")
