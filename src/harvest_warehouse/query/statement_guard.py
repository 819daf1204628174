"""Allow list for untrusted SQL: one read-only statement, on this database's tables, with functions that only compute.

The statement is rendered again from its syntax tree; the original text is never run. Everything not known to be harmless is
refused by name. Pure.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from harvest_time_tracking import SettingWrong

_READS = (exp.Query, exp.Describe, exp.Summarize, exp.Show)
# Nodes that could write, or run a program, inside a statement that looks read-only.
_WRITES = (exp.DML, exp.DDL, exp.Drop, exp.Alter, exp.Command, exp.Into, exp.Lock, exp.QueryTransform)

# Functions known to sqlglot that access files, models, other tables or other users, or that write.
_CLOSED = frozenset(
    {
        *("AIAgg", "AIClassify", "AIEmbed", "AIForecast", "AIGenerate", "AISimilarity", "AISummarizeAgg"),
        *("FeaturesAtTime", "GenerateBool", "GenerateDouble", "GenerateEmbedding", "GenerateInt", "GenerateTable"),
        *("GenerateText", "MLForecast", "MLTranslate", "Predict", "VectorSearch"),
        *("ReadCSV", "ReadParquet", "ToFile", "DynamicIdentifier", "Secret", "NextValueFor", "CurrentStatement"),
        # Generic nodes: these are checked by the function's own name, like functions unknown to sqlglot.
        *("AnonymousAggFunc", "CombinedAggFunc", "CombinedParameterizedAgg", "ParameterizedAgg"),
    }
)
_TYPED = frozenset(kind.__name__ for kind in exp.ALL_FUNCTIONS) - _CLOSED

# Functions unknown to sqlglot that only compute from their arguments, in every database that has them.
_FAMILIES = ("list_", "array_", "map_", "struct_", "date_", "regexp_", "icu_collate_", "regr_", "bit_")
_NAMED = frozenset(
    word
    for line in Path(__file__).with_name("harmless_functions.txt").read_text(encoding="utf-8").splitlines()
    for word in line.partition("#")[0].split()
)
# Databricks: lists the names of secrets; all other functions with this prefix only compute.
_NOT_OF_A_FAMILY = frozenset({"list_secrets"})
_ARE = "Functions for aggregates, dates, texts and arithmetic are allowed (docs/explanation/security.md)."

# INFORMATION_SCHEMA views that describe tables; those of jobs, sessions and settings are excluded.
_DESCRIPTIONS = frozenset(
    {"tables", "columns", "schemata", "views", "table_constraints", "key_column_usage", "table_storage", "partitions"}
)
# Snowflake has many more, such as users, grants and parameters.
_SHOWN = frozenset({"TABLES", "VIEWS", "OBJECTS", "COLUMNS", "SCHEMAS", "PRIMARY KEYS", "UNIQUE KEYS", "IMPORTED KEYS"})


def question(statement: str, dialect: str) -> exp.Expr:
    """Parse a statement, and refuse all but a single read-only one.

    Args:
        statement: one select, with, describe, summarize or show statement.
        dialect: sqlglot's name of the database's dialect.

    Raises:
        SettingWrong: it is something else; the message says what.
    """
    if not statement.isascii() and statement != statement.encode("utf-8", "replace").decode():
        raise SettingWrong("This statement is not valid UTF-8 text.")
    logger = logging.getLogger("sqlglot")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        trees = [tree for tree in sqlglot.parse(statement, read=dialect) if tree is not None]
    except SqlglotError as error:
        raise SettingWrong(f"This is not SQL: {_said(error)}") from None
    except RecursionError:
        raise SettingWrong("This statement is nested too deeply to be read.") from None
    finally:
        logger.setLevel(level)
    if len(trees) != 1:
        raise SettingWrong(f"Pass one statement at a time, not {len(trees)}." if trees else "There is no statement.")
    [tree] = trees
    writing = tree.find(*_WRITES)
    if not isinstance(tree, _READS) or writing:
        raise SettingWrong(
            f"Only select, with, describe, summarize and show are allowed, not {_verb(writing or tree, statement)}: "
            "this command cannot change anything."
        )
    if tree.find(exp.Placeholder):
        raise SettingWrong("Write values into the statement: it has a placeholder (? or :name).")
    if tree.find(exp.Parameter, exp.SessionParameter):
        raise SettingWrong("Variables and settings are not allowed: write the value itself.")
    return tree


def guarded(tree: exp.Expr, known: Mapping[str, exp.Table]) -> exp.Expr:
    """Check the functions and tables of a parsed query, and qualify its table names; changes the tree.

    Args:
        tree: syntax tree from `question`.
        known: fully qualified names of the tables of Harvest and of the marts, by unqualified name.

    Raises:
        SettingWrong: it uses a function that is not allowed, or another table.
    """
    refuse_functions(tree)
    _refuse_texts_as_names(tree)
    by_name = {name.lower(): table for name, table in known.items()}
    for table in list(tree.find_all(exp.Table)):
        if isinstance(table.this, exp.Func):
            # A table function, which was checked above.
            continue
        if not isinstance(table.this, exp.Identifier):
            raise SettingWrong(
                f"{table.sql()} is not a table of this database: files, stages and variables cannot be read."
            )
        if table.db or table.catalog:
            _refuse_elsewhere(table, known)
        elif alias := _name_in_the_query(table):
            # Spelled as in the definition: a database may tell "Foo" from foo.
            table.set("this", alias.copy())
        else:
            full = by_name.get(table.name.lower())
            if full is None:
                raise SettingWrong(_unknown(table.name, list(known)))
            for part in ("this", "db", "catalog"):
                value = full.args.get(part)
                table.set(part, value.copy() if value else None)
    return tree


def of_account(tree: exp.Expr, known: Mapping[str, exp.Table], account_id: str) -> exp.Expr:
    """Narrow every table of a checked query to the rows of one account; changes the tree.

    Args:
        tree: syntax tree from `guarded`.
        known: as for `guarded`.
        account_id: the account's number.

    Raises:
        SettingWrong: it is no number, or the statement is no query.
    """
    if not account_id.isdecimal():
        raise SettingWrong("An account id is a number. `dlt-harvest status` lists the accounts.")
    if not isinstance(tree, exp.Query):
        raise SettingWrong("Only a query can be narrowed to an account: leave --account-id out.")
    ours = {(table.db.lower(), name.lower()) for name, table in known.items()}
    for table in list(tree.find_all(exp.Table)):
        if (table.db.lower(), table.name.lower()) not in ours:
            # Defined in the query itself, or a description of tables.
            continue
        bare = exp.Table(
            **{part: table.args[part].copy() for part in ("this", "db", "catalog") if table.args.get(part)}
        )
        rows = exp.select("*").from_(bare).where(exp.column("account_id").eq(exp.Literal.string(account_id)))
        alias = table.args.get("alias") or exp.TableAlias(this=table.this.copy())
        # Joins, samples and the like that sqlglot keeps with the table.
        rest = {name: value for name, value in table.args.items() if name not in ("this", "db", "catalog", "alias")}
        table.replace(exp.Subquery(this=rows, alias=alias, **rest))
    return tree


def refuse_functions(tree: exp.Expr) -> None:
    """Refuse every function that is not on the allow list of those that only compute.

    Raises:
        SettingWrong: another function is used; the message names it.
    """
    for call in tree.find_all(exp.Func):
        is_typed = type(call).__name__ in _TYPED and not isinstance(call, exp.Anonymous)
        name = str(call.this if isinstance(call, exp.Anonymous | exp.AnonymousAggFunc) else call.sql_name()).lower()
        is_named = isinstance(call, exp.Anonymous) and (
            name in _NAMED or (name.startswith(_FAMILIES) and name not in _NOT_OF_A_FAMILY)
        )
        if not is_typed and not is_named:
            raise SettingWrong(f"The function {name} is not allowed: it may reach more than the tables. {_ARE}")
        _refuse_qualified(call, name)
    if operator := tree.find(exp.Operator):
        raise SettingWrong(f"Write the operator itself, not {operator.sql()}: that could be anyone's operator.")


def _refuse_qualified(call: exp.Expr, name: str) -> None:
    """Refuse functions qualified by a schema: a user-defined function may have any name."""
    above = call.parent
    if isinstance(above, exp.Dot) and above.expression is call:
        raise SettingWrong(f"The function {name} is written without a schema.")


def _refuse_elsewhere(table: exp.Table, known: Mapping[str, exp.Table]) -> None:
    catalog, schema, name = (part.lower() for part in (table.catalog, table.db, table.name))
    ours = {(full.db.lower(), full.name.lower()) for full in known.values()}
    is_known = (schema, name) in ours or (schema == "information_schema" and name in _DESCRIPTIONS)
    if not is_known or catalog not in {"", *(full.catalog.lower() for full in known.values())}:
        raise SettingWrong(f"{table.sql()} is not one of Harvest's tables or the marts: only these can be read.")


def _refuse_texts_as_names(tree: exp.Expr) -> None:
    """Refuse strings in place of table names (they may name files), and `show` of anything but tables and columns."""
    named = [rows.this for rows in tree.find_all(exp.TableFromRows) if not isinstance(rows.this, exp.Func)]
    if isinstance(tree, exp.Describe | exp.Summarize) and not isinstance(tree.this, exp.Table | exp.Query):
        named.append(tree.this)
    if named:
        raise SettingWrong(f"{named[0].sql()} is not a table of this database: write only the table's name.")
    if isinstance(tree, exp.Show) and tree.name.upper() not in _SHOWN:
        raise SettingWrong(f"Here, show lists tables and their columns, not {tree.name.lower()}.")


def _name_in_the_query(table: exp.Table) -> exp.Identifier | None:
    """Name of the common table expression that an unqualified name refers to, as spelled there; None if it means a table."""
    below: exp.Expr = table
    while (node := below.parent) is not None:
        if isinstance(node, exp.With):
            seen = _before(node, below, table)
        else:
            clause = node.args.get("with_")
            seen = clause.expressions if clause is not None and clause is not below else []
        names = [name for cte in reversed(seen) if isinstance(name := cte.args["alias"].this, exp.Identifier)]
        alike = [name for name in names if name.name.lower() == table.name.lower()]
        if alike:
            return next((name for name in alike if name == table.this), alike[0])
        below = node
    return None


def _before(clause: exp.With, cte: exp.Expr, table: exp.Table) -> list[exp.Expr]:
    """Common table expressions visible inside a definition: those before it, and itself in its recursive part."""
    seen: list[exp.Expr] = []
    for each in clause.expressions:
        if each is cte:
            body = each.this.unnest() if isinstance(each.this, exp.Subquery) else each.this
            above = _above(table)
            is_repeated = isinstance(body, exp.SetOperation) and any(node is body.expression for node in above)
            return [*seen, each] if clause.args.get("recursive") and is_repeated else seen
        seen.append(each)
    return seen


def _above(node: exp.Expr) -> list[exp.Expr]:
    found: list[exp.Expr] = []
    parent = node.parent
    while parent is not None:
        found.append(parent)
        parent = parent.parent
    return found


def _unknown(name: str, known: list[str]) -> str:
    shown = [table for table in known if not table.startswith("_dlt")]
    close = difflib.get_close_matches(name.lower(), shown, n=4, cutoff=0.5)
    holding = [table for table in shown if name.lower() in table and table not in close]
    hint = ", ".join([*close, *holding][:5])
    return f"There is no table {name!r}. " + (f"Is it {hint}?" if hint else "`show tables` lists them.")


def _verb(tree: exp.Expr, statement: str) -> str:
    if isinstance(tree, exp.Command):
        return str(tree.this).lower()
    if isinstance(tree, exp.Into | exp.Lock):
        return {"into": "select into", "lock": "select for update"}[tree.key]
    if isinstance(tree, exp.QueryTransform):
        return "transform"
    return tree.key if isinstance(tree, _WRITES) else statement.split(maxsplit=1)[0].lower()


def _said(error: SqlglotError) -> str:
    """Message of a sqlglot error, without its colour codes."""
    for one in getattr(error, "errors", None) or ():
        near = str(one.get("highlight") or "").strip()
        return f"{str(one['description']).rstrip('.')}, line {one['line']}, column {one['col']}" + (
            f", near {near!r}." if near else "."
        )
    return str(error)
