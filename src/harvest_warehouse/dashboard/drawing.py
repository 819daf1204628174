"""Draw the chart of a section into the page: SVG with tooltips and links, for wide and for narrow screens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from markupsafe import Markup

from harvest_warehouse.dashboard.chart_svg import drawable, svg_of
from harvest_warehouse.dashboard.markup import rendered
from harvest_warehouse.dashboard.page import Section

_WIDE, _NARROW = 620, 340
# A chart with more marks is drawn once, and scrolls on narrow screens, where its figures would touch each other.
_MOST_TWICE = 150
_SVG = "http://www.w3.org/2000/svg"
_KEPT = ("role-axis-label", "role-axis-title", "role-axis-grid", "role-axis-domain", "role-axis-tick")
_WITHOUT_TOOLTIP = ("line mark", "text mark", "rule mark")

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
    spec: dict[str, Any] = section.chart.to_dict(validate=False)
    data = [row for rows in spec.get("datasets", {}).values() for row in rows]
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
    marks = [(_tooltip(row, formats), link({**by_label.get(row.get("label"), {}), **row})) for row in data]
    title = section.title
    wide = _inline(svg_of(spec, _WIDE), marks, title, f"{section.name}-w")
    if len(data) > _MOST_TWICE:
        return Drawing(wide, None)
    return Drawing(wide, _inline(svg_of(spec, _NARROW), marks, title, f"{section.name}-n"))


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
    # Charts have d3's formats, which are Python's but for "d" of a float.
    return format(round(value) if form.endswith("d") else value, form)


def _inline(drawn: str, marks: list[tuple[str, str | None]], title: str, name: str) -> Markup:
    """Vega's drawing as part of the page: it scales, each mark has its tooltip and link, and screen readers get its title."""
    root = ET.fromstring(drawn)  # noqa: S314 (Vega's own drawing, in which it has escaped all words)
    for parent in list(root.iter()):
        for place, element in enumerate(list(parent)):
            number = element.get("aria-label", "")
            if number.isdecimal() and element.get("aria-roledescription") not in _WITHOUT_TOOLTIP:
                parent[place] = _mark(element, *marks[int(number)])
    for element in root.iter():
        _plain(element, name)
    for attribute in ("width", "height"):
        del root.attrib[attribute]
    root.set("role", "img")
    root.set("aria-label", drawable(title))
    return rendered(ET.tostring(root, encoding="unicode"))


def _mark(element: ET.Element, tooltip: str, address: str | None) -> ET.Element:
    """Mark with its tooltip, in a link if it has an address."""
    ET.SubElement(element, f"{{{_SVG}}}title").text = tooltip
    if address is None:
        return element
    # By keyboard, the same addresses are reached in the table below.
    link = ET.Element(f"{{{_SVG}}}a", {"href": address, "tabindex": "-1"})
    link.append(element)
    return link


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
