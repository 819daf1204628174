"""What stands for Redshift: a PostgreSQL server, and before it a relay that says each statement in PostgreSQL's words.

What Redshift's manual says that it does not take is refused, though PostgreSQL takes it. Of Redshift's own machinery (COPY,
how it distributes, plans and rounds) nothing is here.
"""

from __future__ import annotations

import re
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit

import psycopg2
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from destinations.postgres_server import PASSWORD
from destinations.postgres_server import serving as serving_postgres

LONGEST_TEXT = 65_535
"""Bytes of a varchar(max). https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html"""

_LONGEST_STATEMENT = 16 * 1024 * 1024
_SUPER, _JSONB = 4000, 3802
_SSL, _GSS = 80877103, 80877104

# A SUPER is JSON, and a text becomes a string in it; as a text, an object or a list is nothing (`cast_super_null_on_error`, on unless somebody sets it):
# https://docs.aws.amazon.com/redshift/latest/dg/super-configurations.html
_PREPARED = f"""
alter database dlt set standard_conforming_strings = off;
alter database dlt set escape_string_warning = off;
create domain public.longest_varchar as varchar check (octet_length(value) <= {LONGEST_TEXT});
create domain public.super as jsonb;
create function public.json_parse(text) returns public.super language sql immutable strict as 'select $1::json::jsonb';
create function public.json_serialize(jsonb) returns varchar language sql immutable as
    'select case when $1 is null then ''null'' else format(''%s'', $1) end';
create function public.super_as_text(jsonb) returns text language sql immutable strict as
    'select case when jsonb_typeof($1) in (''object'', ''array'', ''null'') then null else $1 #>> ''{{}}'' end';
create cast (jsonb as text) with function public.super_as_text(jsonb);
create function public.super_as_varchar(jsonb) returns varchar language sql immutable strict as
    'select public.super_as_text($1)::varchar';
create cast (jsonb as varchar) with function public.super_as_varchar(jsonb);
create function public.text_as_super(text) returns jsonb language sql immutable strict as 'select to_jsonb($1)';
create cast (text as jsonb) with function public.text_as_super(text);
create function public.varchar_as_super(varchar) returns jsonb language sql immutable strict as 'select to_jsonb($1)';
create cast (varchar as jsonb) with function public.varchar_as_super(varchar);
create function public.boolean_as_text(boolean) returns text language plpgsql immutable as
    'begin raise ''cannot cast type boolean to character varying'' using errcode = ''42846''; end';
update pg_cast set castfunc = 'public.boolean_as_text'::regproc
    where castsource = 'boolean'::regtype and casttarget in ('text'::regtype, 'varchar'::regtype);
create view public.svv_redshift_schemas as
    select catalog_name as database_name, schema_name from information_schema.schemata;
grant select on public.svv_redshift_schemas to public;
"""

# Texts, names and comments are left as they are; what is between them is looked at and said otherwise.
_PIECES = re.compile(r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"]|"")*"|/\*.*?\*/|[^'"/]+|/""", re.DOTALL)
_SAID: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), said)
    for pattern, said in (
        (r"\bvarchar\s*\(\s*max\s*\)", "longest_varchar"),
        # https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html: without a length it is 256 bytes long,
        (r"\b(?:varchar|text)\b(?!\s*\()", "varchar(256)"),
        # https://docs.aws.amazon.com/redshift/latest/dg/r_Numeric_types201.html: and 18 digits, none behind the point.
        (r"\b(?:decimal|numeric)\b(?!\s*\()", "decimal(18, 0)"),
        (r"\blistagg\s*\(", "string_agg("),
        (r"\)\s*within\s+group\s*\(", " "),
    )
)
# https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-functions.html and -features.html, and the pages of
# the commands: what is not in them.
_REFUSED = {
    word: re.compile(pattern, re.IGNORECASE)
    for word, pattern in {
        "IS DISTINCT FROM": r"\bis\s+(not\s+)?distinct\s+from\b",
        "FILTER": r"\)\s*filter\s*\(",
        "DISTINCT ON": r"\bdistinct\s+on\b",
        "ON CONFLICT": r"\bon\s+conflict\b",
        "RETURNING": r"\breturning\b",
        "LATERAL": r"\blateral\b",
        "an index": r"\b(create|drop)\s+(unique\s+)?index\b",
        "SAVEPOINT": r"\bsavepoint\b",
        "a scroll cursor": r"\bscroll\s+cursor\b",
        "an array": r"\barray\s*\[|\b(any|all)\s*\(\s*array",
        "a type it does not have": r"\b(jsonb?|uuid|bytea|serial|bigserial|xml)\b",
        "a function it does not have": r"\b(string_agg|array_agg|every|generate_series|div|pg_\w*advisory\w*|pg_sleep|"
        r"clock_timestamp|transaction_timestamp|bit_length|overlay|format|unnest|width_bucket)\s*\(",
        "ADD COLUMN IF NOT EXISTS": r"\badd\s+column\s+if\b",
        "RANGE or GROUPS in a window": r"\b(range|groups)\s+between\b",
    }.items()
}
# Of the driver's: about its connection.
_OF_THE_CONNECTION = (
    "ABORT",
    "BEGIN",
    "COMMIT",
    "END",
    "RESET",
    "ROLLBACK",
    "SET",
    "SHOW",
    "FETCH",
    "DECLARE",
    "CLOSE",
)
_WANT_A_FRAME = (exp.Avg, exp.Count, exp.FirstValue, exp.LastValue, exp.Max, exp.Min, exp.Sum)
_INSERTED_VALUES = re.compile(r"""\s*insert\s+into\s+[\w."]+\s*(\([^()']*\)\s*)?values\b""", re.IGNORECASE)


