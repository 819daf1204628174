"""Ask the warehouse from a notebook: every answer is a data frame, and every connection is read-only and short."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
from sqlglot import exp

from harvest_time_tracking import SettingWrong
from harvest_warehouse.database.read_only import reading
from harvest_warehouse.query import QueryReport, query, query_on
from harvest_warehouse.semantics import semantic_model
from harvest_warehouse.semantics.metric_query import ACCOUNT, Asked, built, day, narrowed, parsed
from harvest_warehouse.settings.process import keep_dlt_quiet, keep_names
from harvest_warehouse.warehouse import Target, user_target

DATABASE = "HARVEST_DATABASE"
"""Variable with the path of the DuckDB file to open, instead of the folder's own warehouse."""


class Explorer:
    """Metrics, questions and SQL of one account, as data frames for tables and charts.

    Args:
        warehouse: target with the marts.
        account_id: the account; empty for the only one.

    Raises:
        SettingWrong: nothing was loaded, the marts are not built, or there are several accounts and none is named.
    """

    def __init__(self, warehouse: Target, account_id: str = "") -> None:
        self.warehouse = warehouse
        with reading(warehouse, "dim_account") as database:
            accounts = database.records("select * from marts.dim_account order by account_id")
            currencies = database.rows(_CURRENCIES)
        known = {str(row["account_id"]): row for row in accounts}
        if not account_id and len(known) == 1:
            [account_id] = known
        if account_id not in known:
            raise SettingWrong(f"Name one of the accounts {', '.join(known)}: opened(account_id='...').")
        self.account_id = account_id
        self.account = known[account_id]
        """Columns of `dim_account`: name, home currency, targets."""
        self.as_of: date = self.account["as_of_date"]
        mine = [str(currency) for account, currency in currencies if str(account) == account_id]
        # Home currency first, as a default for charts.
        self.currencies = sorted(mine, key=lambda one: (one != self.account["home_currency"], one))

    @property
    def metrics(self) -> pd.DataFrame:
        """All metrics: what they mean, their unit, and the report of Harvest's that proves them."""
        return pd.DataFrame(
            [
                {
                    "metric": one.name,
                    "words": one.words,
                    "unit": one.unit,
                    "by": ", ".join(one.dimensions),
                    "proven_by": ", ".join(one.proof.reports) if one.proof else "",
                    "not_for": one.not_for,
                }
                for one in semantic_model().metrics.values()
            ]
        )

    @property
    def questions(self) -> pd.DataFrame:
        """All questions with verified SQL, and their parameters."""
        return pd.DataFrame(
            [
                {
                    "question": one.name,
                    "asks": " ".join(one.asks),
                    "params": ", ".join(one.params),
                    "sql": one.sql.strip(),
                }
                for one in semantic_model().questions.values()
            ]
        )

    def metric(
        self,
        *names: str,
        by: Sequence[str] = (),
        since: str = "",
        until: str = "",
        currency: str = "",
        where: Mapping[str, object] | None = None,
    ) -> pd.DataFrame:
        """Compute metrics by dimensions; amounts come with their currency, which is never added up.

        Args:
            names: metrics, all of one table.
            by: dimensions.
            since: first day of the period.
            until: last day, inclusive.
            currency: the only currency to include.
            where: values that dimensions must have.

        Raises:
            SettingWrong: a name does not exist, or does not fit the others; the message lists what does.
        """
        asked = Asked(names, by, where or {}, day(since, "since"), day(until, "until"), currency or None)
        made = built(semantic_model(), asked)
        return frame(self._own(made.statement, made.values))

    def question(self, name: str, **params: object) -> pd.DataFrame:
        """Answer a question by its verified SQL; parameters have defaults. Raises SettingWrong if there is no such question."""
        return frame(self._asked(name, params))

    def rows(self, name: str, **params: object) -> list[dict[str, Any]]:
        """Answer a question as `question` does, with exact values: a dict for each row."""
        report = self._asked(name, params)
        return [dict(zip(report.columns, row, strict=True)) for row in report.rows]

    def sql(self, statement: str) -> pd.DataFrame:
        """Run one select statement on the tables and the marts. Raises SettingWrong as `dlt-harvest sql` does."""
        return frame(query(self.warehouse, statement))

    def _asked(self, name: str, params: Mapping[str, object]) -> QueryReport:
        questions = semantic_model().questions
        if name not in questions:
            raise SettingWrong(f"There is no question {name!r}. There are {', '.join(questions)}.")
        asked = questions[name]
        if unknown := sorted(set(params) - set(asked.params)):
            raise SettingWrong(f"{name} has no parameter {unknown[0]!r}. It has {', '.join(asked.params) or 'none'}.")
        return self._own(parsed(asked.sql), {**asked.params, **params})

    def _own(self, statement: exp.Query, values: Mapping[str, object]) -> QueryReport:
        with reading(self.warehouse) as database:
            return query_on(database, narrowed(statement), values={**values, ACCOUNT: self.account_id})


def opened(folder: Path | None = None, account_id: str = "") -> Explorer:
    """Open the warehouse of a folder, or the DuckDB file that the variable `HARVEST_DATABASE` names.

    Args:
        folder: folder of the warehouse; None for the current one.
        account_id: the account, if there are several.

    Raises:
        SettingWrong: as `Explorer` does.
    """
    keep_dlt_quiet()
    keep_names()
    named = os.environ.get(DATABASE)
    if named:
        file = Path(named).absolute()
        return Explorer(Target(file.parent, file.name), account_id)
    return Explorer(user_target(folder or Path.cwd()), account_id)


def frame(report: QueryReport) -> pd.DataFrame:
    """Rows as a data frame for tables and charts: decimals become floats, dates become timestamps."""
    made = pd.DataFrame(list(report.rows), columns=list(report.columns))
    for name in made.columns:
        kinds = {type(value) for value in made[name] if value is not None}
        if kinds and kinds <= {Decimal, int, float}:
            made[name] = made[name].astype(float) if Decimal in kinds else made[name]
        elif kinds == {date}:
            made[name] = pd.to_datetime(made[name])
    return made


_CURRENCIES = """
    select account_id, currency from marts.dim_client
    union
    select account_id, currency from marts.fct_invoice
"""
