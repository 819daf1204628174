"""`dlt-harvest model`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from harvest_warehouse.cli.app import Debug, app, errors_told
from harvest_warehouse.cli.console import print_text


class _Form(StrEnum):
    YAML = "yaml"
    MARKDOWN = "markdown"
    OSI = "osi"
    SNOWFLAKE = "snowflake"


@app.command(epilog="Examples: `dlt-harvest model` · `dlt-harvest model --as snowflake > harvest.yaml`")
def model(
    form: Annotated[
        _Form,
        typer.Option(
            "--as",
            help="markdown, a short text for an agent; yaml, the whole model; osi, Open Semantic Interchange; or snowflake, a semantic view.",
        ),
    ] = _Form.MARKDOWN,
    debug: Debug = False,
) -> None:
    """Print the semantic model of the marts: metrics with units and proofs, relationships, questions with SQL."""
    with errors_told(debug):
        from harvest_warehouse.semantics.exports import exported

        print_text(exported(form.value).rstrip("\n"))
