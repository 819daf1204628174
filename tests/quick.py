"""What dlt does over and over, done less: the accounts of the tests are so small that it is a sixth of what they cost."""

from __future__ import annotations

import gc
import sys
from functools import cache
from typing import Any

from dlt.common import validation
from dlt.common.configuration import resolve
from dlt.common.configuration.providers import environ, vault
from typing_extensions import get_type_hints


def make_dlt_quick() -> None:
    """In this process, and in those forked from it."""
    # It copies its schemas all the time, and each time Python looks for cycles in them.
    gc.set_threshold(200_000, 20, 20)
    # What its types say does not change; it works it out at each look at a setting or a table.
    known_secrets = cache(resolve.is_secret_hint)  # type: ignore[attr-defined]
    for module in (environ, vault, resolve):
        module.is_secret_hint = known_secrets  # type: ignore[attr-defined]
    validation.get_type_hints = lambda spec, **_: _hints(spec)  # type: ignore[attr-defined, assignment]


@cache
def _hints(spec: Any) -> dict[str, Any]:
    return get_type_hints(spec, globalns=vars(sys.modules[spec.__module__]))
