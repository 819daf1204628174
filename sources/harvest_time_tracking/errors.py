"""What can go wrong with Harvest, classed by what happens next."""

from __future__ import annotations


class HarvestError(Exception):
    """Anything that Harvest, or the way to it, made of a request.

    The message says what happened, to what, and what to do. It never holds the token.
    """


class RetryableError(HarvestError):
    """Asked again by the client: 429, 5xx, a broken connection, a body that is not what was announced.

    Raised to the caller only when the tries are used up.

    Attributes:
        retry_after_seconds: what Harvest asked to wait, None where it did not say.
        is_throttled: True for a 429, which stops every worker of the account, not only this one.
        most_tries: how often it is worth trying, None where there is no telling.
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
    """No answer came, or none that was whole in time."""


class NeedsYou(HarvestError):
    """A person has to act: the token, a permission, the account, a setting."""


class TokenRejected(NeedsYou):
    """401: the run stops."""


class Forbidden(NeedsYou):
    """403: the stream is skipped with this reason, the others go on."""


class NotFound(NeedsYou):
    """404: the account, the endpoint or the row does not exist (any more).

    Attributes:
        said: what happened, without the guess at what is wrong that the message may end with.
    """

    def __init__(self, said: str, guess: str = "") -> None:
        super().__init__(f"{said} {guess}".strip())
        self.said = said


class RequestRefused(NeedsYou):
    """400 or 422: Harvest read the request and will not answer it, however often it is sent."""


class SettingWrong(NeedsYou):
    """A setting that cannot be used: said before anything is asked of Harvest."""


class NetworkWrong(NeedsYou):
    """A proxy, a certificate or an address on the way to Harvest, as this machine is told to go it."""


class ContractViolation(HarvestError):
    """An answer that Harvest's documentation does not allow: a missing list, a link to another host, a loop."""
