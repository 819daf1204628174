"""What BigQuery's parser takes and BigQuery refuses, as its documentation has it.

Pages without an address are those of docs.cloud.google.com/bigquery/docs/reference/standard-sql.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType

from sqlglot import exp

from destinations.databricks_refusals import made

_QUERIES = (exp.Select, exp.Update, exp.Delete, exp.Merge)
_EQUALITIES = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.In)
_NAMED = (exp.Alias, exp.Column, exp.ColumnDef)
_ODD = re.compile(r"""[!"$()*,./;?@\[\\\]^`{}~\x00-\x1f]""")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_UNKNOWN: Mapping[str, set[str]] = MappingProxyType({})
_RESERVED = ("_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier", "_change_")


def refusal(tree: exp.Expr, kinds: Mapping[str, set[str]] = _UNKNOWN, *, is_in_transaction: bool = False) -> str | None:
    """Why BigQuery refuses a statement that its parser took, as its documentation has it; None where it does not.

    Args:
        tree: the statement.
        kinds: the types that the columns of a name have in its tables.
        is_in_transaction: whether it stands in a transaction of several statements.
    """
    # transactions: no statement that makes or drops what stays.
    if is_in_transaction and isinstance(tree, exp.Create | exp.Alter | exp.Drop) and not _is_temporary(tree):
        return "no DDL in a transaction, but for temporary tables"
    found = next((why for why, is_so in _REFUSED.items() if is_so(tree)), None)
    json = {name for name, has in kinds.items() if "JSON" in has}
    return found or (_misuses_json(tree, json) if json else None) or _compares_other_types(tree, kinds)


def _is_temporary(tree: exp.Expr) -> bool:
    return any(True for _ in tree.find_all(exp.TemporaryProperty))


def _has(*kinds: type[exp.Expr]) -> Callable[[exp.Expr], bool]:
    return lambda tree: any(True for _ in tree.find_all(*kinds))


def _misuses_json(tree: exp.Expr, names: Collection[str]) -> str | None:
    """data-types#json_type: neither ordered, nor grouped, nor compared; conversion_rules: not cast to STRING."""
    for column in tree.find_all(exp.Column):
        if column.name not in names:
            continue
        user = column.parent.unnest() if column.parent else None
        if isinstance(user, exp.Paren):
            user = user.parent
        if isinstance(user, exp.Cast):
            return f"no cast from JSON: {column.name}"
        is_set = isinstance(user, exp.EQ) and isinstance(user.parent, exp.Update)
        if isinstance(user, (*_EQUALITIES, exp.Group, exp.Ordered) if not is_set else ()) or _is_of_partition(column):
            return f"JSON is not compared, grouped or ordered: {column.name}"
        select = column.find_ancestor(exp.Select)
        if select and select.args.get("distinct") and column.parent in (select, *select.selects):
            return f"JSON is not grouped: {column.name}"
    return None


def _compares_other_types(tree: exp.Expr, kinds: Mapping[str, set[str]]) -> str | None:
    """conversion_rules: of written texts, only days and instants become what they are compared with; of numbers, none a text."""
    for compared in tree.find_all(*_EQUALITIES):
        if isinstance(compared.parent, exp.Update):
            continue
        texts = [*compared.expressions] if isinstance(compared, exp.In) else [compared.args.get("expression")]
        for column, text in [*((compared.this, one) for one in texts), *((one, compared.this) for one in texts)]:
            if isinstance(column, exp.Column) and isinstance(text, exp.Literal) and (has := kinds.get(column.name)):
                is_other = "STRING" not in has and not _DAY.match(text.name) if text.is_string else has == {"STRING"}
                if is_other:
                    return f"no comparison of {column.name}, which is {has}, with {text}"
    return None


def _is_of_partition(column: exp.Column) -> bool:
    return isinstance(column.parent, exp.Window) and column in column.parent.args.get("partition_by", ())


def _alters(*kinds: type[exp.Expr]) -> Callable[[exp.Expr], bool]:
    return lambda tree: isinstance(tree, exp.Alter) and any(isinstance(one, kinds) for one in tree.args["actions"])


def _adds_required(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Alter) and any(
        isinstance(one, exp.ColumnDef) and one.find(exp.NotNullColumnConstraint, exp.PrimaryKeyColumnConstraint)
        for one in tree.args["actions"]
    )


def _has_odd_name(tree: exp.Expr) -> bool:
    added = tree.args["actions"] if isinstance(tree, exp.Alter) else ()
    names = [column.alias_or_name for column in made(tree)] if isinstance(tree, exp.Create) else []
    names += [one.name for one in added if isinstance(one, exp.ColumnDef)]
    return any(len(name) > 300 or _ODD.search(name) or name.lower().startswith(_RESERVED) for name in names)


def _has_double_name(tree: exp.Expr) -> bool:
    columns = made(tree) if isinstance(tree, exp.Create) else []
    names = [one.alias_or_name.lower() if isinstance(one, _NAMED) else "" for one in columns]
    return len(names) != len(set(names)) or "" in names


def _has_wrong_decimal(tree: exp.Expr) -> bool:
    for kind in tree.find_all(exp.DataType):
        if kind.is_type("decimal") and kind.expressions:
            digits, behind = [*(int(one.name) for one in kind.expressions), 0][:2]
            if behind > 9 or not max(1, behind) <= digits <= behind + 29:
                return True
    return False


