"""Settings of notifications: section `[harvest_notify]` of dlt's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, cast, get_args

import dlt

from harvest_time_tracking import Secret, SettingWrong
from harvest_warehouse.settings.section import given, number

SECTION = "harvest_notify"
_WHERE = (
    "It is set under [harvest_notify] in .dlt/config.toml or .dlt/secrets.toml, or by an environment variable, "
    "HARVEST_NOTIFY__..."
)

EventName = Literal[
    "failed",
    "recovered",
    "access_lost",
    "deletions_held_back",
    "unproven",
    "skipped",
    "new_column",
    "verify_differs",
    "repaired",
    "not_built",
    "stale",
    "succeeded",
]
EVENTS: tuple[EventName, ...] = get_args(EventName)
DEFAULT_EVENTS = EVENTS[:-1]
COMMANDS = ("sync", "load", "verify", "build")
Security = Literal["starttls", "tls", "none"]
# A password may begin with a bracket, and is no list.
_TEXTS = ("slack_hook", "slack_token", "webhook_url", "smtp_user", "smtp_password", "name")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True)
class NotifySettings:
    """Settings of notifications, as they are written.

    Attributes:
        events: which events are told: a list of names. Default: all but `succeeded`.
        commands: commands that tell how they went, of `sync`, `load`, `verify` and `build`.
        slack_hook: a secret: address of a Slack-compatible incoming webhook. Default: `slack_incoming_hook` under
            `[runtime]`; `"off"` for none.
        slack_token: a secret: token of a Slack bot with the scope `files:write`, to send files.
        slack_channel: id of the channel that the bot sends files to.
        webhook_url: a secret: address that gets each message as a JSON document.
        ping_url: a secret: address of a healthchecks-style check, pinged when a `sync` starts (`/start`), has ended well, or
            not (`/fail`); or a table by command: `{sync = "https://...", verify = "https://..."}`.
        textfile: file for Prometheus' textfile collector; its name ends with `.prom`.
        email_to: addresses that get each message by e-mail.
        email_from: sender of e-mails. Default: the first of `email_to`.
        smtp_host: mail server.
        smtp_port: its port. Default: 587, 465 with `tls`, 25 with `none`.
        smtp_security: `starttls`, `tls` or `none`.
        smtp_user: user at the mail server, if it needs a login.
        smtp_password: a secret: the password.
        name: name of this installation in messages. Default: the database's.
        timeout_seconds: longest time that a channel may take.
    """

    events: tuple[EventName, ...] = DEFAULT_EVENTS
    commands: tuple[str, ...] = ("sync", "verify")
    slack_hook: Secret = field(default_factory=lambda: Secret(""))
    slack_token: Secret = field(default_factory=lambda: Secret(""))
    slack_channel: str = ""
    webhook_url: Secret = field(default_factory=lambda: Secret(""))
    ping_url: dict[str, Secret] = field(default_factory=dict)
    textfile: Path | None = None
    email_to: tuple[str, ...] = ()
    email_from: str = ""
    smtp_host: str = ""
    smtp_port: int = 0
    smtp_security: Security = "starttls"
    smtp_user: str = ""
    smtp_password: Secret = field(default_factory=lambda: Secret(""))
    name: str = ""
    timeout_seconds: float = 15.0

    @property
    def mail(self) -> MailSettings:
        """The settings of e-mail."""
        return MailSettings(
            self.smtp_host,
            self.smtp_port or _PORTS[self.smtp_security],
            self.smtp_security,
            self.smtp_user,
            self.smtp_password,
            self.email_from or (self.email_to[0] if self.email_to else ""),
            self.email_to,
        )

    @property
    def has_channel(self) -> bool:
        """True if anything would be told to anybody."""
        return bool(self.slack_hook or self.webhook_url or self.ping_url or self.textfile or self.email_to)


@dataclass(frozen=True)
class MailSettings:
    """Settings of e-mail.

    Attributes:
        host: mail server; empty for none.
        port: its port.
        security: `starttls`, `tls` from the first byte, or `none`.
        user: user for the login; empty for none.
        password: its password.
        sender: address of the sender.
        to: addresses of the recipients.
    """

    host: str
    port: int
    security: Security
    user: str
    password: Secret
    sender: str
    to: tuple[str, ...]


def notify_settings() -> NotifySettings:
    """Read the settings of notifications from dlt's configuration.

    Raises:
        SettingWrong: a name is unknown, or a value is invalid. The message contains no value that is a secret.
    """
    found = given(SECTION, [item.name for item in fields(NotifySettings)], secrets=("ping_url",), texts=_TEXTS)
    made = NotifySettings(
        events=_events(found.get("events")),
        commands=_commands(found.get("commands")),
        slack_hook=_hook(found.get("slack_hook")),
        slack_token=Secret(_text(found, "slack_token")),
        slack_channel=_text(found, "slack_channel"),
        webhook_url=Secret(_address(found, "webhook_url")),
        ping_url=_pings(found.get("ping_url")),
        textfile=_textfile(_text(found, "textfile")),
        email_to=tuple(_mailbox("email_to", address) for address in _list(found, "email_to")),
        email_from=_mailbox("email_from", _text(found, "email_from")),
        smtp_host=_text(found, "smtp_host"),
        smtp_port=_whole(found, "smtp_port", 0, 65_535),
        smtp_security=_security(_text(found, "smtp_security") or "starttls"),
        smtp_user=_text(found, "smtp_user"),
        smtp_password=Secret(_text(found, "smtp_password")),
        name=_text(found, "name"),
        timeout_seconds=_whole(found, "timeout_seconds", 15, 300) or 15,
    )
    if made.email_to and not made.smtp_host:
        raise SettingWrong(f"email_to needs smtp_host, the mail server. {_WHERE}")
    return made


def _text(found: dict[str, object], name: str) -> str:
    value = found.get(name, "")
    if not isinstance(value, str | int):
        raise SettingWrong(f"{name} must be a text. {_WHERE}")
    return str(value).strip()


def _list(found: dict[str, object], name: str) -> tuple[str, ...]:
    value = found.get(name, ())
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise SettingWrong(f"{name} must be a list of texts. {_WHERE}")
    return tuple(item.strip() for item in items if item.strip())


def _mailbox(name: str, address: str) -> str:
    if address and ("@" not in address or not address.isprintable()):
        raise SettingWrong(f"{name} must be an address such as ops@example.com, got {address!r}. {_WHERE}")
    return address


def _events(value: object) -> tuple[EventName, ...]:
    if value is None:
        return DEFAULT_EVENTS
    names = _list({"events": value}, "events")
    if unknown := [name for name in names if name not in EVENTS]:
        raise SettingWrong(f"There is no event {unknown[0]!r}; there are: {', '.join(EVENTS)}. {_WHERE}")
    return cast("tuple[EventName, ...]", names)


def _commands(value: object) -> tuple[str, ...]:
    if value is None:
        return NotifySettings.commands
    names = _list({"commands": value}, "commands")
    if unknown := [name for name in names if name not in COMMANDS]:
        raise SettingWrong(f"commands can be {', '.join(COMMANDS)}, not {unknown[0]!r}. {_WHERE}")
    return names


def _whole(found: dict[str, object], name: str, default: int, most: int) -> int:
    value = int(number(name, found.get(name, default), _WHERE))
    if not 0 <= value <= most:
        raise SettingWrong(f"{name} must be a number up to {most}, got {value}. {_WHERE}")
    return value


def _address(found: dict[str, object], name: str) -> str:
    address = _text(found, name)
    if address and not address.startswith(("https://", "http://")):
        # Not shown: it may be a secret in the wrong place.
        raise SettingWrong(f"{name} must begin with https:// (or http://). {_WHERE}")
    return address


def _hook(value: object) -> Secret:
    if value == "off":
        return Secret("")
    if value is None:
        value = dlt.config.get("runtime.slack_incoming_hook") or ""
    return Secret(_address({"slack_hook": value}, "slack_hook"))


def _pings(value: object) -> dict[str, Secret]:
    by_command = value if isinstance(value, dict) else {"sync": value or ""}
    if unknown := [name for name in by_command if name not in COMMANDS]:
        raise SettingWrong(f"ping_url is by command ({', '.join(COMMANDS)}), not {unknown[0]!r}. {_WHERE}")
    return {
        str(command): Secret(address.rstrip("/"))
        for command, given_address in by_command.items()
        if (address := _address({"ping_url": given_address}, "ping_url"))
    }


def _textfile(text: str) -> Path | None:
    if text and not text.endswith(".prom"):
        raise SettingWrong(f"textfile must end with .prom: the collector reads no other file. {_WHERE}")
    return Path(text) if text else None


def _security(text: str) -> Security:
    if text not in _PORTS:
        raise SettingWrong(f"smtp_security must be one of {', '.join(_PORTS)}, got {text!r}. {_WHERE}")
    return cast("Security", text)
