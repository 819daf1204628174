"""The emulator of Snowflake, mended where dlt needs more of it than it has; runs in the emulator's own environment.

Of Snowflake itself nothing is doubted here: a request of several statements, a stage's name in quotes, and files that are
copied by their columns' names are its own, and documented.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
import uvicorn
from fakesnow import arrow, transforms
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.transforms import stage
from sqlglot.tokens import TokenType

_QUOTED_STAGE = re.compile(r"""^PUT ('[^']+') '@([^/']+)/"?([^/"']+)"?'""")
_COPY = re.compile(r"""^COPY INTO (\S+)\s+FROM '@([^/']+)/"?([^/"']+)"?/([^']+)'""")

_execute = FakeSnowflakeCursor.execute
_timestamps = arrow.timestamp_to_sf_struct


def execute(self: FakeSnowflakeCursor, command: str, params: Any = None, *args: Any, **kwargs: Any) -> Any:
    """One statement after the other; what the last one gives is the answer."""
    for statement in _statements(command):
        if copied := _COPY.match(statement):
            _copy(self, *copied.groups())
            statement = "SELECT 'LOADED' AS status"  # noqa: PLW2901
        _execute(self, _QUOTED_STAGE.sub(r"PUT \1 @\2/\3", statement), params, *args, **kwargs)
    return self


def _statements(text: str) -> list[str]:
    ends = [
        token.start for token in sqlglot.tokenize(text, read="snowflake") if token.token_type == TokenType.SEMICOLON
    ]
    parts = [text[start:end].strip(" \n;") for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return [part for part in parts if part]


def _copy(cursor: FakeSnowflakeCursor, table: str, stage_name: str, folder: str, file_name: str) -> None:
    """By names, into the types that the table has; what a line does not have is null."""
    where = stage.parts_from_var(stage_name, cursor._conn.database, cursor._conn.schema)
    file = f"{stage.internal_dir('.'.join(where))}{folder}/{file_name}"
    connection = cursor._duck_conn
    types = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {table}").fetchall()}
    if file_name.endswith("parquet"):
        rows = f"read_parquet('{file}')"
        have = {name for name, *_ in connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()}
        have = {name for name in types if name.lower() in {one.lower() for one in have}}
    else:
        columns = ", ".join(f"'{name.lower()}': '{kind}'" for name, kind in types.items())
        rows = f"read_json('{file}', format='newline_delimited', columns={{{columns}}}, maximum_object_size=33554432)"
        have = set(types)
    names = ", ".join(f'"{name}"' for name in types if name in have)
    if not cursor._conn._autocommit and not cursor._conn._in_transaction:
        connection.begin()
        cursor._conn._in_transaction = True
    connection.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM {rows}")


def timestamps(values: pa.Array | pa.ChunkedArray) -> pa.StructArray:
    """As the connector takes them; one that is null stays so, which the emulator's own makes 1970."""
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    made = _timestamps(pc.fill_null(array, pa.scalar(0, array.type)))
    return pa.StructArray.from_arrays(made.flatten(), fields=list(made.type), mask=pc.is_null(array))


if __name__ == "__main__":
    FakeSnowflakeCursor.execute = execute
    arrow.timestamp_to_sf_struct = timestamps
    # It adds numbers up as doubles, in case they are texts; Snowflake's sums of numbers are numbers.
    transforms.numeric_agg_implicit_cast = lambda expression: expression
    # The package has a function of the module's name.
    server = import_module("fakesnow.server")
    # A schema that a connection names, and that is not there, is made by it alone.
    server.shared_fs.create_schema_on_connect = False
    uvicorn.run(server.app, host="127.0.0.1", port=int(sys.argv[1]), log_level="error")
