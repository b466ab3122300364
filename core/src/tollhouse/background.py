"""Background work: tasks somebody owns, restarted when they fail, elected when a cluster needs only one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal

from .errors import StoreError
from .store import Store

log = logging.getLogger("tollhouse.background")

ELECTION = 10.0
"""Seconds a leader stays one without renewing."""


class Background:
    """Keeps the handles of all background work of one gateway, and ends it."""

    def __init__(self, store: Callable[[], Store]) -> None:
        self._store = store
        self._tasks: set[asyncio.Task[Any]] = set()
        self._work: set[asyncio.Task[Any]] = set()

    def spawn(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        name: str,
        each: Literal["process", "cluster"] = "process",
    ) -> asyncio.Task[None]:
        """Run `work()` until it returns; when it raises, log it and start again after 1 to 30 seconds. With
        `each="cluster"` only on the process that leads `name`. Cancel the task to end it earlier."""
        runner = self._elected(work, name) if each == "cluster" else self._supervised(work, name)
        return self._keep(self._work, asyncio.create_task(runner, name=name))

    def finish(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run short work that must complete (settles, closes): `close` waits for it."""
        return self._keep(self._tasks, asyncio.ensure_future(work))

    async def close(self, grace: float) -> None:
        """Cancel the background work, and give what must complete so many seconds."""
        for task in self._work:
            task.cancel()
        if self._work:
            await asyncio.wait(self._work)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)

    def _keep(self, tasks: set[asyncio.Task[Any]], task: asyncio.Task[Any]) -> asyncio.Task[Any]:
        tasks.add(task)
        task.add_done_callback(lambda done: _reap(tasks, done))
        return task

    async def _supervised(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        pause = 1.0
        while True:
            try:
                await work()
            except Exception:
                log.exception("%s failed; it starts again in %g s", name, pause)
                await asyncio.sleep(pause)
                pause = min(30.0, pause * 2)
            else:
                return

    async def _elected(self, work: Callable[[], Awaitable[None]], name: str) -> None:
        running: asyncio.Task[None] | None = None
        try:
            while True:
                try:
                    leads = await self._store().lead(name, ELECTION)
                except StoreError:
                    leads = False
                if leads and running is None:
                    running = asyncio.create_task(self._supervised(work, name))
                elif running is not None and (running.done() or not leads):
                    if running.done():
                        return
                    running.cancel()
                    await asyncio.wait([running])
                    running = None
                await asyncio.sleep(ELECTION / 3)
        finally:
            if running is not None:
                running.cancel()


def _reap(tasks: set[asyncio.Task[Any]], task: asyncio.Task[Any]) -> None:
    tasks.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background work failed", exc_info=error)
