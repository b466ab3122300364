"""The plugin: answers what was answered before, lets identical calls share one, and keeps what may be kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tollhouse import Attempt, Endpoint, Event, Exchange, Rejected, Reply, Wait, hookimpl

from . import settings as shapes
from .endpoints import endpoints
from .entry import Entry
from .flight import Flight, late
from .key import Question, Questions, key_of
from .name import PLUGIN
from .policy import Policy, narrowed, of_levels
from .settings import CacheSettings
from .shelf import Shelf
from .visit import Visit, followed, replay
from .wishes import HEADER, NONE, read

if TYPE_CHECKING:
    from tollhouse.gateway import Gateway

TASKS = ("chat", "embed")
"""What is cached."""

PATIENCE = 2
"""Flights that may fail under a follower before it goes alone."""

MARGIN = 0.05
"""Seconds before its deadline at which a follower who still waits gives up by itself."""

ENTRY_HEADER = "x-tollhouse-cache-entry"


class Cache:
    """An exact cache of chats and embeddings."""

    Settings: ClassVar[type[CacheSettings]] = CacheSettings
    Level: ClassVar[Any] = shapes.Level

    def __init__(self, settings: CacheSettings) -> None:
        self.settings = settings
        self._questions = Questions()
        self._watching: asyncio.Task[None] | None = None
        self._shelf: Shelf | None = None

    @hookimpl
    def endpoints(self, gateway: Gateway) -> Sequence[Endpoint]:
        """What is counted, and clearing."""
        return endpoints(gateway, lambda: self._shelf_of(gateway))

    @hookimpl
    async def startup(self, gateway: Gateway) -> None:
        """Learn what was cleared before, and follow what will be."""
        shelf = self._shelf_of(gateway)
        shelf.memory.resize(self.settings.memory)
        await shelf.begin()
        self._watching = gateway.spawn(shelf.watch, name="cache")

    @hookimpl
    async def shutdown(self) -> None:
        """Follow no more; what is kept stays for the next configuration."""
        if self._watching is not None:
            self._watching.cancel()

    @hookimpl
    async def answer(self, exchange: Exchange) -> Reply | Wait | None:
        """A stored reply, or that of an identical call under way; None sends the exchange upstream."""
        if exchange.task not in TASKS:
            return None
        visit: Visit | None = exchange.state.get(PLUGIN)
        if visit is None:
            if PLUGIN in exchange.labels:
                return None
            visit = self._enter(exchange)
            if visit is None:
                return None
            exchange.state[PLUGIN] = visit
        elif visit.upstream:
            return None
        return await self._answer(exchange, visit)

    @hookimpl
    def relay(self, exchange: Exchange, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
        """Hear what the upstream says to a call that is cached."""
        visit: Visit | None = exchange.state.get(PLUGIN)
        if visit is None or not visit.upstream:
            return events
        return visit.record(events, self.settings.max_entry)

    @hookimpl
    def observe(self, exchange: Exchange, attempt: Attempt) -> None:
        """Keep the reply of an attempt that won; let those who wait for one that failed go on."""
        visit: Visit | None = exchange.state.get(PLUGIN)
        if visit is not None:
            visit.observed(attempt, room=self.settings.max_entry, store=self.settings.store)

    @hookimpl
    async def settle(self, exchange: Exchange) -> None:
        """Nobody waits any longer for an exchange that is over, and it is free to go."""
        visit: Visit | None = exchange.state.pop(PLUGIN, None)
        if visit is not None:
            visit.end()

    def _shelf_of(self, gateway: Gateway) -> Shelf:
        if self._shelf is None:
            self._shelf = gateway.keep(PLUGIN, lambda: Shelf(gateway, self.settings.memory))
        return self._shelf

    def _enter(self, exchange: Exchange) -> Visit | None:
        """What the cache may do for an exchange; None when nothing."""
        wishes = read(exchange.headers) if self.settings.headers else NONE
        policy = narrowed(of_levels(self.settings, (one.value for one in exchange.settings(PLUGIN))), wishes)
        shelf = self._shelf_of(exchange.gateway)
        if not (policy.read or policy.write):
            why = "switched off for this call"
        else:
            question = self._questions.of(exchange.request)
            why = _unfit(question, policy)
            if not why:
                return Visit(exchange, shelf, policy, key_of(exchange, question, policy.share))
        shelf.counts.bypassed += 1
        exchange.note(PLUGIN, f"bypassed: {why}")
        _say(exchange, "bypass")
        if policy.only_if_cached:
            raise _not_cached(why)
        return None

    async def _answer(self, exchange: Exchange, visit: Visit) -> Reply | Wait | None:
        shelf, policy, key = visit.shelf, visit.policy, visit.key
        joined = visit.aboard()
        if joined is not None and joined.state == "failed":
            visit.failures += 1
        if joined is not None and (reply := self._follow(exchange, visit, joined)) is not None:
            return reply
        coalesce = self.settings.coalesce and policy.read and visit.failures < PATIENCE
        if policy.read:
            entry = shelf.held(key, policy.max_age)
            if entry is not None and (reply := self._hit(exchange, visit, entry, "memory")) is not None:
                return reply
            flight = shelf.flights.get(key) if coalesce else None
            if flight is not None and not flight.trimmed:
                return self._follow(exchange, visit, flight) or _turn(exchange, visit, flight)
        if self.settings.coalesce and not policy.only_if_cached and key not in shelf.flights:
            visit.lead(self.settings.max_entry)
        if policy.read and self.settings.store and exchange.gateway.store.healthy:
            entry = await shelf.fetch(key, policy.max_age)
            if entry is not None and (reply := self._hit(exchange, visit, entry, "the store")) is not None:
                return reply
        visit.leave()
        if policy.only_if_cached:
            raise _not_cached("it was not asked before, or too long ago")
        shelf.counts.misses += 1
        visit.verdict, exchange.saved = "miss", 0
        for header in ("age", ENTRY_HEADER):
            exchange.response_headers.pop(header, None)
        _say(exchange, "miss")
        return None

    def _hit(self, exchange: Exchange, visit: Visit, entry: Entry, where: str) -> Reply | None:
        """An entry as a reply; None for one that cannot be read, which counts as not there."""
        try:
            said = entry.message()
        except ValueError:
            visit.shelf.memory.drop(visit.key)
            return None
        label, now = entry.label, exchange.gateway.clock.time()
        visit.found()
        visit.leave()
        age = max(0, int(now - label.at))
        if visit.verdict is None:
            if where == "memory":
                visit.shelf.counts.memory_hits += 1
            else:
                visit.shelf.counts.store_hits += 1
            exchange.note(PLUGIN, f"answered from {where}, {age} s old")
        visit.verdict = "hit"
        exchange.saved = label.cost
        _say(exchange, "hit")
        exchange.response_headers |= {"age": str(age), ENTRY_HEADER: label.id}
        return Reply(happenings=replay(said, int(now)))

    def _follow(self, exchange: Exchange, visit: Visit, flight: Flight) -> Reply | None:
        """The reply of a flight whose content has begun; None before that, and when it cannot be followed."""
        if flight.state not in ("open", "done") or flight.trimmed:
            return None
        seat = visit.board(flight)
        if visit.verdict is None:
            visit.shelf.counts.coalesced += 1
            exchange.note(PLUGIN, f"shares the call of {flight.leader.request_id}")
        visit.verdict = "coalesced"
        _say(exchange, "coalesced")
        return Reply(happenings=followed(exchange, flight, seat.cursor))


def _turn(exchange: Exchange, visit: Visit, flight: Flight) -> Wait:
    """Until the flight's content begins. Raises `ProviderError` when that takes longer than the exchange may."""
    left = exchange.deadline - exchange.now() - MARGIN
    if left <= 0:
        raise late()
    visit.board(flight)
    return Wait(left, flight.turn)


def _unfit(question: Question, policy: Policy) -> str:
    if not question.unfit and policy.deterministic_only and not question.deterministic:
        return "its temperature is not 0, and it has no seed"
    return question.unfit


def _say(exchange: Exchange, verdict: str) -> None:
    exchange.labels[PLUGIN] = verdict
    exchange.response_headers[HEADER] = verdict


def _not_cached(why: str) -> Rejected:
    return Rejected(
        f"Only a cached answer was wanted, and there is none: {why}.", status=504, code="not_cached", should_retry=False
    )
