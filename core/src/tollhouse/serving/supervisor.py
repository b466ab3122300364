"""Several workers: started, started again, drained and reloaded by a process that serves nothing itself."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from socket import socket

from ..config import Loaded
from ..errors import ConfigError
from .alone import STOPS
from .child import Child, ending
from .fixed import check_fixed
from .rereading import refusal, reloaded
from .source import Source
from .welcome import Welcome

STEADY = 10.0
"""Seconds after which a worker's end is no sequel of its start."""

SOONEST, LATEST = 0.1, 10.0
"""Seconds before another takes its place: twice as many each time, while they do not last."""

LEEWAY = 20.0
"""Seconds beyond `server.drain` until a worker that has not ended is killed."""


class Supervisor:
    """Keeps `server.workers` processes on one listener. It loads no plugin: a new configuration is tried out in a
    process that ends, then told to one worker after another, and taken back should one of them refuse."""

    def __init__(self, source: Source, text: str, listener: socket, say: Callable[[str], None]) -> None:
        self._source, self._text, self._listener, self._say = source, text, listener, say
        self._loaded: Loaded = source.parse(text)
        self._crew: set[Child] = set()
        self._serving: set[Child] = set()
        self._changing = asyncio.Lock()
        self._stopping, self._cutting, self._hung_up = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(self) -> int:
        """Serve until TERM or INT; a second one cuts off what is left. HUP reloads. Raises ConfigError when the
        workers cannot start."""
        loop = asyncio.get_running_loop()
        for name in STOPS:
            loop.add_signal_handler(name, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up.set)
        await self._begin()
        keeping = [asyncio.create_task(self._keep(child)) for child in self._crew]
        reloading = asyncio.create_task(self._reloads())
        await self._stopping.wait()
        reloading.cancel()
        await self._end(keeping)
        self._say("Stopped.")
        return 0

    def _stop(self) -> None:
        if self._cutting.is_set():
            for child in self._crew:
                child.kill()
        elif self._stopping.is_set():
            self._cutting.set()
        self._stopping.set()

    async def _begin(self) -> None:
        server = self._loaded.config.server
        children = [await self._start(self._text) for _ in range(server.workers)]
        answers = await asyncio.gather(*(child.ready() for child in children))
        welcomes = [answer for answer in answers if isinstance(answer, Welcome)]
        if len(welcomes) < len(answers):
            for child in children:
                child.kill()
                await child.ended()
            raise ConfigError(next(answer for answer in answers if isinstance(answer, str)))
        self._serving.update(children)
        scheme = "https" if server.tls else "http"
        for line in welcomes[0].lines(self._listener, scheme, [child.pid for child in children]):
            self._say(line)

    async def _start(self, text: str) -> Child:
        child = await Child.start(self._source, text, [self._listener])
        self._crew.add(child)
        return child

    async def _keep(self, child: Child) -> None:
        """One post: whoever holds it is followed by another."""
        pause = 0.0
        while True:
            code = await child.ended()
            self._crew.discard(child)
            self._serving.discard(child)
            if self._stopping.is_set():
                return
            pause = SOONEST if time.monotonic() - child.began > STEADY else min(pause * 2 or SOONEST, LATEST)
            self._say(f"Worker {child.pid} ended {ending(code)}; another takes its place.")
            replacement = await self._replacement(pause)
            if replacement is None:
                return
            child = replacement
            await self._join(child)

    async def _replacement(self, pause: float) -> Child | None:
        """Another process, after a pause; None when the gateway is stopping."""
        while not await self._stopped_within(pause):
            try:
                return await self._start(self._text)
            except OSError as error:
                self._say(f"No worker could be started: {error}")
                pause = LATEST
        return None

    async def _join(self, child: Child) -> None:
        answer = await child.ready()
        if isinstance(answer, str):
            self._say(f"Worker {child.pid} did not start: {answer}")
            return
        if self._stopping.is_set():
            await child.drain()
            return
        async with self._changing:
            if child.text != self._text:
                await child.reload(self._text)
            self._serving.add(child)
            self._say(f"Worker {child.pid} serves.")

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _reloads(self) -> None:
        while True:
            await self._hung_up.wait()
            self._hung_up.clear()
            async with self._changing:
                try:
                    await self._reload()
                except ConfigError as error:
                    self._say(refusal(self._source, error))
                else:
                    self._say(reloaded(self._source))

    async def _reload(self) -> None:
        text = self._source.text()
        fresh = self._source.parse(text)
        check_fixed(self._loaded, fresh)
        trial = await Child.start(self._source, text, do="check")
        answer = await trial.ready()
        await trial.ended()
        if isinstance(answer, str):
            raise ConfigError(answer)
        told: list[Child] = []
        for child in tuple(self._serving):
            if why := await child.reload(text):
                for one in told:
                    await one.reload(self._text)
                raise ConfigError(why)
            told.append(child)
        self._text, self._loaded = text, fresh

    async def _end(self, keeping: list[asyncio.Task[None]]) -> None:
        for child in tuple(self._crew):
            await child.drain()
        grace = float(self._loaded.config.server.drain) + LEEWAY
        ended = asyncio.create_task(asyncio.wait(keeping))
        cutting = asyncio.create_task(self._cutting.wait())
        await asyncio.wait([ended, cutting], timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        if cutting.done():
            for child in tuple(self._crew):
                await child.cut()
            await asyncio.wait([ended], timeout=LEEWAY)
        cutting.cancel()
        for child in tuple(self._crew):
            child.kill()
        await ended
