"""Send the weekly report: by e-mail with its pictures in the message, or to Slack."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from harvest_time_tracking import SettingWrong, printable
from harvest_warehouse.messages.text import counted
from harvest_warehouse.notify import Attachment, NotifySettings, send_mail, send_slack, send_slack_files
from harvest_warehouse.weekly.report import ReportReport

MAIL, SLACK = "mail", "slack"
_PICTURE = re.compile(r'src="data:image/png;base64,([^"]+)"')


def checked(to: Sequence[str], settings: NotifySettings) -> None:
    """Check that each receiver can be reached with these settings, before anything is written.

    Args:
        to: receivers: `mail` for the configured addresses, `slack`, or e-mail addresses.
        settings: the channels.

    Raises:
        SettingWrong: a receiver is none of these, or a setting that it needs is missing.
    """
    for one in to:
        if one not in (MAIL, SLACK) and "@" not in one:
            raise SettingWrong(
                f"--to takes an e-mail address, `mail` for those in the settings, or `slack`, not {one!r}."
            )
        if one == SLACK:
            if not (settings.slack_hook or (settings.slack_token and settings.slack_channel)):
                raise SettingWrong(
                    "--to slack needs slack_hook under [harvest_notify] in .dlt/secrets.toml, or slack_token and "
                    "slack_channel, which send the files as well."
                )
        elif not settings.smtp_host:
            raise SettingWrong("--to needs a mail server: smtp_host under [harvest_notify] in .dlt/config.toml.")
        elif one == MAIL and not settings.email_to:
            raise SettingWrong(
                "--to mail needs email_to, a list of addresses, under [harvest_notify] in .dlt/config.toml."
            )
        elif not (settings.email_from or settings.email_to):
            raise SettingWrong("--to needs email_from, the sender, under [harvest_notify] in .dlt/config.toml.")


def deliver(written: ReportReport, to: Sequence[str], settings: NotifySettings) -> dict[str, str | None]:
    """Send a report that was written to each receiver.

    Args:
        written: the report.
        to: receivers, as `checked` takes them.
        settings: the channels.

    Returns:
        By receiver, None if it was delivered, else why not. No text contains a secret.
    """
    subject = f"The week of {printable(' and '.join(written.accounts))}: {counted(written.alerts, 'alert')}"
    said = "\n".join(map(printable, (*written.old, *written.headlines)))
    html = written.page.read_text(encoding="utf-8")
    files = [
        Attachment(written.page.name, html.encode(), "text/html"),
        Attachment(written.picture.name, written.picture.read_bytes(), "image/png"),
    ]
    body, pictures = _with_parts(html)
    addresses = [address for one in to if one != SLACK for address in (settings.email_to if one == MAIL else (one,))]
    outcomes: dict[str, str | None] = {}
    if addresses:
        text = f"{said}\n\nThe report is attached, as a page and as a picture.\n"
        outcomes[", ".join(dict.fromkeys(addresses))] = send_mail(
            settings.mail,
            subject,
            text,
            to=tuple(dict.fromkeys(addresses)),
            html=body,
            pictures=pictures,
            attachments=files,
            seconds=settings.timeout_seconds,
        )
    if SLACK in to:
        outcomes[SLACK] = _to_slack(f"*{subject}*\n{said}", files, settings)
    return outcomes


def _to_slack(text: str, files: Sequence[Attachment], settings: NotifySettings) -> str | None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if settings.slack_token and settings.slack_channel:
        return send_slack_files(
            settings.slack_token.reveal(), settings.slack_channel, escaped, files, seconds=settings.timeout_seconds
        )
    return send_slack(settings.slack_hook.reveal(), escaped, seconds=settings.timeout_seconds)


def _with_parts(html: str) -> tuple[str, list[Attachment]]:
    """The page with its pictures as parts of a message: mail programs drop those that are within the page."""
    pictures: list[Attachment] = []

    def part(found: re.Match[str]) -> str:
        name = f"chart-{len(pictures) + 1}.png"
        pictures.append(Attachment(name, base64.b64decode(found[1]), "image/png"))
        return f'src="cid:{name}"'

    return _PICTURE.sub(part, html), pictures
