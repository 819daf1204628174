"""Simulator (test double) of Harvest: an account that is served on this machine."""

from harvest_simulator.accounts import Accounts
from harvest_simulator.clock import Clock
from harvest_simulator.faults.faults import Fault
from harvest_simulator.http.request_log import Request
from harvest_simulator.simulator import Simulator

__all__ = ["Accounts", "Clock", "Fault", "Request", "Simulator"]
