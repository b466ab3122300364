"""Live events of all workers, for those who follow them: numbered by worker, so that a reader can go on where it was.

A worker publishes its events, in batches each tenth of a second, only while somebody elsewhere follows; what a reader
missed is asked for once, from each worker's own ring of events.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

import msgspec
from msgspec import Raw, Struct
from tollhouse import StoreError
from tollhouse.events import Event
from tollhouse.feed import Follower
from tollhouse.gateway import Gateway

from .cluster import Cluster
from .events import RequestProgress
from .record import pieces

EVENTS = "admin:events"
BATCH = 0.1
"""Seconds between two batches."""
TICK = 0.5
"""Seconds between two progress reports of one request."""
FOLLOWED = 15.0
"""Seconds a worker goes on publishing after somebody said that they follow."""
RENEW = 5.0
ROOM = 4096
"""Events a reader may be behind before it misses the oldest."""
MOST = 500
"""Requests under way whose progress is told, the latest ones."""


class Batch(Struct, frozen=True, kw_only=True):
    """Events of one worker: (number, JSON); a number of 0 cannot be asked for again. `lost` were dropped before."""

    worker: str
    events: list[tuple[int, Raw]] = []
    lost: int = 0
    number: int = 0
    """The number of the worker's last event when it answered."""


class Since(Struct, frozen=True, kw_only=True):
    """What a reader has: the number of the last event, by worker."""

    position: dict[str, int]


class Watch:
    """One reader. What comes live waits until `begin` has put what it missed before it."""

    def __init__(self, position: dict[str, int]) -> None:
        self.position = position
        """The number of the last event taken in, by worker."""
        self.dropped = 0
        self.ready = asyncio.Event()
        self._queue: deque[tuple[str, int, bytes]] = deque()
        self._early: list[tuple[str, int, bytes]] | None = []

    def put(self, worker: str, number: int, data: bytes) -> None:
        """Take one event; never waits."""
        if self._early is None:
            self._take_in(worker, number, data)
        elif len(self._early) < ROOM:
            self._early.append((worker, number, data))

    def begin(self, missed: Iterable[Batch]) -> None:
        """What came before; live events follow it."""
        for batch in missed:
            self.position.setdefault(batch.worker, batch.number)
            self.dropped += batch.lost
            for number, data in batch.events:
                self._take_in(batch.worker, number, bytes(data))
        early, self._early = self._early or [], None
        for one in early:
            self._take_in(*one)

    def lose(self, count: int) -> None:
        """So many were lost on the way."""
        self.dropped += count
        self.ready.set()

    def take(self) -> tuple[int, list[tuple[str, int, bytes]]]:
        """How many were lost, and what there is: (worker, number, JSON)."""
        dropped, self.dropped = self.dropped, 0
        items = list(self._queue)
        self._queue.clear()
        self.ready.clear()
        return dropped, items

    def _take_in(self, worker: str, number: int, data: bytes) -> None:
        """One that came before is left out."""
        if number:
            if number <= self.position.get(worker, 0):
                return
            self.position[worker] = number
        if len(self._queue) >= ROOM:
            self._queue.popleft()
            self.dropped += 1
        self._queue.append((worker, number, data))
        self.ready.set()


