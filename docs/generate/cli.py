"""The page of commands, docs/reference/cli.md, from the command line itself."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from typer.main import get_command

from harvest_warehouse.cli import app
from harvest_warehouse.cli.render.tables import markdown_table

_HEAD = """# Commands

Written by `make docs` from the command line itself; do not edit. `dlt-harvest --help` lists the commands, and
`dlt-harvest sync --help` shows the help of one. See also [exit codes](exit-codes.md) and [settings](settings.md).
"""


def cli_page() -> str:
    """The page, as Markdown."""
    top: Any = get_command(app)
    functions = {one.name or one.callback.__name__: one.callback for one in app.registered_commands if one.callback}
    kinds = {name: get_type_hints(function) for name, function in functions.items()}
    listed = markdown_table(
        ("command", "what it does"),
        [(f"[`{name}`](#{name})", _first_line(command)) for name, command in top.commands.items()],
    )
    shared = _options_table(_options(top.params), {})
    parts = [_HEAD, listed, "Without a command:", shared]
    parts += [part for name, command in top.commands.items() for part in _command_parts(name, command, kinds[name])]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _command_parts(name: str, command: Any, kinds: Mapping[str, Any]) -> list[str]:
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    options = _options(command.params)
    called = " ".join(["dlt-harvest", name, "[OPTIONS]", *(_called(argument) for argument in arguments)])
    parts = [f"## {name}", _prose(command), f"```text\n{called}\n```"]
    if arguments:
        rows = [(f"`{_called(argument)}`", _words(argument)) for argument in arguments]
        parts.append(markdown_table(("argument", "meaning"), rows))
    parts.append(_options_table(options, kinds))
    if examples := re.findall(r"`([^`]+)`", command.epilog or ""):
        parts.append("```bash\n" + "\n".join(examples) + "\n```")
    return parts


def _options(parameters: Iterable[Any]) -> list[Any]:
    return [
        one for one in parameters if one.param_type_name == "option" and not one.hidden and "--help" not in one.opts
    ]


def _options_table(options: Iterable[Any], kinds: Mapping[str, Any]) -> str:
    rows = [(_spelled(option), _taken(option, kinds), _default(option), _words(option)) for option in options]
    return markdown_table(("option", "takes", "default", "meaning"), rows)


def _spelled(option: Any) -> str:
    names = [*sorted(option.opts, key=len, reverse=True), *option.secondary_opts]
    return ", ".join(f"`{name}`" for name in names)


def _taken(option: Any, kinds: Mapping[str, Any]) -> str:
    """What an option takes: nothing where it is a switch, its choices, or the word that stands for its value."""
    if option.is_flag:
        return ""
    kind = kinds[option.name]
    parts = (
        [part for part in get_args(kind) if part is not NoneType] if get_origin(kind) in (Union, UnionType) else [kind]
    )
    if get_origin(parts[0]) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(parts[0]))
    if isinstance(parts[0], type) and issubclass(parts[0], Enum):
        return " or ".join(f"`{choice.value}`" for choice in parts[0])
    of_list = get_origin(parts[0]) is list
    value = get_args(parts[0])[0] if of_list else parts[0]
    named = {int: "NUMBER", float: "NUMBER", Path: "FILE"}.get(value, "TEXT")
    return f"`{option.metavar or named}`" + (", repeated" if of_list else "")


def _default(option: Any) -> str:
    default = option.default() if callable(option.default) else option.default
    default = getattr(default, "value", default)
    if option.is_flag and option.secondary_opts:
        return f"`{option.opts[0] if default else option.secondary_opts[0]}`"
    return "" if option.is_flag or default in (None, [], ()) else f"`{default}`"


def _called(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _words(parameter: Any) -> str:
    return " ".join((parameter.help or "").split())


def _prose(command: Any) -> str:
    """The help of a command, a line for each paragraph."""
    return "\n\n".join(
        " ".join(paragraph.split()) for paragraph in inspect.cleandoc(command.help or "").split("\n\n") if paragraph
    )


def _first_line(command: Any) -> str:
    return _prose(command).partition("\n")[0]
