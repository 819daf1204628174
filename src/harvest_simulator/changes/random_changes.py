"""Random, realistic changes across the whole account, by seed."""

from __future__ import annotations

from collections.abc import Sequence

from harvest_simulator.changes import billing_acts, setup_acts, work_acts
from harvest_simulator.changes.changes import NotPossible
from harvest_simulator.changes.dice import Act, Dice
from harvest_simulator.changes.store import Store

_ACTS = (*work_acts.ACTS, *setup_acts.ACTS, *billing_acts.ACTS)
_DELETIONS = (*work_acts.DELETIONS, *setup_acts.DELETIONS, *billing_acts.DELETIONS)


def disturb(store: Store, count: int, seed: int, with_deletions: bool) -> list[str]:
    """Apply `count` changes and return a line about each. A change that is not possible on its row is drawn again."""
    dice = Dice(store, seed)
    acts: Sequence[Act] = (*_ACTS, *_DELETIONS) if with_deletions else _ACTS
    done: list[str] = []
    # The first round takes every kind of change once, so that even a short run touches many streams.
    for number in range(count * 50 + 200):
        if len(done) >= count:
            break
        act = acts[number] if number < len(acts) else dice.rng.choice(acts)
        try:
            done.append(act(dice))
        except NotPossible:
            continue
    return done
