"""The event feed: a ring buffer with live followers that can never slow a request."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable

from .events import Event

Numbered = tuple[int, Event]


class Follower:
    """One reader of the feed. Iterating yields (number, event); events it was too slow for are counted in
    `dropped`, oldest first to go. Close it with `close()`; iteration ends then."""

    def __init__(self, feed: Feed, room: int, backlog: Iterable[Numbered]) -> None:
        self._feed = feed
        self._queue: deque[Numbered] = deque(backlog, maxlen=room)
        self._room = room
        self._ready = asyncio.Event()
        self._closed = False
        self.dropped = 0
        if self._queue:
            self._ready.set()

    def put(self, item: Numbered) -> None:
        """Take one event; never waits."""
        if len(self._queue) == self._room:
            self.dropped += 1
        self._queue.append(item)
        self._ready.set()

    def taken(self) -> list[Numbered]:
        """Take what there is, without waiting."""
        items = list(self._queue)
        self._queue.clear()
        return items

    def close(self) -> None:
        """Stop following."""
        self._closed = True
        self._feed.forget(self)
        self._ready.set()

    async def __aiter__(self) -> AsyncIterator[Numbered]:
        while True:
            while self._queue:
                yield self._queue.popleft()
            if self._closed:
                return
            self._ready.clear()
            await self._ready.wait()


class Feed:
    """The last `room` events of this process, numbered from 1, and those who follow or listen."""

    def __init__(self, room: int = 2048) -> None:
        self._ring: deque[Numbered] = deque(maxlen=room)
        self._followers: list[Follower] = []
        self._listeners: list[Callable[[Event], None]] = []
        self.number = 0
        """Number of the last event."""

    def emit(self, event: Event) -> None:
        """Publish an event: O(followers), never waits, never raises."""
        self.number += 1
        item = (self.number, event)
        self._ring.append(item)
        for follower in self._followers:
            follower.put(item)
        for listener in self._listeners:
            listener(event)

    def follow(self, after: int | None = None, room: int = 1024) -> Follower:
        """Follow from now on, or from the event after number `after` as far as the ring still holds it; what it
        does not hold any more is counted as dropped."""
        backlog = [] if after is None else [item for item in self._ring if item[0] > after]
        follower = Follower(self, room, backlog[-room:])
        if after is not None:
            follower.dropped = max(0, self.number - after - min(room, len(backlog)))
        self._followers.append(follower)
        return follower

    def listen(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Call `listener` with each event, in the request's own time: it must be quick and never raise.
        Returns the function that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def recent(self) -> list[Numbered]:
        """What the ring holds, oldest first."""
        return list(self._ring)

    def forget(self, follower: Follower) -> None:
        """Drop a follower; harmless when it is gone."""
        if follower in self._followers:
            self._followers.remove(follower)
