"""Send messages and files to Slack: by an incoming webhook (text alone), or by a bot token (with files)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harvest_warehouse.notify.delivery import SECONDS, Attachment, answered, post, within

_WHAT = "Slack"
_API = "https://slack.com/api"
_OF_AN_ADDRESS = re.compile(r"[.:@#](?=[\w/])(?!\d)")
_LOOKING_ALIKE = str.maketrans(
    {"*": "\N{ASTERISK OPERATOR}", "~": "\N{TILDE OPERATOR}", "`": "\N{MODIFIER LETTER GRAVE ACCENT}"}
)


def escaped(text: str) -> str:
    """Escape Slack's markup: a name must not create links, mentions or formatting.

    https://api.slack.com/reference/surfaces/formatting

    Addresses become links even without a scheme, and Mattermost takes a bare `@` as a mention: an invisible word joiner
    breaks them up. Emphasis marks cannot be escaped, and are replaced by characters that look alike.
    """
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _OF_AN_ADDRESS.sub("\\g<0>\N{WORD JOINER}", text.translate(_LOOKING_ALIKE))


def send_slack(address: str, text: str, *, seconds: float = SECONDS) -> str | None:
    """Send text in Slack's markup to a Slack-compatible incoming webhook; such a webhook takes no files.

    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/

    Returns:
        None if it was delivered, else why not. The text never contains the address, which is a secret.
    """
    return post(address, json={"text": text, "mrkdwn": True}, seconds=seconds)


def send_slack_files(
    token: str,
    channel: str,
    text: str,
    attachments: Sequence[Attachment],
    *,
    api: str = _API,
    seconds: float = SECONDS,
) -> str | None:
    """Send text with files to a channel, with the token of a bot that has the scope `files:write` and is in the channel.

    https://docs.slack.dev/messaging/working-with-files/#uploading_files

    Args:
        token: the bot's token (`xoxb-...`).
        channel: id of the channel (`C0123456789`), not its name.
        text: message in Slack's markup.
        attachments: the files.
        api: base address of Slack's API.
        seconds: longest time for all of it.

    Returns:
        None if all of it was delivered, else why not. The text contains neither the token nor an address.
    """
    return within(seconds, _WHAT, lambda: _sent(token, channel, text, attachments, api, seconds))


def _sent(
    token: str, channel: str, text: str, attachments: Sequence[Attachment], api: str, seconds: float
) -> str | None:
    files = []
    for one in attachments:
        asked = {"filename": one.name, "length": str(len(one.content))}
        place, failure = _called(f"{api}/files.getUploadURLExternal", token, asked, seconds)
        if failure:
            return failure
        _, failure = answered(str(place["upload_url"]), _WHAT, seconds, data=one.content)
        if failure:
            return failure
        files.append({"id": place["file_id"], "title": one.name})
    shared = {"files": files, "channel_id": channel, "initial_comment": text}
    return _called(f"{api}/files.completeUploadExternal", token, shared, seconds)[1]


def _called(
    address: str, token: str, arguments: Mapping[str, Any], seconds: float
) -> tuple[Mapping[str, Any], str | None]:
    """Call a method of Slack's API, which answers 200 with `"ok": false` if it refuses."""
    headers = {"Authorization": f"Bearer {token}"}
    # The first method takes forms only: https://docs.slack.dev/reference/methods/files.getUploadURLExternal/
    is_form = all(isinstance(value, str) for value in arguments.values())
    answer, failure = answered(
        address,
        _WHAT,
        seconds,
        data=dict(arguments) if is_form else None,
        json=None if is_form else dict(arguments),
        headers=headers,
    )
    if answer is None:
        return {}, failure
    try:
        document = answer.json()
    except ValueError:
        return {}, "Slack's answer cannot be read"
    if not isinstance(document, dict) or not document.get("ok"):
        word = document.get("error") if isinstance(document, dict) else None
        # A word of Slack's own list, such as `not_in_channel`.
        is_word = isinstance(word, str) and word.isascii() and word.replace("_", "").isalnum()
        return {}, f"Slack refuses: {word if is_word else 'for no reason that can be read'}"
    return document, None
