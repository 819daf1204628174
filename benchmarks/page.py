"""docs/explanation/performance.md and its picture, from what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HEAD = """# Performance

Written by `make benchmark` (`python -m benchmarks all`), which runs everything side by side on one machine against the
simulated account. Seconds depend on the machine; ratios should be similar elsewhere. CPU seconds count all threads of the loading program,
not the simulator.
"""


def write(results: Path, docs: Path) -> None:
    """Write what there are results for."""
    parts = [HEAD]
    for name, section in (
        ("compare", _compare),
        ("scaling", _scaling),
        ("memory", _memory),
        ("pace", _pace),
        ("daily", _daily),
        ("busy", _busy),
        ("deletions", _deletions),
        ("destinations", _destinations),
        ("dashboard", _dashboard),
        ("agents", _agents),
    ):
        file = results / f"{name}.json"
        if file.exists():
            parts.append(section(json.loads(file.read_text(encoding="utf-8"))))
    (docs / "performance.md").write_text("\n".join(parts), encoding="utf-8")
    if (results / "scaling.json").exists():
        scaling = json.loads((results / "scaling.json").read_text(encoding="utf-8"))
        (docs / "scaling.svg").write_text(picture(scaling["runs"]), encoding="utf-8")


def _compare(found: dict[str, Any]) -> str:
    ours = found["dlt-harvest"]
    lines = [
        f"## {found['entries']:,} time entries into DuckDB, no limit\n",
        f"Medians of {found['runs']} interleaved runs. The example is the one that dltHub's Harvest page leads to: its REST API",
        f"source with only the required settings; as published, it was given {found['published']:,} entries.\n",
        "| | rows / CPU s | dlt-harvest is | CPU s | wall s | peak MB | requests |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name in ("dlt-harvest", "bare floor", "example, parquet", "example, as published", "tap-harvest, to a file"):
        if name not in found:
            continue
        one = found[name]
        ratio = ours["rows_per_cpu_second"] / one["rows_per_cpu_second"]
        lines.append(
            f"| {name} | {one['rows_per_cpu_second']:,.0f} | {'' if one is ours else f'{ratio:.2f} ×'} | "
            f"{one['cpu_seconds']:.1f} | {one['wall_seconds']:.1f} | {one['peak_mb']:.0f} | {one['requests']:,.0f} |"
        )
    lines.append(
        "\nThe floor parses each page in Python and turns decimals into doubles first; dlt-harvest reads typed columns straight\n"
        "from the bytes, which makes up for its merge, its state and its checks. tap-harvest is measured if `--singer` names a\n"
        "Python that has it. Airbyte's published package (airbyte-source-harvest 1.0.19) was not run: it does not start on\n"
        "Python 3.11 or newer."
    )
    return "\n".join(lines) + "\n"


def _destinations(found: dict[str, Any]) -> str:
    lines = [
        f"## {found['entries']:,} time entries into each destination\n",
        "One run. Servers run on the same machine and share it; their CPU seconds are not counted.\n",
        "| | first load, wall s | times DuckDB's | CPU s | next load, 1 % changed, wall s |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, (first, second) in ((name, runs) for name, runs in found.items() if name != "entries"):
        ratio = first["wall_seconds"] / found["duckdb"][0]["wall_seconds"]
        lines.append(
            f"| {name} | {first['wall_seconds']:.1f} | {ratio:.2f} | {first['cpu_seconds']:.1f} | {second['wall_seconds']:.1f} |"
        )
    return "\n".join(lines) + "\n"


def _scaling(found: dict[str, Any]) -> str:
    lines = [
        "## Against size\n",
        "![Time grows with the account, memory does not](scaling.svg)\n",
        "| time entries | CPU s | wall s | peak MB |",
        "|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one['entries']:,} | {one['cpu_seconds']:.1f} | {one['wall_seconds']:.1f} | {one['peak_mb']:.0f} |"
        for one in found["runs"]
    ]
    return "\n".join(lines) + "\n"


def _memory(found: dict[str, Any]) -> str:
    small, large = found["runs"]
    lines = [
        "## Memory of a whole sync\n",
        "`python -m benchmarks memory`: a first `dlt-harvest sync` of every stream, marts included, in a separate process. The most",
        "resident memory in MB, libraries included, as Linux reports it for each step.\n",
        f"| | {small['time_entries']:,} time entries | {large['time_entries']:,} time entries | ratio |",
        "|---|---:|---:|---:|",
        f"| **the whole sync** | **{small['peak_mb']:.0f}** | **{large['peak_mb']:.0f}** | **{large['peak_mb'] / small['peak_mb']:.2f}** |",
    ]
    lines += [
        f"| {step} | {held:.0f} | {large['peaks_mb'][step]:.0f} | {large['peaks_mb'][step] / held:.2f} |"
        for step, held in small["peaks_mb"].items()
        if step in large["peaks_mb"]
    ]
    lines += [
        f"| invoices; people | {small['invoices']:,}; {small['users']:,} | {large['invoices']:,}; {large['users']:,} | |",
        f"| CPU s | {small['cpu_seconds']:.0f} | {large['cpu_seconds']:.0f} | {large['cpu_seconds'] / small['cpu_seconds']:.2f} |",
    ]
    return "\n".join(lines) + "\n"


def _pace(found: dict[str, Any]) -> str:
    load = found["load"]
    floor = load["requests"] / 100 * 15
    return (
        "## At Harvest's limit\n\n"
        f"A first load of a whole account ({found['records']:,} records) with 100 requests in 15 s, 1.5 s for a full page and "
        f"0.2 s for a small answer: {load['requests']:,.0f} requests in {load['wall_seconds']:.0f} s, "
        f"{load['wall_seconds'] / floor:.2f} times what the limit alone makes them take ({floor:.0f} s), "
        f"{load['throttled']:,.0f} of them refused (429).\n"
    )


def _daily(found: dict[str, Any]) -> str:
    # Results of before `sync` was measured are of `load`, and do not say when children are read again.
    rows, children = found["rows"], found.get("children")
    what = "sync" if children else "load"
    counted = (
        "## Requests\n\n"
        f"An account with {rows['time_entries']:,} time entries, {rows['invoices']:,} invoices and {rows['users']:,} people.\n\n"
        "| | requests |\n|---|---:|\n"
        f"| pages of its lists, 2,000 records each | {found['list_pages']:,} |\n"
        f"| first {what} | {found['first']['requests']:,} |\n"
        f"| next {what}, 1 % of time, expenses, invoices, estimates, people and clients changed | {found['changed']['requests']:,} |\n"
        f"| next {what}, nothing changed | {found['rest']['requests']:,} |\n"
    )
    if not children:
        return counted
    return (
        f"{counted}\nPayments, messages, rates and the like are {children['parents']:,} requests, of which a sync makes about "
        f"{children['requests']} (`children_requests`): those of open invoices, sent estimates and active people are read again "
        f"within {children['runs']['alive']} syncs, all others within {children['runs']['others']} "
        f"({children['runs_at_rest']['alive']} and {children['runs_at_rest']['others']} where nothing changes).\n"
    )


def _busy(found: dict[str, Any]) -> str:
    rest, busy = found["rest"], found["busy"]
    lines = [
        "## While people work\n",
        f"An account with {found['entries']:,} time entries, at rest (nothing changes), and while somebody edits, creates, deletes or moves one for every",
        "6.7 requests (at Harvest's limit, one a second; two thirds of them in the last two weeks): a first load of all streams, and",
        f"{found['days']} syncs after {found['changes_a_day']:,} such changes each, without the marts. {busy['changes_meanwhile']:,} changes were made while these ran.",
        "The cursor advanced in every run, and after one sync without changes all time entries were equal.\n",
        "| | at rest | while people work | ratio |",
        "|---|---:|---:|---:|",
    ]
    for what, key in (("first load", "first"), ("daily sync", "daily")):
        for unit, name, form in (
            ("requests", "requests", ",.0f"),
            ("CPU s", "cpu_seconds", ".1f"),
            ("peak MB", "peak_mb", ",.0f"),
        ):
            still, moving = rest[key][name], busy[key][name]
            lines.append(f"| {what}, {unit} | {still:{form}} | {moving:{form}} | {moving / still:.2f} |")
    return "\n".join(lines) + "\n"


def _deletions(found: dict[str, Any]) -> str:
    lines = [
        "## What it costs to find deletions\n",
        f"An account with {found['entries']:,} time entries of eight years; the deleted ones are far apart. Reading the whole list",
        f"takes {found['full_read']:,} requests at least: if that is cheaper, the sweep does it.\n",
        "| deleted | requests for time entries | of a full read | requests for each other list |",
        "|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {one['entries']:,} | {one['requests']:,} | {one['requests'] / found['full_read']:.1%} | {one['others']} |"
        for one in found["deleted"]
    ]
    return "\n".join(lines) + "\n"


_DASHBOARD = (
    ("the command prints the address, and answers, s", "printed_seconds", ".1f"),
    ("its first page is there, s", "first_page_seconds", ".1f"),
    ("the CPU's time until then, s", "first_page_cpu_seconds", ".1f"),
    ("a page with new filters is painted, s", "page_seconds", ".2f"),
    ("the slowest of these, s", "slowest_page_seconds", ".2f"),
    ("the CPU's time for one, s", "page_cpu_seconds", ".2f"),
    ("a page that somebody had before, s", "page_again_seconds", ".2f"),
    ("the records behind a figure, s", "records_seconds", ".2f"),
    ("thirty visitors at once have their pages, s", "visitors_seconds", ".1f"),
    ("memory then, at most, MB", "peak_mb", ".0f"),
    ("of it the process's own, without its libraries' files, MB", "own_mb", ".0f"),
)


def _dashboard(found: dict[str, Any]) -> str:
    demo, large = found["demo"], found["large"]
    lines = [
        "## The dashboard\n",
        f"`python -m benchmarks.dashboard`: `dlt-harvest show` in Chromium, of the demo's company and of an account with {found['entries']:,} time",
        f"entries; medians of {found['visits']} rounds over all pages. {found['cores']} cores; load average {found['load_average']:.1f}.\n",
        f"| | the demo | {found['entries']:,} entries |",
        "|---|---:|---:|",
    ]
    lines += [f"| {words} | {demo[key]:{form}} | {large[key]:{form}} |" for words, key, form in _DASHBOARD]
    return "\n".join(lines) + "\n"


_AGENTS = (
    ("the client has the list of tools, s", "tools_seconds", ".1f"),
    ("of a processor, s", "tools_cpu_seconds", ".1f"),
    ("the first figure is there, s", "first_seconds", ".1f"),
    ("of a processor, s", "first_cpu_seconds", ".1f"),
    ("each later one, median, s", "median_seconds", ".2f"),
    ("19 of 20 are there within, s", "p95_seconds", ".2f"),
    ("packages without the extra, MB", "bare_mb", ".0f"),
    ("what the extra `mcp` adds, MB", "extra_mb", ".0f"),
    ("`dlt-harvest --help`, of a processor, s", "help_cpu_seconds", ".2f"),
)


def _agents(found: dict[str, Any]) -> str:
    lines = [
        "## Agents\n",
        "`python -m benchmarks.agents`: a client starts `dlt-harvest mcp` on the demo's company over pipes, then asks for",
        f"{found['calls']} metrics and questions; medians of {found['runs']} sessions. {found['cores']} cores; load average {found['load_average']:.1f}.\n",
        "| | |",
        "|---|---:|",
    ]
    return "\n".join([*lines, *(f"| {words} | {found[key]:{form}} |" for words, key, form in _AGENTS)]) + "\n"


def picture(runs: list[dict[str, Any]]) -> str:
    """Time and memory against the number of entries: two small charts side by side, as SVG."""
    charts = [
        _chart(40, "CPU seconds", [(one["entries"], one["cpu_seconds"]) for one in runs]),
        _chart(400, "peak memory, MB", [(one["entries"], one["peak_mb"]) for one in runs]),
    ]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="760" height="260" viewBox="0 0 760 260" '
        'font-family="system-ui, sans-serif" font-size="12"><rect width="760" height="260" fill="#ffffff"/>'
        + "".join(charts)
        + "</svg>\n"
    )


def _chart(left: int, title: str, points: list[tuple[float, float]]) -> str:
    width, height, top = 300, 170, 40
    most_x, most_y = max(x for x, _ in points), max(y for _, y in points) * 1.15
    placed = [(left + 20 + x / most_x * width, top + height - y / most_y * height, x, y) for x, y in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in placed)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#fa5d00"/>'
        f'<text x="{x:.1f}" y="{y - 10:.1f}" text-anchor="middle">{value:,.0f}</text>'
        f'<text x="{x:.1f}" y="{top + height + 18}" text-anchor="middle" fill="#555555">{entries / 1e6:g} M</text>'
        for x, y, entries, value in placed
    )
    return (
        f'<text x="{left + 20}" y="20" font-weight="600">{title}</text>'
        f'<line x1="{left + 20}" y1="{top + height}" x2="{left + 20 + width}" y2="{top + height}" stroke="#999999"/>'
        f'<polyline points="{line}" fill="none" stroke="#fa5d00" stroke-width="2"/>{marks}'
    )
