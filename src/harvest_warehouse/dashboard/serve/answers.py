"""Answers of the dashboard: pages, tables and workbooks, made from the marts and then kept for the next visitor."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Lock

from harvest_time_tracking import HarvestError
from harvest_warehouse.dashboard import render
from harvest_warehouse.dashboard.page import Page, Section
from harvest_warehouse.dashboard.pages import PAGES
from harvest_warehouse.dashboard.records.kinds import KINDS
from harvest_warehouse.dashboard.records.records import MOST_IN_A_FILE, MOST_SHOWN, records_asked_for
from harvest_warehouse.dashboard.render import Shell
from harvest_warehouse.dashboard.serve import rates
from harvest_warehouse.dashboard.serve.snapshot import Snapshot
from harvest_warehouse.dashboard.url import Asked, filters_asked_for, first, query_of, slug
from harvest_warehouse.dashboard.workbook import workbook
from harvest_warehouse.database import NotReadable
from harvest_warehouse.warehouse import Target

FIRST = slug(next(iter(PAGES)))
"""The page at `/`, by the name that files of it have."""
_HTML = "text/html; charset=utf-8"
_CSV = "text/csv; charset=utf-8"
_EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class NotThere(Exception):
    """There is no page, table or kind of records of this name."""


@dataclass(frozen=True)
class Answer:
    """Answer to a request, compressed: its type, and the name of the file if it is to be saved."""

    body: bytes
    kind: str
    file: str = ""

    @classmethod
    def of(cls, body: str | bytes, kind: str, file: str = "") -> Answer:
        """Compress a body."""
        return cls(gzip.compress(body.encode() if isinstance(body, str) else body, 6, mtime=0), kind, file)


def _filters(shell: Shell) -> list[tuple[str, str]]:
    """Filters in words, for a file that has no form."""
    chosen, names = shell.chosen, shell.header.clients.get(shell.chosen.currency, {})
    return [
        ("Account", shell.header.account_name),
        ("Currency", chosen.currency),
        ("Clients", ", ".join(names[key] for key in chosen.client_ids) or "all"),
        ("Looking back", f"{chosen.weeks} weeks"),
        ("Contractors", "with" if chosen.has_contractors else "without"),
        ("Target", "each their own" if chosen.has_own_targets else f"{chosen.target * 100:.0f} %"),
    ]


class Dashboard:
    """Makes the answers of the dashboard, and keeps them until the database is written again.

    Args:
        warehouse: target with the marts.
        hides_rates: whether to leave out rates, costs and margins.
    """

    def __init__(self, warehouse: Target, *, hides_rates: bool = False) -> None:
        self._warehouse = warehouse
        self._hides_rates = hides_rates
        self._pages = {slug(name): name for name in PAGES if not (hides_rates and name in rates.PAGES)}
        self._snapshot: Snapshot[Answer] | None = None
        self._lock = Lock()

    def warm(self, ended: Event) -> None:
        """Make each page as it is without filters, before somebody waits for it, until the server has ended."""
        for name in self._pages:
            if ended.is_set():
                return
            with suppress(HarvestError):
                self.page(name, {})

    def page(self, name: str, asked: Asked) -> Answer:
        """Page of the dashboard. All methods but `warm` raise NotThere, else as `Snapshot` does."""
        name = self._named(name)
        return self._kept(
            asked, name, lambda shell: Answer.of(render.page(shell, name, self._content(shell, name)), _HTML)
        )

    def page_workbook(self, name: str, asked: Asked) -> Answer:
        """Tables of a page as an Excel workbook."""
        name = self._named(name)

        def made(shell: Shell) -> Answer:
            content = self._content(shell, name)
            book = workbook(name, [*shell.facts, *_filters(shell)], content.tiles, content.sections)
            return Answer.of(book, _EXCEL, f"{slug(name)}.xlsx")

        return self._kept(asked, f"{name}.xlsx", made)

    def table(self, name: str, table: str, asked: Asked) -> Answer:
        """Table of a page as CSV."""
        name = self._named(name)

        def made(shell: Shell) -> Answer:
            for section in self._content(shell, name).sections:
                if section.name == table and section.rows:
                    return Answer.of(section.csv(), _CSV, f"{table}.csv")
            raise NotThere

        return self._kept(asked, f"{name}/{table}", made)

    def records(self, kind: str, asked: Asked) -> Answer:
        """Records behind a figure, as a page."""
        shell, section, query = self._records(kind, asked, MOST_SHOWN)
        return Answer.of(render.rows(shell, KINDS[kind].title, f"/rows/{kind}", query, section), _HTML)

    def records_workbook(self, kind: str, asked: Asked) -> Answer:
        """Records behind a figure, as an Excel workbook."""
        shell, section, _ = self._records(kind, asked, MOST_IN_A_FILE)
        facts = [*shell.facts, ("Records", section.note), ("", section.title), ("", section.rest)]
        return Answer.of(workbook(KINDS[kind].title, facts, (), [section]), _EXCEL, f"{kind}.xlsx")

    def _records(self, kind: str, asked: Asked, most: int) -> tuple[Shell, Section, list[tuple[str, str]]]:
        snapshot = self._current()
        shell = self._shell(snapshot, asked)
        wanted = records_asked_for(kind, asked, shell.header.account_id)
        if wanted is None or (self._hides_rates and ("only", "without-cost-rate") in wanted.conditions):
            raise NotThere
        account = [pair for pair in shell.query if pair[0] == "account"]
        section = wanted.read(snapshot.reader(), most, hides_rates=self._hides_rates)
        return shell, section, [*account, *wanted.conditions]

    def _named(self, name: str) -> str:
        if name not in self._pages:
            raise NotThere
        return self._pages[name]

    def _kept(self, asked: Asked, name: str, make: Callable[[Shell], Answer]) -> Answer:
        """Answer that was made before, or one made now; once more if the database was written meanwhile."""
        for _ in range(2):
            snapshot = self._current()
            shell = self._shell(snapshot, asked)
            key = (name, shell.chosen)
            with snapshot.making(key):
                if known := snapshot.known(key):
                    return known
                made = make(shell)
                if snapshot.is_current:
                    return snapshot.keep(key, made)
        return made

    def _current(self) -> Snapshot[Answer]:
        """State of the database now; while it is being written, the state before, of which answers are kept."""
        with self._lock:
            snapshot = self._snapshot
            if snapshot is None or not snapshot.is_current:
                try:
                    snapshot = self._snapshot = Snapshot(self._warehouse)
                except NotReadable:
                    if snapshot is None:
                        raise
        if not snapshot.accounts:
            raise HarvestError(
                f"No account was loaded yet: run {self._warehouse.command('sync')} in this folder first."
            )
        return snapshot

    def _shell(self, snapshot: Snapshot[Answer], asked: Asked) -> Shell:
        account = first(asked, "account")
        header = snapshot.headers[account if account in snapshot.headers else next(iter(snapshot.headers))]
        chosen = filters_asked_for(asked, header)
        query = query_of(chosen, header, snapshot.accounts)
        return Shell(header, snapshot.accounts, tuple(self._pages.values()), chosen, query, self._hides_rates)

    def _content(self, shell: Shell, name: str) -> Page:
        read = self._current().reader()
        with read.at_once():
            content = PAGES[name](read, shell.chosen, shell.header)
        return rates.without_rates(content, shell.header) if self._hides_rates else content
