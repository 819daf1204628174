"""Write a file for Prometheus' textfile collector: last runs of each command, as gauges.

https://github.com/prometheus/node_exporter#textfile-collector
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from harvest_warehouse.notify.journal import Journal, write_whole
from harvest_warehouse.notify.outcome import Outcome

_READABLE = 0o644


def send_textfile(file: Path, journal: Journal) -> str | None:
    """Write the file, in one step, readable by the collector.

    Returns:
        None if it was written, else why not.
    """
    try:
        write_whole(file, "".join(f"{line}\n" for line in textfile_lines(journal)), _READABLE)
    except OSError as error:
        return f"the file {file} cannot be written ({type(error).__name__})"
    return None


def textfile_lines(journal: Journal) -> Iterator[str]:
    """Lines of the file, in Prometheus' text format."""
    commands = sorted({run.command for run in journal.runs})
    last = {command: run for command in commands if (run := journal.last(command))}
    good = {
        command: next(run for run in reversed(journal.runs) if run.command == command and not run.has_failed)
        for command in commands
        if any(run.command == command and not run.has_failed for run in journal.runs)
    }
    yield from _metric(
        "last_run_timestamp_seconds", "When the last run ended.", _each(last, lambda run: run.ended_at.timestamp())
    )
    yield from _metric(
        "last_success_timestamp_seconds",
        "When the last run ended that did not fail (exit code 0 or 3).",
        _each(good, lambda run: run.ended_at.timestamp()),
    )
    yield from _metric(
        "last_run_exit_code",
        "Exit code of the last run; -1 if it was killed.",
        _each(last, lambda run: -1 if run.exit_code is None else run.exit_code),
    )
    yield from _metric("last_run_duration_seconds", "How long it took.", _each(last, lambda run: run.seconds))
    yield from _metric("last_run_rows", "Records that Harvest sent.", _each(last, lambda run: run.rows))
    yield from _metric("last_run_requests", "Requests sent to Harvest.", _each(last, lambda run: run.requests))
    yield from _metric(
        "failures_in_a_row",
        "Runs that failed since the last one that did not.",
        ((f'command="{command}"', float(len(journal.failures(command)))) for command in commands),
    )
    yield from _metric(
        "last_run_streams",
        "Streams of the last run, by outcome.",
        (
            (f'command="{command}",outcome="{outcome}"', float(number))
            for command, run in last.items()
            for outcome, number in sorted(run.streams.items())
        ),
    )


def _each(runs: Mapping[str, Outcome], value: Callable[[Outcome], float]) -> Iterator[tuple[str, float]]:
    return ((f'command="{command}"', float(value(run))) for command, run in runs.items())


def _metric(name: str, words: str, samples: Iterable[tuple[str, float]]) -> Iterator[str]:
    found = list(samples)
    if found:
        yield f"# HELP dlt_harvest_{name} {words}"
        yield f"# TYPE dlt_harvest_{name} gauge"
    for labels, value in found:
        yield f"dlt_harvest_{name}{{{labels}}} {value!r}"
