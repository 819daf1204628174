"""The channels of notifications: what arrives, what does not, and what is said of it."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from harvest_time_tracking import Secret, SettingWrong
from harvest_warehouse.notify import (
    Attachment,
    MailSettings,
    notify_settings,
    send_mail,
    send_slack,
    send_slack_files,
)
from support.receivers import hook, mail_server

PAGE = Attachment("monday.html", b"<p>Week 48</p>", "text/html")
PICTURE = Attachment("monday.png", b"\x89PNG\r\n\x1a\n\x00\xff", "image/png")
MAIL = MailSettings("127.0.0.1", 25, "none", "", Secret(""), "harvest@example.com", ("ops@example.com",))


def test_a_message_arrives_at_a_slack_hook_once() -> None:
    with hook() as received:
        assert send_slack(received.url, "*failed*") is None
    [body] = received.bodies
    assert json.loads(body) == {"text": "*failed*", "mrkdwn": True}


@pytest.mark.parametrize("status", [302, 307, 404, 429, 500])
def test_what_a_hook_answers_is_told_without_its_address(status: int) -> None:
    with hook(status) as received:
        said = send_slack(received.url, "failed")
    assert said is not None
    assert f"answered {status}" in said
    assert "verysecret" not in said
    assert len(received.paths) == 1


def test_a_hook_that_never_answers_takes_no_longer_than_it_may() -> None:
    with hook(is_silent=True) as received:
        began = time.monotonic()
        assert send_slack(received.url, "failed", seconds=0.5) == "the webhook did not answer within 0.5 s"
        assert time.monotonic() - began < 5


def test_an_address_that_is_none_is_told_without_it() -> None:
    said = send_slack("http://[verysecret", "failed")
    assert said is not None
    assert "verysecret" not in said


def test_files_go_to_slack_by_three_calls_and_the_token_is_in_the_header_alone() -> None:
    with hook() as received:
        place = {"ok": True, "upload_url": f"{received.root}/upload/1", "file_id": "F1"}
        received.answers["/api/files.getUploadURLExternal"] = json.dumps(place).encode()
        received.answers["/api/files.completeUploadExternal"] = b'{"ok": true}'
        api = f"{received.root}/api"
        assert send_slack_files("xoxb-verysecret", "C1", "The week", [PICTURE], api=api) is None
    assert received.paths == ["/api/files.getUploadURLExternal", "/upload/1", "/api/files.completeUploadExternal"]
    asked, uploaded, shared = received.bodies
    assert asked == b"filename=monday.png&length=10"
    assert uploaded == PICTURE.content
    assert json.loads(shared) == {
        "files": [{"id": "F1", "title": "monday.png"}],
        "channel_id": "C1",
        "initial_comment": "The week",
    }
    assert [headers.get("Authorization") for headers in received.headers] == [
        "Bearer xoxb-verysecret",
        None,
        "Bearer xoxb-verysecret",
    ]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b'{"ok": false, "error": "not_in_channel"}', "Slack refuses: not_in_channel"),
        (b'{"ok": false, "error": "<!channel>"}', "Slack refuses: for no reason that can be read"),
        (b"<html>", "Slack's answer cannot be read"),
        (b"[]", "Slack refuses: for no reason that can be read"),
    ],
)
def test_what_slack_refuses_is_told_in_its_own_word(answer: bytes, said: str) -> None:
    with hook() as received:
        received.answers["/api/files.getUploadURLExternal"] = answer
        assert send_slack_files("xoxb", "C1", "", [PAGE], api=f"{received.root}/api") == said
    assert len(received.paths) == 1


def test_a_mail_arrives_with_its_text_its_page_and_its_files() -> None:
    with mail_server() as post:
        settings = replace(MAIL, port=post.port)
        failure = send_mail(
            settings, "Week 48\nBcc: all@example.com", "Plain words", html="<p>Words</p>", attachments=[PAGE, PICTURE]
        )
    assert failure is None
    [message] = post.messages
    assert post.recipients == ["ops@example.com"]
    # Whatever stands in a subject, it adds no header.
    assert (message["Subject"], message["Bcc"]) == ("Week 48 Bcc: all@example.com", None)
    assert (message["From"], message["To"]) == ("harvest@example.com", "ops@example.com")
    plain, page = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert page is not None
    assert plain.get_content().strip() == "Plain words"
    assert page.get_content().strip() == "<p>Words</p>"
    found = {one.get_filename(): one.get_payload(decode=True) for one in message.iter_attachments()}
    assert found == {"monday.html": PAGE.content, "monday.png": PICTURE.content}


def test_a_mail_to_others_than_those_configured() -> None:
    with mail_server() as post:
        assert send_mail(replace(MAIL, port=post.port), "Week", "Words", to=["a@example.com", "b@example.com"]) is None
    assert post.recipients == ["a@example.com", "b@example.com"]


def test_a_recipient_who_is_refused_is_told_without_the_servers_words() -> None:
    with mail_server(refuses="gone@example.com") as post:
        settings = replace(MAIL, port=post.port)
        some = send_mail(settings, "Week", "Words", to=["a@example.com", "gone@example.com"])
        none = send_mail(settings, "Week", "Words", to=["gone@example.com"])
    assert some == "the mail server refuses 1 of 2 recipients"
    assert none == "the mail server refuses every recipient"


def test_a_mail_server_without_tls_gets_no_password() -> None:
    with mail_server() as post:
        settings = replace(MAIL, port=post.port, security="starttls", user="u", password=Secret("verysecret"))
        said = send_mail(settings, "Week", "Words")
    assert said == "the mail server cannot do what is asked: see smtp_security and smtp_user"
    assert post.messages == []


def test_a_mail_server_that_says_nothing_takes_no_longer_than_it_may() -> None:
    with mail_server(is_silent=True) as post:
        began = time.monotonic()
        said = send_mail(replace(MAIL, port=post.port), "Week", "Words", seconds=1)
        assert time.monotonic() - began < 5
    assert said == "the mail server did not answer within 1 s"


def test_a_mail_server_that_is_not_there_is_told() -> None:
    said = send_mail(replace(MAIL, port=1), "Week", "Words")
    assert said == "the mail server cannot be reached (ConnectionRefusedError)"


def test_settings_are_read_and_secrets_are_stars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARVEST_NOTIFY__SLACK_HOOK", "https://hooks.example/verysecret")
    monkeypatch.setenv("HARVEST_NOTIFY__EMAIL_TO", "ops@example.com, boss@example.com")
    monkeypatch.setenv("HARVEST_NOTIFY__SMTP_HOST", "mail.example.com")
    monkeypatch.setenv("HARVEST_NOTIFY__SMTP_PASSWORD", "verysecret")
    monkeypatch.setenv("HARVEST_NOTIFY__PING_URL", '{sync = "https://hc.example/verysecret/"}')
    monkeypatch.setenv("HARVEST_NOTIFY__EVENTS", '["failed", "recovered"]')
    settings = notify_settings()
    assert settings.mail == MailSettings(
        "mail.example.com",
        587,
        "starttls",
        "",
        Secret("verysecret"),
        "ops@example.com",
        ("ops@example.com", "boss@example.com"),
    )
    assert settings.events == ("failed", "recovered")
    assert settings.ping_url == {"sync": Secret("https://hc.example/verysecret")}
    assert "verysecret" not in repr(settings)


def test_without_settings_nobody_is_told_and_the_hook_of_alerts_is_the_hook_of_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert not notify_settings().has_channel
    monkeypatch.setenv("RUNTIME__SLACK_INCOMING_HOOK", "https://hooks.example/x")
    assert notify_settings().slack_hook == Secret("https://hooks.example/x")
    monkeypatch.setenv("HARVEST_NOTIFY__SLACK_HOOK", "off")
    assert not notify_settings().has_channel


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("slack_hook", "verysecret", "slack_hook must begin with https://"),
        ("webhook_url", "ftp://verysecret", "webhook_url must begin with https://"),
        ("ping_url", "verysecret", "ping_url must begin with https://"),
        ("events", '["fail"]', "There is no event 'fail'; there are: failed, recovered"),
        ("textfile", "/var/lib/harvest.txt", "must end with .prom"),
        ("smtp_security", "ssl", "must be one of starttls, tls, none"),
        ("smtp_port", "-1", "must be a number up to 65535"),
        ("email_to", "nobody", "must be an address such as ops@example.com"),
        ("email_to", "ops@example.com", "email_to needs smtp_host"),
        ("slack", "https://x", "Did you mean"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_without_a_secret_in_the_message(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"HARVEST_NOTIFY__{name.upper()}", value)
    with pytest.raises(SettingWrong, match=said) as caught:
        notify_settings()
    assert "verysecret" not in str(caught.value)


def test_a_password_may_begin_with_a_bracket_and_no_message_quotes_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARVEST_NOTIFY__SMTP_PASSWORD", "[verysecret{")
    assert notify_settings().smtp_password == Secret("[verysecret{")
    monkeypatch.setenv("HARVEST_NOTIFY__PING_URL", "{sync = https://verysecret")
    with pytest.raises(SettingWrong, match="neither TOML") as caught:
        notify_settings()
    assert "verysecret" not in str(caught.value)
