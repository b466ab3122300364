"""What became of each delivery: a bounded log in the store, from which messages can be sent again."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Literal

import msgspec
from msgspec import Struct
from tollhouse import Store

from .letter import Letter

KEPT = 5000
"""Deliveries of one webhook that are remembered, the latest ones."""

KEPT_FOR = 30 * 86400.0
"""Seconds they are remembered at most, and dead letters too."""

_PAGE = 1000


class Delivery(Struct, frozen=True, kw_only=True):
    """One try to deliver one message."""

    at: float
    """When it ended, unix seconds."""
    tries: int
    state: Literal["delivered", "again", "dead"]
    status: int
    why: str
    seconds: float
    letter: Letter
    next_at: float | None = None
    """When it is tried again."""


_decoder = msgspec.json.Decoder(Delivery)


def log_of(name: str) -> str:
    """The store's log of a webhook's deliveries."""
    return f"webhooks:log:{name}"


async def note(store: Store, name: str, deliveries: Sequence[Delivery]) -> None:
    """Write deliveries down."""
    await store.append(log_of(name), [msgspec.json.encode(one) for one in deliveries])


async def latest(store: Store, name: str, limit: int, before: str = "") -> list[tuple[str, Delivery]]:
    """Up to `limit` deliveries with their ids, newest first, of those before the one with the id `before`."""
    found: deque[tuple[str, Delivery]] = deque(maxlen=limit)
    async for id_, delivery in _all(store, name):
        if before and id_ >= before:
            break
        found.append((id_, delivery))
    return list(reversed(found))


async def find(store: Store, name: str, message: str) -> Letter | None:
    """The message with this `webhook-id`, as far as the log still has it."""
    found = None
    async for _, delivery in _all(store, name):
        if delivery.letter.id == message:
            found = delivery.letter
    return found


async def _all(store: Store, name: str) -> AsyncIterator[tuple[str, Delivery]]:
    after = ""
    while page := await store.read(log_of(name), after, _PAGE):
        for id_, data in page:
            yield id_, _decoder.decode(data)
        after = page[-1][0]


class Trim:
    """Keeps a webhook's log bounded; reads only what is new since it looked last."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self._after = ""
        self._times: deque[float] = deque()

    async def look(self, now: float) -> None:
        """Forget what is too old or too much."""
        while page := await self._store.read(log_of(self._name), self._after, _PAGE):
            self._times.extend(_decoder.decode(data).at for _, data in page)
            self._after = page[-1][0]
        before = now - KEPT_FOR
        if len(self._times) > KEPT:
            before = max(before, self._times[-KEPT])
        if self._times and self._times[0] < before:
            await self._store.trim(log_of(self._name), before)
            while self._times and self._times[0] < before:
                self._times.popleft()
