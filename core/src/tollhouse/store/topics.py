"""Subscriptions within one process: bounded queues that drop their oldest message rather than grow."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

BACKLOG = 1024
"""Messages a slow subscriber may be behind before it misses the oldest."""


class Subscription:
    """Messages of some topics, from the moment of creation; ends after `aclose` or when the store closes."""

    def __init__(self, hub: Topics, topics: Iterable[str], since: int) -> None:
        self.topics, self.since = frozenset(topics), since
        self._hub = hub
        self._messages: deque[tuple[str, bytes]] = deque(maxlen=BACKLOG)
        self._wake = asyncio.Event()
        self._closed = False

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> tuple[str, bytes]:
        while not self._messages:
            if self._closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._messages.popleft()

    async def aclose(self) -> None:
        """Stop listening."""
        self._hub.forget(self)
        self.end()

    def push(self, topic: str, data: bytes) -> None:
        """Queue one message."""
        self._messages.append((topic, data))
        self._wake.set()

    def end(self) -> None:
        """No further message will come."""
        self._closed = True
        self._wake.set()


class Topics:
    """Who listens to what in this process. To be used from one event loop."""

    def __init__(self) -> None:
        self._subscriptions: set[Subscription] = set()

    def __bool__(self) -> bool:
        return bool(self._subscriptions)

    def subscribe(self, topics: Iterable[str], since: int) -> Subscription:
        """Listen from now on; `since` is the present in microseconds of the store."""
        subscription = Subscription(self, topics, since)
        self._subscriptions.add(subscription)
        return subscription

    def since(self) -> int:
        """When the oldest subscription began."""
        return min((subscription.since for subscription in self._subscriptions), default=0)

    def deliver(self, topic: str, data: bytes, at: int | None = None) -> None:
        """Hand a message to its subscribers; one published `at` an instant to those who listened then."""
        for subscription in self._subscriptions:
            if topic in subscription.topics and (at is None or at >= subscription.since):
                subscription.push(topic, data)

    def forget(self, subscription: Subscription) -> None:
        """Stop delivering to it."""
        self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every subscription."""
        for subscription in self._subscriptions:
            subscription.end()
        self._subscriptions.clear()
