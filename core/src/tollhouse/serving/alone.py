"""One worker in this very process: signals drain it and reload it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from socket import socket

from ..config import Loaded
from ..errors import ConfigError
from .garbage import set_aside
from .rereading import Alone
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
    reread = worker.gateway.reread = Alone(worker, source, say)
    reloading = asyncio.create_task(_reloads(reread, hung_up))

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


async def _reloads(reread: Alone, asked: asyncio.Event) -> None:
    while True:
        await asked.wait()
        asked.clear()
        with suppress(ConfigError):
            await reread()
