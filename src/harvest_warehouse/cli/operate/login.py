"""`dlt-harvest login`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, app, errors_told, prepare, say
from harvest_warehouse.cli.secret_input import checked, prompted


@app.command(
    epilog="Examples: `dlt-harvest login` · `dlt-harvest login --account-id 123456` · `dlt-harvest login < token.txt`"
)
def login(
    account_id: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="The account. Default: the only one that the token reaches.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Paste a token, have it checked, and keep it with its account's id in .dlt/secrets.toml, which only its owner can read.

    Make a personal access token at https://id.getharvest.com/developers, as an administrator if you want the whole account. It
    is never shown, and never taken from the command line. Without a terminal, it is read from standard input.
    Nothing is written if Harvest does not accept it.
    """
    with errors_told(debug):
        from harvest_time_tracking import Secret
        from harvest_warehouse.doctor.login import check_login
        from harvest_warehouse.settings.account import base_url
        from harvest_warehouse.settings.secret_states import NEEDED, secret_states
        from harvest_warehouse.settings.secrets_file import SECRETS_FILE, exposures, store

        prepare()
        number = checked(NEEDED[1], account_id) if account_id is not None else None
        token = Secret(checked(NEEDED[0], _typed()))
        report = check_login(token, base_url(), number)
        store(Path.cwd(), dict(zip(NEEDED, (token.reveal(), report.account_id), strict=True)))
        say(
            f"Signed in to account {report.account_id} as {report.person} ({', '.join(report.roles) or 'no role known'})."
        )
        if others := [one for one in report.reached if one.account_id != report.account_id]:
            say(f"The token also reaches: {', '.join(f'{one.product} {one}' for one in others)}.")
        if not report.sees_all:
            say(
                "Harvest shows this person their own rows, or those of their projects: for a whole account, an administrator's token is needed."
            )
        say(f"Token and account id are in {SECRETS_FILE}, which only you can read.")
        for one in secret_states():
            if one.name in NEEDED and one.where.startswith("the variable"):
                say(f"{one.name}: {one.where} is set, too, and comes first.")
        say(*exposures(Path.cwd()))


def _typed() -> str:
    from harvest_time_tracking import SettingWrong
    from harvest_warehouse.cli.console import read_text

    if sys.stdin is not None and sys.stdin.isatty():
        return prompted("Token")
    lines = read_text().splitlines()
    if len(lines) != 1:
        raise SettingWrong(f"Standard input has {len(lines)} lines, and one is needed: the token.")
    return lines[0]
