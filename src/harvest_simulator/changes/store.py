"""Store of the account's rows, with all changes that can be made to them."""

from __future__ import annotations

from harvest_simulator.changes.billing_changes import BillingChanges
from harvest_simulator.changes.estimate_changes import EstimateChanges
from harvest_simulator.changes.people_changes import PeopleChanges
from harvest_simulator.changes.setup_changes import SetupChanges
from harvest_simulator.changes.time_changes import TimeChanges


class Store(TimeChanges, SetupChanges, PeopleChanges, BillingChanges, EstimateChanges):
    """Store of rows by kind and id, with a method per change, which returns the id of the row created or changed.

    A change moves a row if it sets its updated_at: exactly where Harvest was seen to do so. Silent changes and deletions are
    as silent as Harvest's. Raises `NotPossible` where Harvest would respond with 422, and KeyError for an unknown id.
    """
