"""What is remembered between runs never runs ahead of what is in the destination."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from harvest_simulator import Fault
from support.accounts import Account, assert_equals_truth

OpenAccount = Callable[..., Account]
STREAMS = ["clients", "time_entries", "invoices", "invoice_payments"]


def changed_account(open_account: OpenAccount) -> Account:
    account = open_account()
    account.load(*STREAMS)
    account.simulator.clock.sleep(86_400)
    assert account.simulator.mutate(80, seed=5)
    account.simulator.clock.sleep(86_400)
    return account


def test_a_package_that_is_extracted_and_then_aborted_is_asked_for_again(open_account: OpenAccount) -> None:
    account = changed_account(open_account)
    account.pipeline.extract(account.source(*STREAMS))
    account.pipeline.abort_packages()
    account.load(*STREAMS)
    assert_equals_truth(account, STREAMS, after_changes=True)


def test_a_run_that_fails_while_it_reads_is_as_if_it_had_not_been(open_account: OpenAccount) -> None:
    account = changed_account(open_account)
    account.simulator.faults.at({"path": "/v2/invoices"}, Fault.UNAUTHORIZED)
    with pytest.raises(PipelineStepFailed):
        account.load(*STREAMS)
    account.load(*STREAMS)
    assert_equals_truth(account, STREAMS, after_changes=True)


def test_a_lost_working_folder_is_restored_from_the_destination(open_account: OpenAccount) -> None:
    account = changed_account(open_account)
    account.pipeline = account.new_pipeline("another_folder")
    shutil.rmtree(account.folder / "pipelines")
    account.simulator.requests.clear()
    account.load(*STREAMS)
    assert any("updated_since" in request.query for request in account.simulator.requests)
    assert_equals_truth(account, STREAMS, after_changes=True)


def test_rows_committed_late_are_found_within_the_overlap(open_account: OpenAccount) -> None:
    account = open_account()
    account.load(*STREAMS)
    client = account.simulator.truth()["clients"][0]["id"]
    account.simulator.store.rename_client(client, "Committed late")
    # Its `updated_at` is of the last run's own second: only an overlap finds it again.
    account.load(*STREAMS)
    assert "Committed late" in {row["name"] for row in account.rows("clients")}
