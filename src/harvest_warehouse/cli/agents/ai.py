"""`dlt-harvest ai`."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, app, errors_told, say


class _Action(StrEnum):
    INIT = "init"
    STATUS = "status"
    REMOVE = "remove"
    PATH = "path"


class _Agent(StrEnum):
    CLAUDE = "claude"
    CURSOR = "cursor"
    CODEX = "codex"


@app.command(
    epilog="Examples: `dlt-harvest ai init --agent claude --agent cursor` · `dlt-harvest ai status` · `dlt-harvest ai remove` · "
    '`dlthub ai toolkit install harvest --location "$(dlt-harvest ai path)"`'
)
def ai(
    action: Annotated[
        _Action,
        typer.Argument(
            help="init writes the files, status checks them, remove takes them out, path prints our toolkit's folder."
        ),
    ],
    agents: Annotated[
        list[_Agent] | None,
        typer.Option(
            "--agent",
            help="For this agent: claude, cursor or codex; may be given again. Default: the one that runs this, or those found here.",
        ),
    ] = None,
    command: Annotated[
        str | None, typer.Option("--command", help="What starts dlt-harvest, if it is not on the PATH under its name.")
    ] = None,
    destination: Annotated[
        str | None,
        typer.Option("--destination", "-d", metavar="NAME", help="Serve this destination, not the configured one."),
    ] = None,
    is_demo: Annotated[bool, typer.Option("--demo", help="Serve the demo's database instead of your own.")] = False,
    hides_names: Annotated[
        bool, typer.Option("--hide-names", help="Let the server give ids in place of people's names.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that were changed by hand.")] = False,
    is_dry: Annotated[bool, typer.Option("--dry-run", help="Only say what would be written.")] = False,
    debug: Debug = False,
) -> None:
    """Set up AI agents (Claude Code, Cursor, Codex) in this folder: rules, skills, and the MCP server, offline.

    One block in AGENTS.md, three skills, one entry in each client's list of servers. Entries of others are kept, a second run
    changes nothing, and remove takes out exactly what was written.
    """
    with errors_told(debug):
        from harvest_warehouse import ai as agents_here
        from harvest_warehouse.ai.pieces import NEXT, PROTECTION, Agent

        folder = Path.cwd()
        chosen: list[Agent] = [agent.value for agent in agents or []]
        if action is _Action.PATH:
            say(str(agents_here.toolkit()))
            return
        if action is _Action.INIT:
            report = agents_here.set_up(
                folder,
                chosen,
                command=command,
                is_demo=is_demo,
                hides_names=hides_names,
                destination=destination,
                overwrite=overwrite,
                is_dry=is_dry,
            )
        elif action is _Action.REMOVE:
            report = agents_here.remove(folder, chosen)
        else:
            report = agents_here.status(folder)
        say(*(f"{one.path}: {one.what}{f', {one.why}' if one.why else ''}" for one in report.files))
        if not report.agents:
            say(
                "No agent is set up here." if action is not _Action.REMOVE else "Nothing of dlt-harvest's is left here."
            )
            return
        say("", "What hides your secrets, and what does not:", *(f"- {PROTECTION[agent]}" for agent in report.agents))
        say(
            "- The safest place for a token is outside of this folder, in a variable of the machine that runs the schedule."
        )
        if find_spec("mcp") is None:
            say("", "The server is an extra that is not installed here: pip install 'dlt-harvest[mcp]'.")
        if action is _Action.INIT:
            say("", "Next:", *(f"- {NEXT[agent]}" for agent in report.agents))