def _has_outer_join_without_equality(tree: exp.Expr) -> bool:
    for join in tree.find_all(exp.Join):
        if join.side and not join.args.get("using"):
            parts = _parts(join.args.get("on"))
            if not any(_is_of_both(part, {join.alias_or_name}) for part in parts):
                return True
    return False


def _reaches_out_without_equality(tree: exp.Expr) -> bool:
    """A correlated question must be one that can be said as a join: by equality, and without a limit."""
    for query in tree.find_all(exp.Select):
        if query.parent and not isinstance(query.parent, exp.SetOperation | exp.CTE | exp.Insert | exp.Create):
            tables = _names(query)
            outer = [
                column
                for column in query.find_all(exp.Column)
                if column.table and column.find_ancestor(*_QUERIES) is query and column.table not in tables
            ]
            where = query.args.get("where")
            equal = [part for part in _parts(where and where.this) if _is_of_both(part, tables)]
            if outer and (query.args.get("limit") or not equal):
                return True
    return False


def _parts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    if condition is not None:
        yield from (one.unnest() for one in (condition.flatten() if isinstance(condition, exp.And) else [condition]))


def _is_of_both(part: exp.Expr, names: set[str]) -> bool:
    """Whether it sets equal what is of these tables, and what is of others."""
    if not isinstance(part, exp.EQ):
        return False
    left, right = ({column.table for column in side.find_all(exp.Column)} for side in (part.left, part.right))
    return bool(left and right) and (left <= names) != (right <= names) and not (left & names and right & names)


def _names(query: exp.Expr) -> set[str]:
    found = query.find_all(exp.Table, exp.Subquery, exp.Unnest)
    return {table.alias_or_name for table in found if table.find_ancestor(*_QUERIES) is query}


def _names_a_table_as_column(tree: exp.Expr) -> bool:
    """A bare name that is a table's alias means the whole row."""
    for query in tree.find_all(exp.Select):
        sources = [query.args.get("from_"), *query.args.get("joins", ())]
        names = {one.this.alias_or_name for one in sources if one and not isinstance(one.this, exp.Unnest)}
        for column in query.find_all(exp.Column):
            if not column.table and column.name in names and column.find_ancestor(*_QUERIES) is query:
                return True
    return False


def _asks_in_merge_condition(tree: exp.Expr) -> bool:
    return isinstance(tree, exp.Merge) and any(
        _names(query).isdisjoint({column.table}) and column.table
        for part in (tree.args["on"], tree.args["whens"])
        for query in part.find_all(exp.Select)
        for column in query.find_all(exp.Column)
    )


_REFUSED: Mapping[str, Callable[[exp.Expr], bool]] = {
    # dml-syntax#update_statement, #delete_statement
    "UPDATE and DELETE must have a WHERE": lambda tree: (
        isinstance(tree, exp.Update | exp.Delete) and not tree.args.get("where")
    ),
    "DELETE has no USING": lambda tree: isinstance(tree, exp.Delete) and bool(tree.args.get("using")),
    "nothing is returned by DML": _has(exp.Returning),
    "no ON CONFLICT": _has(exp.OnConflict),
    # docs.cloud.google.com/bigquery/docs/data-manipulation-language#limitations
    "no correlated subquery in what a MERGE goes by": _asks_in_merge_condition,
    # data-definition-language: there are search and vector indexes only, and keys are never enforced.
    "no index": lambda tree: isinstance(tree, exp.Create) and tree.kind == "INDEX",
    "no UNIQUE": _has(exp.UniqueColumnConstraint),
    "a key is NOT ENFORCED": lambda tree: _has(exp.PrimaryKeyColumnConstraint)(tree) and "ENFORCED" not in tree.sql(),
    "no COMMENT ON": _has(exp.Comment),
    # data-definition-language#alter_table_add_column_statement, #alter_column_set_data_type_statement
    "no NOT NULL in a column that is added": _adds_required,
    "columns are retyped only to wider ones": _alters(exp.AlterColumn),
    # docs.cloud.google.com/bigquery/docs/schemas#column_names
    "no such name of a column": _has_odd_name,
    "columns have names, and different ones": _has_double_name,
    # data-types#parameterized_decimal_type
    "NUMERIC has at most 9 digits behind the point and 29 before it": _has_wrong_decimal,
    # query-syntax#select_distinct, #join_types, #from_clause, #range_variables; subqueries#correlated_subquery_concepts
    "no DISTINCT ON": lambda tree: any(one.args.get("on") for one in tree.find_all(exp.Distinct)),
    "an outer join needs an equality of both sides": _has_outer_join_without_equality,
    "a correlated subquery needs an equality, and has no LIMIT": _reaches_out_without_equality,
    "a name is a table's before it is a column's": _names_a_table_as_column,
    "no LATERAL": _has(exp.Lateral),
    "no VALUES in FROM": lambda tree: any(not isinstance(one.parent, exp.Insert) for one in tree.find_all(exp.Values)),
    # aggregate-function-calls, operators
    "no FILTER of an aggregate": _has(exp.Filter),
    "no ILIKE and no SIMILAR TO": _has(exp.ILike, exp.SimilarTo),
}
