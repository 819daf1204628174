"""Send messages to a Slack-compatible webhook, configured by dlt's own setting `slack_incoming_hook`."""

from __future__ import annotations

import threading

import requests

from harvest_time_tracking.http.proxy import proxies_for
from harvest_warehouse.database.pipelines import open_pipeline
from harvest_warehouse.warehouse import Target

SETTING = "slack_incoming_hook"
_SECONDS = 30.0
_SILENT = f"the webhook did not answer within {_SECONDS:.0f} s"


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
    outcome: list[str | None] = []
    # In a thread, to limit the total time: the timeout of requests starts again with every byte.
    sending = threading.Thread(target=lambda: outcome.append(_sent(address, text)), daemon=True)
    sending.start()
    sending.join(_SECONDS)
    return outcome[0] if outcome else _SILENT


def _address(warehouse: Target) -> str | None:
    return open_pipeline(warehouse).runtime_config.slack_incoming_hook


def _sent(address: str, text: str) -> str | None:
    # Not dlt's function, which follows redirects, so that a login page would count as delivered.
    try:
        answer = requests.post(
            address,
            json={"text": text, "mrkdwn": True},
            timeout=_SECONDS,
            allow_redirects=False,
            proxies=proxies_for(address),
        )
    except requests.ConnectionError:
        return "the webhook cannot be reached"
    except requests.Timeout:
        return _SILENT
    except (requests.RequestException, ValueError) as error:
        # The error's own message contains the address.
        return f"the webhook's address does not work ({type(error).__name__})"
    if answer.is_redirect:
        return f"the webhook answered {answer.status_code} and leads elsewhere, where nothing is sent"
    return None if answer.ok else f"the webhook answered {answer.status_code}"
