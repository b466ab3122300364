"""One worker in this very process: signals drain it and reload it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from socket import socket

from ..config import Loaded
from ..errors import ConfigError
from .garbage import set_aside
from .source import Source
from .welcome import Welcome
from .worker import Worker

STOPS = (signal.SIGTERM, signal.SIGINT)


async def alone(source: Source, loaded: Loaded, listener: socket, say: Callable[[str], None]) -> int:
    """Serve until TERM or INT; a second one cuts off what is left, a third ends the process. HUP reloads."""
    worker = Worker(loaded, [listener], say)
    loop = asyncio.get_running_loop()
    hung_up = asyncio.Event()

    def stop() -> None:
        if not worker.draining:
            worker.drain()
            return
        worker.cut()
        for name in STOPS:
            loop.remove_signal_handler(name)

    for name in STOPS:
        loop.add_signal_handler(name, stop)
    loop.add_signal_handler(signal.SIGHUP, hung_up.set)
    reloading = asyncio.create_task(_reloads(worker, source, hung_up, say))

    def ready() -> None:
        set_aside()
        scheme = "https" if loaded.config.server.tls else "http"
        for line in Welcome.of(worker.gateway).lines(listener, scheme):
            say(line)

    try:
        await worker.serve(ready)
    finally:
        reloading.cancel()
    say("Stopped.")
    return 0


async def _reloads(worker: Worker, source: Source, asked: asyncio.Event, say: Callable[[str], None]) -> None:
    while True:
        await asked.wait()
        asked.clear()
        try:
            fresh = source.load()
        except ConfigError as error:
            worker.refused(error)
            say(refusal(source, error))
            continue
        try:
            await worker.reload(fresh)
        except ConfigError as error:
            say(refusal(source, error))
        else:
            say(reloaded(source))


def reloaded(source: Source) -> str:
    """The line about a reload that worked."""
    return f"Reloaded {source.path}."


def refusal(source: Source, why: object) -> str:
    """The line about one that did not."""
    return f"{source.path} was refused, the old configuration keeps serving: {why}"
