"""The line to a gateway: follows its feed, asks what the screens need, and comes back by itself when it breaks."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing

from .client import Client, Trouble
from .model.house import House

WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds before each further try; the last one stays."""
PAGE = 200
"""Requests asked for at first and after a loss."""


class Link:
    """Keeps a House up to date. `questions` says which paths below /admin/v1 to ask, each with the seconds between two
    askings; it is read anew every time. Run `run()` in a task; cancelling it ends everything."""

    def __init__(
        self,
        client: Client,
        house: House,
        questions: Callable[[], Iterable[tuple[str, float]]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client, self.house, self._questions, self._clock = client, house, questions, clock
        self._asked: dict[str, float] = {}
        self._hurry = asyncio.Event()
        self._after = ""

    async def run(self) -> None:
        """Follow and ask until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._ask())

    def hurry(self, *names: str) -> None:
        """Ask these again at once (all without names), and try a lost line now."""
        for name in names or tuple(self._asked):
            self._asked.pop(name, None)
        self._hurry.set()

    async def ask(self, name: str) -> None:
        """Ask one question now."""
        self._asked[name] = time.monotonic()
        try:
            self.house.answered(name, await self._client.get(self._path(name)), self._clock())
        except Trouble as trouble:
            self.house.failed(name, str(trouble), trouble.status, self._clock())

    def _path(self, name: str) -> str:
        """`{day}` in a question is 24 whole hours ago."""
        return name.replace("{day}", str(int(self._clock() // 3600) * 3600 - 23 * 3600))

    async def _ask(self) -> None:
        while True:
            now = time.monotonic()
            due = [name for name, every in self._questions() if now - self._asked.get(name, -1e9) >= every]
            if due and self.house.line.word in ("live", "connecting", "refused"):
                await asyncio.gather(*(self.ask(name) for name in due))
            await self._pause(0.2)

    async def _follow(self) -> None:
        tries = 0
        while True:
            try:
                async with aclosing(self._client.events(self._after)) as messages:
                    async for message in messages:
                        if message.name == "headers":
                            tries = 0
                            await self._arrived()
                        else:
                            self._after = message.id or self._after
                            self._take(message.name, message.data)
            except Trouble as trouble:
                wait = WAITS[min(tries, len(WAITS) - 1)]
                tries += 1
                word = "refused" if trouble.status in (401, 403, 404) else "lost"
                self.house.moved(word, self._clock(), str(trouble), self._clock() + wait)
                self._hurry.clear()
                await self._pause(wait)

    async def _arrived(self) -> None:
        self.house.moved("live", self._clock())
        self._asked.clear()
        try:
            page = await self._client.get("requests", limit=PAGE)
        except Trouble as trouble:
            self.house.failed("requests", str(trouble), trouble.status, self._clock())
        else:
            self.house.traffic.seed(page.get("items", ()), self._clock())
            self.house.changes += 1

    def _take(self, kind: str, data: str) -> None:
        try:
            event = json.loads(data)
            self.house.apply(kind, event, self._clock())
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # One event of a newer gateway that reads otherwise must not end the feed; it is told, not hidden.
            self.house.apply("console.unread", {"why": f"{kind}: {type(error).__name__}"}, self._clock())

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._hurry.wait(), seconds)
        except TimeoutError:
            return
        self._hurry.clear()
