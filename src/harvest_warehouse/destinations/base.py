"""Definition of a destination: the facts in which one differs from another, beside dlt's own settings of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Use = Literal["writing", "building", "mending", "reading"]


@dataclass(frozen=True)
class Destination:
    """Facts about one destination.

    Attributes:
        name: dlt's, and that of our extra which brings what it needs.
        factory: where dlt finds it, where that is not what the name says.
        dialect: sqlglot's name of its SQL, where that is not its own.
        needs: modules that the extra brings.
        load_format: what files the rows travel in; chosen by measurement (docs/explanation/performance.md).
        load_workers: how many files are written at once.
        is_file: whether it is a file in the folder where the command runs, so that nothing is to be configured.
        session: set in its credentials, whatever these say: instants are UTC.
        uses: the same, by what a connection is for: an engine in this process has bounds, and what is for reading cannot write.
        cramped: how its error begins where a statement takes more memory than it may have.
        more_memory: run one after the other on a connection for `writing` or `building` where one was cramped, each with a new try.
        guards: run on a connection that may only read.
        before_questions: run in the transaction of a question that somebody else wrote: it can write nothing, may take
            `{milliseconds}` at most, and ends with the program that asked.
        try_lock: a select that is true when the connection got the lock `:key`, a number, and holds it while it lives. None:
            a file's lock stands for it, which other machines do not see.
        lock_settings: run on the connection that holds the lock.
        is_atomic: whether a table is merged in one transaction, so that a run that dies leaves it as it was.
        declares_cursors: whether its driver keeps all rows of an answer in memory, unless a cursor is declared in SQL.
        json_text: what gives a column of lists and objects as text.
        has_indexes: whether it wants an index on keys.
        has_comments: whether it takes comments on tables and columns, as SQL's `comment on`.
        has_catalog_in_schema: whether each schema has an INFORMATION_SCHEMA of its own, and there is no other.
        place_within: what of its settings says which of several databases it is, where dlt's own words for its place do not.
        unescapes_percent: whether its driver makes one percent sign of two, in statements without parameters, too.
        busy: what its error says while another program has it to itself.
        who: a select that gives the names of database and user, for the words of a missing permission.
        permissions: the statement that gives what is missing where a step of the trial is refused.
    """

    name: str
    factory: str = ""
    dialect: str = ""
    needs: tuple[str, ...] = ()
    load_format: Literal["parquet", "csv", "jsonl", "insert_values"] = "parquet"
    load_workers: int = 4
    is_file: bool = False
    session: Mapping[str, object] = field(default_factory=dict)
    uses: Mapping[Use, Mapping[str, Any]] = field(default_factory=dict)
    cramped: str | None = None
    more_memory: tuple[str, ...] = ()
    guards: tuple[str, ...] = ()
    before_questions: tuple[str, ...] = ()
    try_lock: str | None = None
    lock_settings: tuple[str, ...] = ()
    is_atomic: bool = True
    declares_cursors: bool = False
    json_text: str = "cast({column} as text)"
    has_indexes: bool = False
    has_comments: bool = True
    has_catalog_in_schema: bool = False
    place_within: str = ""
    unescapes_percent: bool = False
    busy: str | None = None
    who: str | None = None
    permissions: Mapping[str, str] = field(default_factory=dict)

    @property
    def speaks(self) -> str:
        """sqlglot's name of its SQL."""
        return self.dialect or self.name

    def is_busy(self, said: str) -> bool:
        """True if an error says that another program has locked the database."""
        return self.busy is not None and self.busy in said.lower()

    def is_cramped(self, said: str) -> bool:
        """True if an error says that a statement exceeded the memory limit."""
        return self.cramped is not None and said.startswith(self.cramped)

    def as_sent(self, statement: str) -> str:
        """Escape a statement without parameters for the driver."""
        return statement.replace("%", "%%") if self.unescapes_percent else statement
