"""Several accounts behind one address, as one token reaches them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from harvest_simulator.http.responses import not_authorized
from harvest_simulator.server import Asked, Reply, served
from harvest_simulator.simulator import ACCOUNTS_PATH, Simulator


class Accounts:
    """Service of several accounts with one token: the header `Harvest-Account-Id` says which one a request is for.

    The list of accounts has all of them, that of Forecast which each simulator lists, and `closed` accounts. What Harvest
    answers to a person who is listed in an account and may do nothing there is not documented; 403 is a reading.
    """

    def __init__(self, *simulators: Simulator, closed: Sequence[str] = ()) -> None:
        self.clock = simulators[0].clock
        self._simulators = {simulator.account_id: simulator for simulator in simulators}
        self._closed = closed
        for simulator in simulators:
            simulator.identity = simulators[0].identity

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[str]:
        """Serve on loopback and yield the base URL, http://127.0.0.1:PORT/v2."""
        with served(self, port) as base_url:
            yield base_url

    def reply(self, asked: Asked) -> Reply:
        """Answer one request. Called by the server's threads."""
        headers = {name.lower(): value for name, value in asked.headers.items()}
        first = next(iter(self._simulators.values()))
        if asked.path == ACCOUNTS_PATH:
            return self._list(first.reply(asked))
        account_id = headers.get("harvest-account-id", "")
        reply = self._simulators.get(account_id, first).reply(asked)
        if account_id in self._closed and reply.answer.status != 401:
            return Reply(not_authorized().answer)
        return reply

    def _list(self, reply: Reply) -> Reply:
        if reply.answer.status != 200:
            return reply
        known = {account["id"] for account in reply.answer.data["accounts"]}
        others = [
            {"id": int(account_id), "name": simulator.store.company.name, "product": "harvest"}
            for account_id, simulator in self._simulators.items()
            if int(account_id) not in known
        ]
        closed = [{"id": int(account_id), "name": "Closed", "product": "harvest"} for account_id in self._closed]
        data = reply.answer.data | {"accounts": [*reply.answer.data["accounts"], *others, *closed]}
        return replace(reply, answer=replace(reply.answer, data=data))
