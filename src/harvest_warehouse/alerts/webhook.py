"""Send alerts to a Slack-compatible webhook, configured by dlt's own setting `slack_incoming_hook`."""

from __future__ import annotations

from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.notify import send_slack
from harvest_warehouse.warehouse import Target

SETTING = "slack_incoming_hook"


def has_webhook(warehouse: Target) -> bool:
    """True if `[runtime] slack_incoming_hook` is set, in any place where dlt looks for secrets."""
    return bool(_address(warehouse))


def deliver(warehouse: Target, text: str) -> str | None:
    """Send a message in Slack's markup.

    Returns:
        None if it was delivered, else why not. The text never contains the address, which is a secret.
    """
    address = _address(warehouse)
    if not address:
        return f"no webhook is set: [runtime] {SETTING} in .dlt/secrets.toml"
    return send_slack(address, text)


def _address(warehouse: Target) -> str | None:
    return open_pipeline(warehouse).runtime_config.slack_incoming_hook
