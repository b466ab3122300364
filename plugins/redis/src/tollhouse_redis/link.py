"""One connection to Redis: commands go out, replies come back to callbacks in the same order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import hiredis
from tollhouse.errors import StoreError

from .address import Address
from .packing import command as packed

Answer = Callable[[Any], None]
Command = tuple[str | bytes | int, ...]


class Link(asyncio.Protocol):
    """A connection. A reply is what hiredis makes of it, an error an exception that is handed over, not raised; when
    the connection is lost everything outstanding gets a StoreError. Never blocks, and nobody's cancellation tears it:
    what was asked is read to its end, wanted or not."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.lost = False
        self.knows_sha = True
        """Whether it takes EVALSHA, as far as is known."""
        self._reader = hiredis.Reader()
        self._waiting: deque[Answer] = deque()
        self._transport: asyncio.Transport | None = None
        self._why = f"Redis at {address} closed the connection"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only.

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol."""
        reader = self._reader
        try:
            reader.feed(data)
            while (reply := reader.gets()) is not False:
                self._waiting.popleft()(reply)
        except (hiredis.ProtocolError, IndexError):
            self.drop(f"what answers at {self.address} does not speak as Redis does")

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol."""
        self.lost = True
        why = f"{self._why}: {exc}" if exc else self._why
        while self._waiting:
            self._waiting.popleft()(StoreError(why))

    def ask(self, packed: bytes, answer: Answer) -> None:
        """Send one command."""
        assert self._transport is not None
        self._waiting.append(answer)
        self._transport.write(packed)

    async def request(self, *words: str | bytes | int) -> Any:
        """One command's reply. Raises StoreError when it is an error, or the connection is lost."""
        reply = (await self.exchange(words))[0]
        if isinstance(reply, Exception):
            raise reply if isinstance(reply, StoreError) else StoreError(f"Redis at {self.address}: {reply}")
        return reply

    async def exchange(self, *commands: Command) -> list[Any]:
        """The replies to several commands sent at once."""
        replies: list[Any] = []
        complete = asyncio.get_running_loop().create_future()

        def answer(reply: Any) -> None:
            replies.append(reply)
            if len(replies) == len(commands) and not complete.done():
                complete.set_result(None)

        for words in commands:
            self.ask(packed(*words), answer)
        await complete
        return replies

    def drop(self, why: str) -> None:
        """Give the connection up at once, for the reason that whoever waits is told."""
        self._why = why
        self.lost = True
        if self._transport is not None:
            self._transport.abort()