class Live:
    """The live events of one worker, and the readers it serves."""

    def __init__(self, gateway: Gateway, cluster: Cluster) -> None:
        self._gateway, self._cluster = gateway, cluster
        self._watches: set[Watch] = set()
        self._followed_until = 0.0
        self._from = 0
        self._publishing = False
        self._wanted = asyncio.Event()
        self._told = asyncio.Event()
        cluster.answers["follow"] = self._follow
        cluster.answers["replay"] = self._replay

    @property
    def watched(self) -> bool:
        """Whether anybody here follows."""
        return bool(self._watches)

    def hear(self, event: Event) -> None:
        """Hand an event of this worker to its readers."""
        number, data = self._gateway.feed.number, msgspec.json.encode(event)
        for watch in self._watches:
            watch.put(self._cluster.id, number, data)

    async def watch(self, watch: Watch) -> None:
        """Let a reader follow: from its position on, and where it has none from now on. End it with `close`."""
        me = self._cluster.id
        asked = dict(watch.position)
        missed = [self._batch(asked.get(me))]
        self._watches.add(watch)
        self._wanted.set()
        others = [peer.id for peer in await self._cluster.peers() if peer.id != me]
        if others:
            replies = await self._cluster.ask("replay", Since(position=asked), Batch, to=others)
            missed += [replies.by[worker] for worker in sorted(replies.by)]
        known = {batch.worker for batch in missed}
        watch.lose(sum(worker not in known for worker in asked))
        watch.begin(missed)

    def close(self, watch: Watch) -> None:
        """A reader has gone."""
        self._watches.discard(watch)

    async def relay(self) -> None:
        """Bring other workers' events to the readers here, for ever; costs nothing without readers."""
        while True:
            await self._wanted.wait()
            subscription = self._gateway.store.subscribe(EVENTS)
            renewing = asyncio.create_task(self._renewing())
            try:
                await self._renew()
                async for _, data in subscription:
                    batch = msgspec.json.decode(data, type=Batch)
                    if batch.worker != self._cluster.id:
                        self._deliver(batch, list(self._watches))
                    if not self._watches:
                        break
            finally:
                renewing.cancel()
                await subscription.aclose()
            if not self._watches:
                self._wanted.clear()

    async def publish(self) -> None:
        """Publish this worker's events while somebody elsewhere follows them, for ever."""
        while True:
            await self._told.wait()
            self._told.clear()
            follower = self._gateway.feed.follow(after=self._from, room=ROOM)
            self._publishing = True
            try:
                while self._gateway.clock.monotonic() < self._followed_until:
                    await asyncio.sleep(BATCH)
                    await self._send(follower)
            finally:
                self._publishing = False
                follower.close()

    async def progress(self) -> None:
        """Tell of streams under way while anybody follows, for ever."""
        while True:
            await asyncio.sleep(TICK)
            followed = self._gateway.clock.monotonic() < self._followed_until
            if not self._watches and not followed:
                continue
            told = [msgspec.json.encode(one) for one in self._running()]
            for data in told:
                for watch in self._watches:
                    watch.put(self._cluster.id, 0, data)
            if followed and told:
                await self._publish(Batch(worker=self._cluster.id, events=[(0, Raw(data)) for data in told]))

    def _running(self) -> Iterable[RequestProgress]:
        at = self._gateway.clock.time()
        running = [one for one in self._gateway.in_flight if one.attempts and one.request and one.request.stream]
        for exchange in sorted(running, key=lambda one: one.id)[-MOST:]:
            attempt = exchange.attempts[-1]
            if attempt.content_at is not None:
                yield RequestProgress(
                    at=at,
                    id=exchange.id,
                    output_tokens=pieces(attempt),
                    seconds=exchange.now() - exchange.started,
                    ttft=attempt.content_at - exchange.started,
                    target=attempt.target.name,
                )

    async def _send(self, follower: Follower) -> None:
        taken = follower.taken()
        lost, follower.dropped = follower.dropped, 0
        if taken or lost:
            events = [(number, Raw(msgspec.json.encode(event))) for number, event in taken]
            await self._publish(Batch(worker=self._cluster.id, events=events, lost=lost))

    async def _publish(self, batch: Batch) -> None:
        try:
            await self._gateway.store.publish(EVENTS, msgspec.json.encode(batch))
        except StoreError:
            return  # readers elsewhere see the gap in the numbers

    async def _renewing(self) -> None:
        while self._watches:
            await asyncio.sleep(RENEW)
            await self._renew()

    async def _renew(self) -> None:
        await self._cluster.tell("follow")

    def _deliver(self, batch: Batch, watches: Iterable[Watch]) -> None:
        for watch in watches:
            if batch.lost:
                watch.lose(batch.lost)
            for number, data in batch.events:
                watch.put(batch.worker, number, bytes(data))

    def _batch(self, after: int | None) -> Batch:
        """This worker's events after a number, as far as its ring holds them; none without a number."""
        number = self._gateway.feed.number
        after = number if after is None else after
        events = [(at, Raw(msgspec.json.encode(event))) for at, event in self._gateway.feed.recent() if at > after]
        first = events[0][0] if events else number + 1
        return Batch(worker=self._cluster.id, events=events, lost=max(0, first - after - 1), number=number)

    async def _follow(self, _: bytes) -> None:
        if not self._publishing and not self._told.is_set():
            self._from = self._gateway.feed.number
        self._followed_until = self._gateway.clock.monotonic() + FOLLOWED
        self._told.set()

    async def _replay(self, args: bytes) -> Batch:
        await self._follow(args)
        position = msgspec.json.decode(args, type=Since).position
        return self._batch(position.get(self._cluster.id))


def encode_position(position: dict[str, int]) -> str:
    """A reader's place, opaque to it."""
    return "_".join(f"{worker}-{number:x}" for worker, number in position.items())


def decode_position(text: str) -> dict[str, int] | None:
    """The place that `encode_position` wrote; None when it is none."""
    if not text:
        return None
    position: dict[str, int] = {}
    for part in text.split("_"):
        worker, dash, number = part.partition("-")
        if not dash or not worker.isalnum() or len(number) > 12:
            return None
        try:
            position[worker] = int(number, 16)
        except ValueError:
            return None
    return position
