"""The engine `uvicorn`: its protocol on httptools, listened for and ended by us."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from email.utils import formatdate
from socket import socket
from typing import Any, cast

from uvicorn.config import Config
from uvicorn.server import ServerState

from ..lapse import Lapses
from .engine import IDLE, App, Terms
from .listening import listening
from .uvicorn_connection import Connection


class Uvicorn:
    """HTTP/1.1, several times as fast as the other. See Engine."""

    alpn: Sequence[str] = ("http/1.1",)

    @asynccontextmanager
    async def serving(self, app: App, listeners: Sequence[socket], terms: Terms) -> AsyncIterator[None]:
        """See Engine.serving."""
        config = _config(app)
        state = ServerState()
        _date(state)
        dating = asyncio.create_task(_keep_date(state))
        connections: set[Any] = state.connections

        idle = Lapses(IDLE)

        def connection() -> Connection:
            return Connection(config, state, terms, idle)

        try:
            patience = float(terms.server().header_timeout)
            async with listening(connection, listeners, terms.tls, patience, connections):
                yield
        finally:
            dating.cancel()
            for task in state.tasks:
                task.cancel()
            if state.tasks:
                await asyncio.wait(tuple(state.tasks), timeout=1.0)


def _config(app: App) -> Config:
    # What a broken request was told is no news to an operator, and would let anybody fill the log.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = Config(
        cast(Any, app),
        http=Connection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    config.load()
    return config


def _date(state: ServerState) -> None:
    state.default_headers = [(b"date", formatdate(time.time(), usegmt=True).encode("ascii"))]


async def _keep_date(state: ServerState) -> None:
    while True:
        await asyncio.sleep(1.0)
        _date(state)
