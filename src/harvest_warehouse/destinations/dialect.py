"""Our SQL in another database's words, where sqlglot's own translation would be refused there or mean something else.

Statements are written in DuckDB's SQL, in the part of it that PostgreSQL has too; these two need nothing more. Each of the
others gets its statements with all names quoted, so that no word that is reserved there is taken for one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlglot import ErrorLevel, exp

HOME = "duckdb"
"""What our own statements are written in."""

CATALOG = "INFORMATION_SCHEMA.TABLES"
"""The list of a schema's tables, where each schema has one."""

_ROW = "_dlt_id"

Mend = Callable[[exp.Expr], exp.Expr | None]


def written(tree: exp.Expr, dialect: str) -> str:
    """A statement in the dialect of a database; `tree` is changed on the way.

    Args:
        tree: parsed as DuckDB's SQL; parts of it may be mended already.
        dialect: sqlglot's name of it.

    Raises:
        UnsupportedError: sqlglot's, for what cannot be said there: an error is better than a guess.
    """
    mends = _MENDS.get(dialect, ())
    for mend in mends:
        tree = mend(tree) or tree
    for name in tree.find_all(exp.Identifier) if mends else ():
        # Two names in one; a project of BigQuery's may have a dot, too.
        name.set("quoted", name.name != CATALOG)
    return tree.sql(dialect, unsupported_level=ErrorLevel.RAISE)


def _divide_as_doubles(tree: exp.Expr) -> None:
    """`/` gives a double, as DuckDB has it: decimals would be cut to six digits behind the point, or to nine."""
    for division in tree.find_all(exp.Div):
        if not division.this.is_type("double"):
            division.set("this", exp.cast(division.this, "double"))


def _fold_names(tree: exp.Expr) -> None:
    """Names in upper case, which is what dlt gives them where unquoted ones mean that."""
    for name in tree.find_all(exp.Identifier):
        name.set("this", name.this.upper())


def _rename_in_place(tree: exp.Expr) -> None:
    """A new name alone would mean the connection's schema, and move the table there."""
    for renaming in tree.find_all(exp.AlterRename):
        old = renaming.find_ancestor(exp.Alter)
        for part in ("db", "catalog"):
            value = old.this.args.get(part) if old else None
            renaming.this.set(part, value.copy() if value else None)


def _greatest_of_known(tree: exp.Expr) -> None:
    """The greatest of a value and nothing is the value."""
    for greatest in tree.find_all(exp.Greatest):
        if len(greatest.expressions) == 1 and not greatest.this.find(exp.Coalesce):
            one, other = greatest.this, greatest.expressions[0]
            greatest.set("this", exp.func("coalesce", one.copy(), other.copy()))
            greatest.set("expressions", [exp.func("coalesce", other.copy(), one.copy())])


def _list_without_nulls(tree: exp.Expr) -> None:
    """A list of texts leaves out what is null, so that no place has to be said for it."""
    for listed in tree.find_all(exp.GroupConcat):
        for ordered in listed.find_all(exp.Ordered):
            ordered.set("nulls_first", not ordered.args.get("desc"))


def _list_within_group(tree: exp.Expr) -> None:
    """The order of a list stands behind the function, not in it."""
    for listed in list(tree.find_all(exp.GroupConcat)):
        if isinstance(order := listed.this, exp.Order):
            listed.set("this", order.this)
            order.set("this", None)
            listed.replace(exp.WithinGroup(this=listed.copy(), expression=order))


def _differ_by_case(tree: exp.Expr) -> None:
    """Whether two values differ, nothing counted as a value: what `is distinct from` says, and Redshift does not know.

    https://docs.aws.amazon.com/redshift/latest/dg/c_unsupported-postgresql-functions.html
    """
    for compared in list(tree.find_all(exp.NullSafeEQ, exp.NullSafeNEQ)):
        one, other = compared.this, compared.expression
        are_nothing = exp.paren(exp.and_(one.is_(exp.null()), other.is_(exp.null())))
        is_same = exp.Case().when(exp.or_(one.eq(other), are_nothing), "1").else_("0")
        compared.replace(exp.paren(is_same.eq(int(isinstance(compared, exp.NullSafeEQ)))))


def _change_where(tree: exp.Expr) -> None:
    """A change of all rows says so: https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax."""
    if isinstance(tree, exp.Update | exp.Delete) and not tree.args.get("where"):
        tree.set("where", exp.Where(this=exp.true()))


def _decimals_as_such(tree: exp.Expr) -> None:
    """A number with a point would be a double."""
    for literal in list(tree.find_all(exp.Literal)):
        if not literal.is_string and "." in literal.name and not isinstance(literal.parent, exp.Cast):
            literal.replace(exp.cast(exp.Literal.string(literal.name), "decimal"))


def _change_by_merge(tree: exp.Expr) -> exp.Expr | None:
    """A change by another table's rows, or by a question within a question, is a merge: only that takes them.

    https://docs.databricks.com/aws/en/sql/language-manual/delta-update, and delta-delete-from: no `from`, no nested subquery.
    """
    if not isinstance(tree, exp.Update | exp.Delete):
        return None
    what, where = tree.this, tree.args["where"].this if tree.args.get("where") else exp.true()
    if from_ := tree.args.get("from_"):
        source, on = from_.this, where
    elif any(question.find_ancestor(exp.Select) for question in where.find_all(exp.Select)):
        # Every table of the dataset has dlt's key of a row.
        found = exp.select(_ROW).from_(what.copy()).where(where)
        source, on = found.subquery("found"), exp.column(_ROW, "changed").eq(exp.column(_ROW, "found"))
        what = what.copy()
        what.set("alias", exp.TableAlias(this=exp.to_identifier("changed")))
    else:
        return None
    then: exp.Expr | exp.Var = exp.var("DELETE")
    if isinstance(tree, exp.Update):
        then = exp.Update(expressions=tree.expressions)
    whens = exp.Whens(expressions=[exp.When(matched=True, then=then)])
    return exp.Merge(this=what, using=source, on=on, whens=whens)


_MENDS: Mapping[str, tuple[Mend, ...]] = MappingProxyType(
    {
        "snowflake": (_divide_as_doubles, _fold_names, _rename_in_place),
        "bigquery": (_divide_as_doubles, _greatest_of_known, _list_without_nulls, _decimals_as_such, _change_where),
        "redshift": (_divide_as_doubles, _list_within_group, _differ_by_case),
        "databricks": (_divide_as_doubles, _rename_in_place, _change_by_merge),
    }
)
