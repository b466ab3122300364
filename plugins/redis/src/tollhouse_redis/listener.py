"""Messages of other processes: one connection that follows the stream they are published to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from tollhouse.errors import StoreError, TollhouseError
from tollhouse.store.counters import micros
from tollhouse.store.topics import Subscription, Topics

from .dialer import Dialer
from .line import ANSWERS_WITHIN
from .link import Link

LISTENS_FOR = 5.0
"""Seconds that one question waits for news; longer silence of Redis means that it is gone."""

_AT_ONCE = 100
_SLOWEST = 0.5


class Listener:
    """Follows the stream as long as somebody subscribes.

    A subscription stands when it returns, before any connection: the stream keeps a minute, and is read from the
    instant of the first subscription, by the server's clock. After a lost connection it is read on from where it was.
    """

    def __init__(self, dialer: Dialer, stream: bytes, clock: Callable[[], float] | None) -> None:
        self._dialer, self._stream, self._clock = dialer, stream, clock
        self._topics = Topics()
        self._early: list[tuple[Subscription, float]] = []
        self._after: int | None = None
        self._link: Link | None = None
        self._task: asyncio.Task[None] | None = None

    def subscribe(self, topics: tuple[str, ...]) -> Subscription:
        """Messages from now on."""
        loop = asyncio.get_running_loop()
        now = 0 if self._clock is None else micros(self._clock())
        subscription = self._topics.subscribe(topics, now)
        if self._task is None or self._task.done():
            self._after = None
            self._task = loop.create_task(self._follow())
        if self._after is None:
            self._early.append((subscription, loop.time()))
        return subscription

    async def close(self) -> None:
        """End the subscriptions, and hang up."""
        self._topics.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _follow(self) -> None:
        failures = 0
        try:
            while self._topics:
                try:
                    await self._listen()
                    failures = 0
                except TollhouseError:
                    failures += 1
                    # Calls to the store fail as well meanwhile, and say so; this only has to come back.
                    wait = min(_SLOWEST, 0.05 * 2 ** min(failures, 8))
                    await asyncio.sleep(random.uniform(wait / 2, wait))  # noqa: S311
        finally:
            if self._link is not None:
                self._link.drop("nobody listens any more")

    async def _listen(self) -> None:
        if self._link is None or self._link.lost:
            self._link = await self._dialer.dial()
        link = self._link
        after = self._after = await self._begin(link) if self._after is None else self._after
        block = int(LISTENS_FOR * 1000)
        question = ("XREAD", "COUNT", _AT_ONCE, "BLOCK", block, "STREAMS", self._stream, f"{after}-0")
        try:
            async with asyncio.timeout(LISTENS_FOR + ANSWERS_WITHIN):
                [news] = await link.exchange(question)
        except TimeoutError:
            link.drop("Redis fell silent")
            raise StoreError("Redis fell silent") from None
        if isinstance(news, Exception):
            if self._dialer.follow(str(news)):
                link.drop("the stream is on another node")
                return
            raise StoreError(f"Redis at {link.address} says: {news}")
        for id_, (_, topic, _, data) in news[0][1] if news else ():
            self._after = int(id_.partition(b"-")[0])
            self._topics.deliver(topic.decode(), data, self._after)

    async def _begin(self, link: Link) -> int:
        """Where to start: before the first subscription. Messages older than theirs are for nobody."""
        loop = asyncio.get_running_loop()
        if self._clock is None:
            seconds, rest = await link.request("TIME")
            present, known_at = int(seconds) * 1_000_000 + int(rest), loop.time()
            for subscription, at in self._early:
                subscription.since = present - micros(known_at - at)
        self._early.clear()
        return max(0, self._topics.since() - 1)
