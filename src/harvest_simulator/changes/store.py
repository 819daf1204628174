"""Store of the account's rows, with all changes that can be made to them."""

from __future__ import annotations

from harvest_simulator.changes.billing_changes import BillingChanges
from harvest_simulator.changes.estimate_changes import EstimateChanges
from harvest_simulator.changes.people_changes import PeopleChanges
from harvest_simulator.changes.setup_changes import SetupChanges
from harvest_simulator.changes.time_changes import TimeChanges


class Store(TimeChanges, SetupChanges, PeopleChanges, BillingChanges, EstimateChanges):
    """Store of rows by kind and id, with a method for each change, which returns the id of the row it made or changed.

    updated_at moves exactly where Harvest was seen to move it; where Harvest keeps quiet (silent changes, deletions)
    so does the store. Raises `NotPossible` where Harvest would refuse with 422, KeyError for an unknown id.
    """
