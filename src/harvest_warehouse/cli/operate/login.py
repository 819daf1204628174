"""`dlt-harvest login`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harvest_warehouse.cli.app import Debug, app, errors_told, prepare, say
from harvest_warehouse.cli.secret_input import checked, prompted

if TYPE_CHECKING:
    from harvest_time_tracking import Secret

# As in `login.PORT`: importing that takes a second, for which `--help` does not wait.
_PORT = 47_823


@app.command(
    epilog="Examples: `dlt-harvest login` · `dlt-harvest login --account-id 123456` · `dlt-harvest login < token.txt` · "
    "`dlt-harvest login --oauth`"
)
def login(
    account_id: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="The account. Default: the only one that the token reaches.")
    ] = None,
    oauth: Annotated[
        bool, typer.Option("--oauth", help="Sign in through the browser, with an app of your own, instead of a token.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=1_024, max=65_535, help="With --oauth: the port in the app's redirect URL.")
    ] = _PORT,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="With --oauth: print the address, and open no browser.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Paste a token, have it checked, and keep it with its account's id in .dlt/secrets.toml, which only its owner can read.

    Make a personal access token at https://id.getharvest.com/developers, as an administrator if you want the whole account. It
    is never shown, and never taken from the command line. Without a terminal, it is read from standard input.
    With --oauth, register an app there, with http://127.0.0.1:47823/callback as its redirect URL: its id and secret are asked for,
    and kept with the refresh token that the login gives. Each run then gets a token of its own.
    Nothing is written if Harvest does not accept it.
    """
    with errors_told(debug):
        from harvest_time_tracking import Secret
        from harvest_warehouse.doctor.login import check_login
        from harvest_warehouse.settings.account import base_url
        from harvest_warehouse.settings.secret_states import NEEDED, OAUTH, secret_states
        from harvest_warehouse.settings.secrets_file import SECRETS_FILE, exposures, store

        prepare()
        number = checked(NEEDED[1], account_id) if account_id is not None else None
        if oauth:
            token, kept = _signed_in(port, shows_page=not no_browser)
        else:
            token = Secret(checked(NEEDED[0], *_typed("Token")))
            kept = {NEEDED[0]: token}
        report = check_login(token, base_url(), number)
        values = {name: secret.reveal() for name, secret in kept.items()}
        store(Path.cwd(), values | {NEEDED[1]: report.account_id})
        say(
            f"Signed in to account {report.account_id} as {report.person} ({', '.join(report.roles) or 'no role known'})."
        )
        if others := [one for one in report.reached if one.account_id != report.account_id]:
            say(f"The token also reaches: {', '.join(f'{one.product} {one}' for one in others)}.")
        if not report.sees_all:
            say(
                "Harvest shows this person their own rows, or those of their projects: for a whole account, an administrator's token is needed."
            )
        what = "App, refresh token" if oauth else "Token"
        say(f"{what} and account id are in {SECRETS_FILE}, which only you can read.")
        states = {one.name: one for one in secret_states()}
        for name in (*kept, NEEDED[1]):
            if name in states and states[name].where.startswith("the variable"):
                say(f"{name}: {states[name].where} is set, too, and comes first.")
        if oauth and states[NEEDED[0]].state == "set":
            say(f"{NEEDED[0]} in {states[NEEDED[0]].where} is not used any more: remove it.")
        if not oauth and OAUTH[2] in states:
            say(f"{OAUTH[2]} in {states[OAUTH[2]].where} comes before a token: remove it.")
        say(*exposures(Path.cwd()))


def _signed_in(port: int, *, shows_page: bool) -> tuple[Secret, dict[str, Secret]]:
    """Sign in through the browser: the access token, and what is to be kept."""
    import webbrowser

    from harvest_time_tracking import Secret, SettingWrong
    from harvest_warehouse.login import App, redirect_uri, sign_in
    from harvest_warehouse.login.oauth import id_address
    from harvest_warehouse.settings.account import base_url
    from harvest_warehouse.settings.secret_states import OAUTH

    address = id_address(base_url())
    lines = _typed("Client id", "Client secret")
    client_id, client_secret = (checked(name, line) for name, line in zip(OAUTH[:2], lines, strict=True))
    app_of_user = App(client_id, Secret(client_secret), address)

    def show(url: str) -> None:
        say(
            f"The app's redirect URL must be {redirect_uri(port)}. Sign in at Harvest, and allow the app to read, at:",
            url,
        )
        if shows_page:
            webbrowser.open(url)

    tokens = sign_in(app_of_user, show, port)
    if tokens.refresh is None:
        raise SettingWrong("Harvest sent no refresh token, so no later run could sign in. Nothing was changed.")
    return tokens.access, dict(zip(OAUTH, (Secret(client_id), app_of_user.client_secret, tokens.refresh), strict=True))


def _typed(*names: str) -> list[str]:
    """A value for each name: from a hidden prompt, or from the lines of a pipe."""
    from harvest_time_tracking import SettingWrong
    from harvest_warehouse.cli.console import read_text

    if sys.stdin is not None and sys.stdin.isatty():
        return [prompted(name) for name in names]
    lines = read_text().splitlines()
    if len(lines) != len(names):
        needed = "one is needed: the token" if len(names) == 1 else f"{len(names)} are needed: {', '.join(names)}"
        raise SettingWrong(f"Standard input has {len(lines)} lines, and {needed}.")
    return lines
