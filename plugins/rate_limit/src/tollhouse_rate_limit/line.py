"""A line of requests before one counter, fair between their callers by weight: start-time fair queueing."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import OrderedDict
from collections.abc import Iterator

IDLE = 1024
"""Callers without a waiting request whose turn is remembered, a line."""


class Ticket:
    """One request that waits. `turn` is set when it may ask the store, asked to try again, or has lost its place."""

    __slots__ = ("arrival", "caller", "cost", "id", "key", "line", "lost", "passed", "since", "turn", "until", "weight")

    def __init__(self, id: str, caller: str, weight: float, since: float) -> None:
        self.id, self.caller, self.weight, self.since = id, caller, weight, since
        self.until = since
        """When its patience ends, monotonic seconds."""
        self.cost = 1
        """What it will take from the counter."""
        self.arrival = 0
        """How many had come to its line before it."""
        self.turn = asyncio.Event()
        self.line: Line | None = None
        self.key = ""
        """The counter of the line it stands in, or stood in last."""
        self.lost = False
        """Whether a fuller line pushed it out."""
        self.passed: set[str] = set()
        """Lines in which it has had its turn; it stands behind nobody there again."""

    @property
    def called(self) -> bool:
        """Whether it is its turn in the line it stands in."""
        return self.line is not None and self.line.called is self


class _Flow:
    """The waiting requests of one caller, who waits longest first. `start` is the virtual time of the first of them."""

    __slots__ = ("finish", "start", "tickets", "weight")

    def __init__(self) -> None:
        self.tickets: list[Ticket] = []
        self.start = self.finish = 0.0
        self.weight = 1.0


class Line:
    """Requests that wait for one counter.

    Each caller's requests stay in their order. Between callers the next is the one whose virtual start is least: a
    request of cost c moves its caller's clock on by c / weight, so that callers who always wait are served in
    proportion to their weights, within one request each. One request at a time is called: it alone asks the store,
    until it is served or leaves; only being served costs its caller anything.
    """

    def __init__(self, key: str, pace: float) -> None:
        """`pace` is how many seconds one unit of the counter takes to come back; 0 when nobody knows."""
        self.key, self.pace = key, pace
        self.due = 0.0
        """When the store said there would be enough for the called one, monotonic seconds."""
        self.called: Ticket | None = None
        self._flows: OrderedDict[str, _Flow] = OrderedDict()
        self._now = 0.0
        self._length = self._arrivals = 0

    def __len__(self) -> int:
        return self._length

    def join(self, ticket: Ticket, cost: int) -> None:
        """Stand in line; called at once when nobody else is there."""
        flow = self._flows.setdefault(ticket.caller, _Flow())
        if not flow.tickets:
            flow.start = max(self._now, flow.finish)
        flow.weight = ticket.weight
        ticket.line, ticket.key, ticket.cost = self, self.key, max(1, cost)
        ticket.arrival, self._arrivals = self._arrivals, self._arrivals + 1
        place = len(flow.tickets)
        while place and flow.tickets[place - 1].since > ticket.since and flow.tickets[place - 1] is not self.called:
            place -= 1
        flow.tickets.insert(place, ticket)
        self._length += 1
        self._call()

    def leave(self, ticket: Ticket) -> None:
        """Go away unserved; the next is called if it was this one's turn."""
        self._remove(ticket)
        self._call()

    def served(self, ticket: Ticket) -> None:
        """The called one got what it waited for; the next is called."""
        flow = self._flows[ticket.caller]
        self._now = max(self._now, flow.start)
        flow.start = flow.finish = flow.start + ticket.cost / flow.weight
        self._flows.move_to_end(ticket.caller)
        self._remove(ticket)
        self._forget()
        self._call()

    def order(self) -> Iterator[Ticket]:
        """Who would be served when, if nobody came or left."""
        called = self.called
        heads: list[tuple[float, int, _Flow, int]] = []
        for flow in self._flows.values():
            start, first = flow.start, 0
            if called is not None and flow.tickets and flow.tickets[0] is called:
                yield called
                start, first = start + called.cost / flow.weight, 1
            if len(flow.tickets) > first:
                heads.append((start, flow.tickets[first].arrival, flow, first))
        heapq.heapify(heads)
        while heads:
            start, _, flow, place = heads[0]
            ticket = flow.tickets[place]
            yield ticket
            if place + 1 < len(flow.tickets):
                start += ticket.cost / flow.weight
                heapq.heapreplace(heads, (start, flow.tickets[place + 1].arrival, flow, place + 1))
            else:
                heapq.heappop(heads)

    def ahead(self, ticket: Ticket) -> list[Ticket]:
        """Who would be served before this one."""
        return list(itertools.takewhile(lambda one: one is not ticket, self.order()))

    def expected(self, ticket: Ticket, now: float) -> float:
        """Seconds until this one's turn, if nobody else uses the counter; 0 when nobody knows."""
        if self.called is ticket:
            return 0.0
        cost = ticket.cost + sum(one.cost for one in self.ahead(ticket) if one is not self.called)
        return max(0.0, self.due - now) + self.pace * cost

    def emptied(self, now: float) -> float:
        """Seconds until everybody here was served, likewise."""
        return max(0.0, self.due - now) + self.pace * sum(one.cost for one in self.order() if one is not self.called)

    def longest(self, comer: Ticket) -> Ticket | None:
        """The last request of the caller who has most of them here for its weight, `comer` counted in; None when
        that is the comer's own caller, or the request was called."""
        flows = {caller: flow for caller, flow in self._flows.items() if flow.tickets}

        def load(caller: str) -> float:
            flow = flows[caller]
            return (len(flow.tickets) + (caller == comer.caller)) / flow.weight

        most = max(flows, key=load)
        own = 1 / comer.weight if comer.caller not in flows else load(comer.caller)
        last = flows[most].tickets[-1]
        return None if load(most) <= own or last is self.called else last

    def callers(self) -> dict[str, int]:
        """How many requests each caller has here."""
        return {caller: len(flow.tickets) for caller, flow in self._flows.items() if flow.tickets}

    def _call(self) -> None:
        if self.called is None and self._length:
            waiting = (flow for flow in self._flows.values() if flow.tickets)
            self.called = min(waiting, key=lambda flow: (flow.start, flow.tickets[0].arrival)).tickets[0]
            self.called.turn.set()

    def _remove(self, ticket: Ticket) -> None:
        self._flows[ticket.caller].tickets.remove(ticket)
        self._length -= 1
        ticket.line = None
        if self.called is ticket:
            self.called = None

    def _forget(self) -> None:
        """Drop callers who wait for nothing and owe nothing; of those who owe, keep the latest."""
        idle = [caller for caller, flow in self._flows.items() if not flow.tickets]
        for place, caller in enumerate(idle):
            if self._flows[caller].finish <= self._now or len(idle) - place > IDLE:
                del self._flows[caller]
