"""`dlt-harvest secrets`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harvest_warehouse.cli.app import DIFFERENT, Debug, app, errors_told, out, prepare, say
from harvest_warehouse.cli.secret_input import checked, prompted

if TYPE_CHECKING:
    from harvest_warehouse.settings.secret_states import SecretState

_DOTTED = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")


class _Action(StrEnum):
    STATUS = "status"
    SET = "set"


@app.command(
    epilog="Examples: `dlt-harvest secrets set` · `dlt-harvest secrets status` · `dlt-harvest secrets set slack_incoming_hook` · "
    "`dlt-harvest secrets set destination.postgres.credentials.password < password.txt`"
)
def secrets(
    action: Annotated[_Action, typer.Argument(help="status lists names, never a value; set asks for values.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]",
            show_default=False,
            help="With set: access_token, account_id, slack_incoming_hook, or a dotted name, such as "
            "destination.postgres.credentials. Default: access_token and account_id.",
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Say which secrets are set, or set them: with a hidden prompt, in .dlt/secrets.toml, which only its owner can read.

    A value is never shown, and never taken from the command line, which other programs and the shell's history can see. Without
    a terminal, set reads a line of standard input for each name. status exits with 3 if Harvest's token or account id is missing,
    or if somebody else could read the file.
    """
    with errors_told(debug):
        from harvest_time_tracking import SettingWrong
        from harvest_warehouse.settings.secret_states import secret_states
        from harvest_warehouse.settings.secrets_file import SECRETS_FILE, exposures, store

        prepare()
        if action is _Action.STATUS:
            if names:
                raise SettingWrong("status takes no name: it lists them all.")
            _show(secret_states(), exposures(Path.cwd()))
            return
        chosen = _chosen(names or [])
        before = {one.name: one for one in secret_states()}
        store(Path.cwd(), _asked(chosen))
        say(f"{' and '.join(chosen)}: written to {SECRETS_FILE}, which only you can read.")
        for name in chosen:
            if name in before and before[name].where.startswith("the variable"):
                say(f"{name}: {before[name].where} is set, too, and comes first.")
        say(*exposures(Path.cwd()))


def _show(states: Sequence[SecretState], exposed: Sequence[str]) -> None:
    from harvest_warehouse.cli.render.tables import plain_table
    from harvest_warehouse.settings.account import wanted_accounts
    from harvest_warehouse.settings.secret_states import NEEDED, OAUTH

    table = plain_table("secret", "state", "where")
    for one in states:
        table.add_row(one.name, one.state, one.where)
    out.show(table)
    say(*exposed)
    there = {one.name for one in states if one.state == "set"}
    has_token = NEEDED[0] in there or there.issuperset(OAUTH)
    is_missing = not has_token or (NEEDED[1] not in there and wanted_accounts() is None)
    if is_missing:
        say(
            "Set Harvest's token and account id: dlt-harvest secrets set. Both are at https://id.getharvest.com/developers"
        )
    if is_missing or exposed:
        raise typer.Exit(DIFFERENT)


def _chosen(names: Sequence[str]) -> list[str]:
    """Dotted names of the secrets to set. Raises SettingWrong, without repeating what may be a value."""
    from harvest_time_tracking import SettingWrong
    from harvest_warehouse.settings.secret_states import NEEDED, SHORT

    if len(names) > 1 or any("=" in name for name in names):
        raise SettingWrong(
            "Give a name only: a value on the command line can be seen by other programs and stays in the shell's history. "
            "If that was a secret, replace it. Then: dlt-harvest secrets set NAME"
        )
    if not names:
        return list(NEEDED)
    name = SHORT.get(names[0], names[0])
    if not _DOTTED.fullmatch(name) or "." not in name:
        raise SettingWrong(
            f"That is no name of a secret. There are {', '.join(SHORT)}, and dotted names such as destination.postgres.credentials."
        )
    return [name]


def _asked(names: Sequence[str]) -> dict[str, str]:
    """Values by name: from a hidden prompt, or from the lines of a pipe. Raises SettingWrong if one is no such value."""
    from harvest_time_tracking import SettingWrong
    from harvest_warehouse.cli.console import read_text

    if sys.stdin is not None and sys.stdin.isatty():
        return {name: checked(name, prompted(name)) for name in names}
    lines = read_text().splitlines()
    if len(lines) != len(names):
        raise SettingWrong(f"Standard input has {len(lines)} lines, and {len(names)} are needed: {', '.join(names)}.")
    return {name: checked(name, line) for name, line in zip(names, lines, strict=True)}
