"""What one worker knows for the admin API, made once a process: it outlives reloads."""

from __future__ import annotations

import asyncio
from heapq import merge
from typing import Any

import msgspec
from msgspec import Struct
from tollhouse import Exchange, Rejected, StoreError
from tollhouse.errors import ConfigError
from tollhouse.events import AttemptEnded, Event, RequestEnded, RequestStarted
from tollhouse.gateway import Gateway

from .audit import Book
from .capture import Captured
from .cluster import BEAT, Cluster
from .config_view import reload
from .drained import Drained
from .filters import compiled
from .live import Live
from .meters import Meters, Readings
from .record import Ring, extra, running, summary, with_bodies
from .settings_shapes import HookState, Problem
from .shapes import Detail, Facts, Record

TURN = 100
"""Records that are looked at before others have a turn."""


def cancelled() -> Rejected:
    """What the caller of a cancelled request is told."""
    return Rejected(
        "An operator of the gateway cancelled this request.",
        status=503,
        type="server_error",
        code="cancelled",
        should_retry=False,
    )


class Page(Struct, frozen=True, kw_only=True):
    """The newest `limit` requests that are older than `before`, by their start and id, as a filter has them."""

    limit: int
    before: tuple[float, str] | None = None
    filter: str = ""


class One(Struct, frozen=True, kw_only=True):
    """Names a request, by its id or the one its caller sees."""

    id: str


class Standing(Struct, kw_only=True):
    """A worker's share of the state."""

    in_flight: int
    targets: dict[str, int]
    edition: int
    draining: bool
    readings: Readings


class Took(Struct, kw_only=True):
    """How a worker's reload went."""

    edition: int = 0
    errors: list[Problem] = []


class Node:
    """One worker. `start` once; everything ends with the gateway."""

    def __init__(self, gateway: Gateway, recent: int) -> None:
        self.gateway = gateway
        self.cluster = Cluster(gateway)
        self.live = Live(gateway, self.cluster)
        self.meters = Meters()
        self.ring, self.captured = Ring(recent, self.cluster.id), Captured(recent)
        self.drained = Drained(gateway)
        self.book = Book(gateway.store, gateway.clock)
        self._started = False
        self.cluster.answers |= {
            "list": self._list,
            "one": self._one,
            "cancel": self._cancel,
            "standing": self._standing,
            "hooks": self._hooks,
            "drained": self._drained,
            "reload": self._reload,
        }

    async def start(self) -> None:
        """Begin to listen; asked again, it does nothing."""
        if self._started:
            return
        self._started = True
        gateway = self.gateway
        gateway.feed.listen(self._hear)
        for name, work in (
            ("beat", self.cluster.beat),
            ("listen", self.cluster.listen),
            ("relay", self.live.relay),
            ("publish", self.live.publish),
            ("progress", self.live.progress),
            ("drained", self._keep_drained),
        ):
            gateway.spawn(work, name=f"admin.{name}")
        await self.drained.refresh()

    def ended(self, exchange: Exchange) -> None:
        """Remember an exchange that ended."""
        self.ring.settled(exchange.id, extra(exchange))

    def found(self, id_: str) -> Exchange | None:
        """An exchange under way here."""
        return next((one for one in self.gateway.in_flight if id_ in (one.id, one.request_id)), None)

    def _hear(self, event: Event) -> None:
        """In the request's own time: as little as can be."""
        if isinstance(event, RequestEnded):
            self.ring.put(event)
            self.meters.request(event)
        elif isinstance(event, AttemptEnded):
            self.meters.attempt(event)
        elif not isinstance(event, RequestStarted):
            self.meters.circuit(event)
        if self.live.watched:
            self.live.hear(event)

    async def _keep_drained(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            await self.drained.refresh()

    async def _list(self, args: bytes) -> list[Record]:
        page = msgspec.json.decode(args, type=Page)
        holds = compiled(page.filter)
        under_way = sorted((running(one, self.cluster.id) for one in self.gateway.in_flight), key=place, reverse=True)
        found: dict[str, Record] = {}
        for number, one in enumerate(merge(self.ring.newest(), under_way, key=place, reverse=True)):
            if (page.before is None or place(one) < page.before) and holds(record := summary(one)):
                found.setdefault(one.id, record)
                if len(found) == page.limit:
                    break
            if number % TURN == TURN - 1:
                await asyncio.sleep(0)
        return list(found.values())

    async def _one(self, args: bytes) -> Detail | None:
        id_ = msgspec.json.decode(args, type=One).id
        if (exchange := self.found(id_)) is not None:
            return running(exchange, self.cluster.id)
        one = self.ring.get(id_)
        return with_bodies(one, self.captured.get(one.id)) if one else None

    async def _cancel(self, args: bytes) -> bool:
        exchange = self.found(msgspec.json.decode(args, type=One).id)
        if exchange is None or exchange.interrupt is None:
            return False
        exchange.verdict = cancelled()
        exchange.note("admin", "cancelled by an operator")
        exchange.interrupt()
        return True

    async def _standing(self, _: bytes) -> Standing:
        gateway = self.gateway
        targets: dict[str, int] = {}
        in_flight = gateway.in_flight
        for exchange in in_flight:
            for attempt in exchange.attempts:
                if attempt.state == "pending":
                    targets[attempt.target.name] = targets.get(attempt.target.name, 0) + 1
        return Standing(
            in_flight=len(in_flight),
            targets=targets,
            edition=gateway.edition.number,
            draining=gateway.draining,
            readings=self.meters.readings(),
        )

    async def _hooks(self, _: bytes) -> list[HookState]:
        return [
            HookState(
                hook=name,
                plugin=call.plugin,
                order=order,
                calls=call.calls,
                seconds=None if step.spec.kind == "wrap" else call.seconds,
                errors=call.failures,
                policy="closed" if step.spec.closed else "open",
                limit=step.limit,
            )
            for name, step in self.gateway.edition.chain.steps().items()
            for order, call in enumerate(step.calls)
        ]

    async def _drained(self, _: bytes) -> Any:
        await self.drained.refresh()

    async def _reload(self, _: bytes) -> Took:
        try:
            await reload(self.gateway)
        except ConfigError as error:
            return Took(errors=problems(error))
        return Took(edition=self.gateway.edition.number)


def place(one: Facts) -> tuple[float, str]:
    """Where a request stands in lists: by its start, then by its id."""
    return one.at, one.id


def problems(error: ConfigError) -> list[Problem]:
    """A ConfigError, or several in one, as they are told."""
    several = getattr(error, "errors", (error,))
    return [Problem(path=one.path, message=one.message, hint=one.hint) for one in several]


def store_away(error: StoreError) -> Rejected:
    """The answer when the store is needed and does not answer."""
    return Rejected(
        f"The store does not answer: {error}. Try again shortly.",
        status=503,
        type="server_error",
        code="store_unavailable",
        retry_after=1.0,
    )
