"""Serving a gateway: in this process, or by workers that this process looks after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from socket import socket

from .config import Loaded
from .errors import ConfigError
from .serving.alone import alone
from .serving.listening import bound
from .serving.loop import run
from .serving.source import Source
from .serving.supervisor import Supervisor


def serve(source: Source, say: Callable[[str], None]) -> int:
    """Serve until SIGTERM or SIGINT, then drain; SIGHUP reloads. `say` prints a line for the person who started
    it. Returns the exit code. Raises ConfigError when the configuration or the address cannot be used."""
    loaded = source.load()
    _check_store(loaded)
    listener = bound(loaded.config.server.listen)
    with listener:
        if loaded.config.server.workers == 1:
            return run(alone(source, loaded, listener, say))
        return asyncio.run(_supervised(source, listener, say))


async def _supervised(source: Source, listener: socket, say: Callable[[str], None]) -> int:
    return await Supervisor(source, source.text(), listener, say).run()


def _check_store(loaded: Loaded) -> None:
    if loaded.config.server.workers > 1 and loaded.config.store.url.startswith("memory:"):
        raise ConfigError(
            "several workers cannot share a store that lies in the memory of one.",
            path="store.url",
            hint="Use sqlite:FILE or another store, or set server.workers to 1.",
        )
