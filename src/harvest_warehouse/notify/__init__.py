"""Notifications: tell people and programs how a run went, by Slack, webhook, ping, e-mail and Prometheus."""

from __future__ import annotations

from harvest_warehouse.notify.delivery import Attachment
from harvest_warehouse.notify.mail import send_mail
from harvest_warehouse.notify.outcome import Event, Outcome
from harvest_warehouse.notify.reporter import Reporter
from harvest_warehouse.notify.settings import MailSettings, NotifySettings, notify_settings
from harvest_warehouse.notify.slack import send_slack, send_slack_files

__all__ = [
    "Attachment",
    "Event",
    "MailSettings",
    "NotifySettings",
    "Outcome",
    "Reporter",
    "notify_settings",
    "send_mail",
    "send_slack",
    "send_slack_files",
]
