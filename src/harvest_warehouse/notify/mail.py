"""Send e-mail by SMTP, with attachments, by Python's own library."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from harvest_time_tracking import printable
from harvest_warehouse.notify.delivery import SECONDS, Attachment, silent, within
from harvest_warehouse.notify.settings import MailSettings

_WHAT = "the mail server"


def send_mail(
    settings: MailSettings,
    subject: str,
    text: str,
    *,
    to: Sequence[str] = (),
    html: str | None = None,
    pictures: Sequence[Attachment] = (),
    attachments: Sequence[Attachment] = (),
    seconds: float = SECONDS,
) -> str | None:
    """Send a message to people.

    Args:
        settings: server, login, and addresses.
        subject: subject, one line.
        text: plain text of the message.
        to: recipients, instead of the configured ones.
        html: the same as HTML, for programs that show it.
        pictures: pictures that the HTML shows, by `cid:` and their name.
        attachments: files to send with it.
        seconds: longest time for all of it.

    Returns:
        None if the server took it for every recipient, else why not. The text contains no password.
    """
    recipients = tuple(to) or settings.to
    if not recipients or not settings.host:
        return "no mail server or no recipient is set: smtp_host and email_to under [harvest_notify]"
    message = _message(settings, subject, text, recipients, html, pictures, attachments)
    return within(seconds, _WHAT, lambda: _sent(settings, message, recipients, seconds))


def _message(
    settings: MailSettings,
    subject: str,
    text: str,
    recipients: Sequence[str],
    html: str | None,
    pictures: Sequence[Attachment],
    attachments: Sequence[Attachment],
) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = printable(subject)
    message["From"] = settings.sender
    message["To"] = ", ".join(recipients)
    message["Date"] = formatdate()
    # Without a domain given, the name of this machine would be looked up, which can take long.
    message["Message-ID"] = make_msgid(domain=settings.sender.rpartition("@")[2].strip("> ") or "localhost")
    # https://www.rfc-editor.org/rfc/rfc3834: no absence note is sent back.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
        if (page := message.get_body(("html",))) is None:
            raise RuntimeError("The message has no page.")
        for one in pictures:
            kind, _, subtype = one.media_type.partition("/")
            # https://www.rfc-editor.org/rfc/rfc2392: what the page names by `cid:` is in angle brackets here.
            page.add_related(
                one.content,
                maintype=kind,
                subtype=subtype,
                cid=f"<{one.name}>",
                filename=one.name,
                disposition="inline",
            )
    for one in attachments:
        kind, _, subtype = one.media_type.partition("/")
        message.add_attachment(one.content, maintype=kind, subtype=subtype or "octet-stream", filename=one.name)
    return message


def _sent(settings: MailSettings, message: EmailMessage, recipients: Sequence[str], seconds: float) -> str | None:
    try:
        with _connected(settings, seconds) as server:
            if settings.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.user:
                server.login(settings.user, settings.password.reveal())
            refused = server.send_message(message, to_addrs=list(recipients))
    except TimeoutError:
        return silent(_WHAT, seconds)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        if isinstance(error.__context__, TimeoutError):
            # smtplib says that the server hung up.
            return silent(_WHAT, seconds)
        return f"{_WHAT} {_meaning(error)}"
    return f"{_WHAT} refuses {len(refused)} of {len(recipients)} recipients" if refused else None


def _meaning(error: Exception) -> str:
    """Why a message was not taken. The server's own words stay out: they can repeat the login."""
    meanings: tuple[tuple[type[Exception], str], ...] = (
        (smtplib.SMTPAuthenticationError, "refuses the user or the password"),
        (smtplib.SMTPNotSupportedError, "cannot do what is asked: see smtp_security and smtp_user"),
        (smtplib.SMTPRecipientsRefused, "refuses every recipient"),
        (ssl.SSLError, "does not agree about TLS, or cannot be trusted: see smtp_security"),
    )
    for kind, words in meanings:
        if isinstance(error, kind):
            return words
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answered {error.smtp_code}"
    return f"cannot be reached ({type(error).__name__})"


def _connected(settings: MailSettings, seconds: float) -> smtplib.SMTP:
    if settings.security == "tls":
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=seconds, context=ssl.create_default_context())
    return smtplib.SMTP(settings.host, settings.port, timeout=seconds)