@contextmanager
def serving() -> Iterator[int]:
    """A new server; gives its port. Database, user and password are those of `postgres_server`.

    Raises:
        NoServer: where none can be had.
    """
    with serving_postgres() as url:
        behind = urlsplit(url).port
        assert behind
        _prepare(behind)
        with _Relay(("127.0.0.1", 0), _Connection) as relay:
            relay.behind = behind
            Thread(target=relay.serve_forever, daemon=True).start()
            try:
                yield relay.server_address[1]
            finally:
                relay.shutdown()


def _prepare(port: int) -> None:
    connection = psycopg2.connect(host="127.0.0.1", port=port, user="postgres", password=PASSWORD, dbname="dlt")
    with connection, connection.cursor() as cursor:
        cursor.execute(_PREPARED)
    connection.close()


def rewritten(statement: str) -> str:
    """A statement of Redshift's as PostgreSQL takes it; one that Redshift refuses, as one that fails."""
    reason = _reason(statement)
    if reason:
        return f"do $refused$ begin raise 'Redshift would refuse: {reason}' using errcode = '42601'; end $refused$"
    return "".join(_said(piece) if _is_code(piece) else piece for piece in _PIECES.findall(statement))


def _said(code: str) -> str:
    for pattern, said in _SAID:
        code = pattern.sub(said, code)
    return code


def _is_code(piece: str) -> bool:
    return piece[0] not in "'\"" and not piece.startswith("/*")


def _reason(statement: str) -> str | None:
    """Why Redshift would refuse a statement, as far as one sees that without a Redshift."""
    if len(statement.encode()) > _LONGEST_STATEMENT:
        return "more than 16 MB"
    # What stands for a text or a name keeps two words apart.
    code = "".join(piece if _is_code(piece) else "''" for piece in _PIECES.findall(statement))
    for word, pattern in _REFUSED.items():
        if pattern.search(code):
            return word
    if code.lstrip().upper().startswith(_OF_THE_CONNECTION) or _INSERTED_VALUES.match(statement):
        return None
    try:
        trees = sqlglot.parse(statement, read="redshift")
    except SqlglotError:
        return "what cannot be parsed"
    return next((reason for tree in trees if tree for reason in _reasons(tree)), None)


def _reasons(tree: exp.Expr) -> Iterator[str]:
    if isinstance(tree, exp.Command):
        yield f"a command nobody knows here, {tree.name}"
    if isinstance(tree, exp.Alter) and sum(isinstance(action, exp.ColumnDef) for action in tree.args["actions"]) > 1:
        yield "more than one new column at once"
    for values in tree.find_all(exp.Values):
        if not isinstance(values.parent, exp.Insert):
            yield "VALUES as a table"
    for window in tree.find_all(exp.Window):
        # https://docs.aws.amazon.com/redshift/latest/dg/r_Window_function_synopsis.html
        if isinstance(window.this, _WANT_A_FRAME) and window.args.get("order") and not window.args.get("spec"):
            yield "the order of an aggregate's window without a frame"
        if window.this.find(exp.Distinct):
            yield "DISTINCT in a window"
    for update in tree.find_all(exp.Update):
        # https://docs.aws.amazon.com/redshift/latest/dg/r_UPDATE.html
        source = update.args.get("from_")
        if source and any(join.side for join in source.this.args.get("joins") or ()):
            yield "an outer join in FROM of an UPDATE"


class _Relay(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    behind: int


class _Connection(BaseRequestHandler):
    """One connection of a client's: https://www.postgresql.org/docs/current/protocol-message-formats.html."""

    server: _Relay

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.behind)) as behind, suppress(OSError):
            with self.request.makefile("rb") as said:
                while first := said.read(8):
                    length, code = struct.unpack("!ii", first)
                    if code in (_SSL, _GSS):
                        self.request.sendall(b"N")
                        continue
                    behind.sendall(first + said.read(length - 8))
                    break
                answers = Thread(target=self._answer, args=(behind,), daemon=True)
                answers.start()
                while head := said.read(5):
                    body = said.read(int.from_bytes(head[1:], "big") - 4)
                    if head[:1] == b"Q":
                        body = rewritten(body.rstrip(b"\0").decode()).encode() + b"\0"
                    behind.sendall(head[:1] + (len(body) + 4).to_bytes(4, "big") + body)
            behind.shutdown(socket.SHUT_RDWR)

    def _answer(self, behind: socket.socket) -> None:
        """What the server says, with SUPER in the place of the type that stands for it."""
        rest = b""
        with suppress(OSError):
            while said := behind.recv(1 << 16):
                rest, whole = rest + said, bytearray()
                while len(rest) >= 5 and len(rest) > (length := int.from_bytes(rest[1:5], "big")):
                    message, rest = rest[: length + 1], rest[length + 1 :]
                    whole += _with_super(message) if message[:1] == b"T" else message
                self.request.sendall(whole)
        with suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)


def _with_super(description: bytes) -> bytes:
    changed, at = bytearray(description), 7
    for _ in range(int.from_bytes(description[5:7], "big")):
        at = description.index(b"\0", at) + 7
        if int.from_bytes(changed[at : at + 4], "big") == _JSONB:
            changed[at : at + 4] = _SUPER.to_bytes(4, "big")
        at += 12
    return bytes(changed)
