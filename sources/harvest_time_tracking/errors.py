"""Errors of Harvest and of the connection to it, classed by what happens next."""

from __future__ import annotations


class HarvestError(Exception):
    """Base class of the errors whose message is meant for the user.

    The message says what happened, to what, and what to do. It never holds the token.
    """


class RetryableError(HarvestError):
    """The client retries the request: 429, 408, 5xx, a broken connection, an invalid body.

    Raised to the caller only when the attempts are used up.

    Attributes:
        retry_after_seconds: delay that Harvest asked for (`Retry-After`); None if it did not.
        is_throttled: True for a 429, which pauses every worker of the account, not only this one.
        most_tries: maximum number of attempts for this error; None for the client's default.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        is_throttled: bool = False,
        most_tries: int | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.is_throttled = is_throttled
        self.most_tries = most_tries


class Unreachable(RetryableError):
    """No complete response arrived in time."""


class NeedsYou(HarvestError):
    """A person has to act, on the token, a permission, the account or a setting."""


class TokenRejected(NeedsYou):
    """Harvest does not accept the access token (401): the run stops."""


class Forbidden(NeedsYou):
    """Harvest denies access (403): the stream is skipped with this reason, the others go on."""


class NotFound(NeedsYou):
    """The account, the endpoint or the row does not exist, or no longer (404).

    Attributes:
        said: what happened, without the guess at the cause that the message may end with.
    """

    def __init__(self, said: str, guess: str = "") -> None:
        super().__init__(f"{said} {guess}".strip())
        self.said = said


class RequestRefused(NeedsYou):
    """Harvest refuses the request as invalid (400 or 422), however often it is sent."""


class SettingWrong(NeedsYou):
    """A setting is invalid: raised before any request is sent."""


class NewColumn(NeedsYou):
    """Harvest sends a field that its documentation does not know, and `on_new_column` is `stop`: nothing of the batch is written."""


class NetworkWrong(NeedsYou):
    """A proxy, a certificate or an address on the way to Harvest is wrong or refuses; no retry helps."""


class ContractViolation(HarvestError):
    """A response violates Harvest's documentation: a missing list, a link to another host, a pagination loop."""
