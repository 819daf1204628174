"""Where a message goes: a Slack-compatible webhook, by dlt's own setting for it, whose address is a secret."""

from __future__ import annotations

import logging
import threading

import requests
from dlt.common.runtime.slack import send_slack_message

from harvest_warehouse.settings import Warehouse

SETTING = "slack_incoming_hook"
# dlt's function waits for ever.
_SECONDS = 30.0


def has_webhook(warehouse: Warehouse) -> bool:
    """Whether `[runtime] slack_incoming_hook` is set, in one of the places where dlt looks for secrets."""
    return bool(_address(warehouse))


def deliver(warehouse: Warehouse, text: str) -> str | None:
    """Send a message in Slack's markup.

    Returns:
        None where it arrived, else why it did not: without the address, whoever has that can write there.
    """
    address = _address(warehouse)
    if not address:
        return f"no webhook is set: [runtime] {SETTING} in .dlt/secrets.toml"
    outcome: list[str | None] = []
    # A thread of its own, so that the wait has an end.
    sending = threading.Thread(target=lambda: outcome.append(_sent(address, text)), daemon=True)
    sending.start()
    sending.join(_SECONDS)
    return outcome[0] if outcome else f"the webhook did not answer within {_SECONDS:.0f} s"


def _address(warehouse: Warehouse) -> str | None:
    return warehouse.pipeline().runtime_config.slack_incoming_hook


def _sent(address: str, text: str) -> str | None:
    logger = logging.getLogger("dlt")
    was_disabled, logger.disabled = logger.disabled, True
    try:
        send_slack_message(address, text)
    except requests.HTTPError as error:
        return f"the webhook answered {error.response.status_code}" if error.response is not None else "HTTP error"
    except requests.ConnectionError:
        return "the webhook cannot be reached"
    except (requests.RequestException, ValueError) as error:
        # Its words hold the address.
        return f"the webhook's address does not work ({type(error).__name__})"
    finally:
        logger.disabled = was_disabled
    return None
