"""The weekly report on its way: what a mail program and Slack get, and what is said where they get nothing."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harvest_time_tracking import Secret, SettingWrong
from harvest_warehouse.cli import app
from harvest_warehouse.notify import NotifySettings
from harvest_warehouse.weekly import delivery
from harvest_warehouse.weekly.delivery import checked, deliver
from harvest_warehouse.weekly.report import ReportReport
from support.receivers import hook, mail_server

PNG = b"\x89PNG\r\n\x1a\n\x00first"
ONE = base64.b64encode(PNG).decode()
TWO = base64.b64encode(PNG + b"second").decode()
PAGE = f'<h1>Grüße</h1><img src="data:image/png;base64,{ONE}" alt="a"><img src="data:image/png;base64,{TWO}" alt="b">'
MAIL = NotifySettings(
    smtp_host="127.0.0.1", smtp_security="none", email_to=("ops@example.com",), email_from="harvest@example.com"
)


@pytest.fixture
def written(tmp_path: Path) -> ReportReport:
    page, picture = tmp_path / "monday.html", tmp_path / "monday.png"
    page.write_text(PAGE, encoding="utf-8")
    picture.write_bytes(PNG + b"whole")
    return ReportReport(
        page, picture, ("Nørth <&> Co",), ("EUR",), 2, ("The data is old.",), ("Call first: Ada\x1b[2J, EUR 5",)
    )


def test_a_mail_shows_its_pictures_and_has_both_files_attached(written: ReportReport) -> None:
    with mail_server() as post:
        to = ["mail", "boss@example.com", "ops@example.com"]
        outcomes = deliver(written, to, replace(MAIL, smtp_port=post.port))
    assert outcomes == {"ops@example.com, boss@example.com": None}
    [message] = post.messages
    assert sorted(post.recipients) == ["boss@example.com", "ops@example.com"]
    assert message["Subject"] == "The week of Nørth <&> Co: 2 alerts"
    assert isinstance(message, EmailMessage)
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    said = text.get_content()
    assert said.splitlines()[0] == "The data is old."
    assert "Call first: Ada" in said
    assert "\x1b" not in said
    assert re.findall(r'src="(.*?)"', html.get_content()) == ["cid:chart-1.png", "cid:chart-2.png"]
    parts = {part["Content-ID"]: part.get_content() for part in message.walk() if part["Content-ID"]}
    assert parts == {"<chart-1.png>": PNG, "<chart-2.png>": PNG + b"second"}
    attached = {part.get_filename(): part for part in message.iter_attachments()}
    assert set(attached) == {"monday.html", "monday.png"}
    assert attached["monday.html"].get_payload(decode=True) == PAGE.encode()
    assert attached["monday.png"].get_content() == PNG + b"whole"


def test_slack_gets_text_by_a_hook_and_files_by_a_bot(written: ReportReport, monkeypatch: pytest.MonkeyPatch) -> None:
    with hook() as received:
        assert deliver(written, ["slack"], NotifySettings(slack_hook=Secret(received.url))) == {"slack": None}
    text = json.loads(received.bodies[0])["text"]
    assert text.startswith("*The week of Nørth &lt;&amp;&gt; Co: 2 alerts*\nThe data is old.\nCall first: Ada")
    sent: list[tuple[str, ...]] = []

    def files(token: str, channel: str, text: str, attachments: list[delivery.Attachment], **_: object) -> None:
        sent.append((token, channel, *(one.name for one in attachments)))

    monkeypatch.setattr(delivery, "send_slack_files", files)
    both = NotifySettings(slack_hook=Secret("https://example.com"), slack_token=Secret("xoxb"), slack_channel="C1")
    assert deliver(written, ["slack"], both) == {"slack": None}
    assert sent == [("xoxb", "C1", "monday.html", "monday.png")]


@pytest.mark.parametrize(
    ("to", "settings", "needs"),
    [
        ("teams", MAIL, "not 'teams'"),
        ("slack", MAIL, "slack_hook"),
        ("slack", NotifySettings(slack_token=Secret("x")), "slack_channel"),
        ("mail", NotifySettings(), "smtp_host"),
        ("mail", replace(MAIL, email_to=()), "email_to"),
        ("a@example.com", replace(MAIL, email_to=(), email_from=""), "email_from"),
    ],
)
def test_a_receiver_without_its_settings_is_told_which(to: str, settings: NotifySettings, needs: str) -> None:
    with pytest.raises(SettingWrong, match=needs):
        checked([to], settings)


def test_the_command_keeps_the_file_and_fails_where_it_was_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: ReportReport
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harvest_warehouse.weekly.report", lambda *_, **__: written)
    monkeypatch.setenv("HARVEST_NOTIFY__SLACK_HOOK", "http://127.0.0.1:1/verysecret")
    result = CliRunner().invoke(app, ["report", "--to", "slack"])
    assert result.exit_code == 1
    assert "is in" in result.output
    assert "It was not sent to slack: the webhook cannot be reached." in result.output
    assert "verysecret" not in result.output
    result = CliRunner().invoke(app, ["report", "--to", "everybody"])
    assert result.exit_code == 2
    assert "not 'everybody'" in result.output
