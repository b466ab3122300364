"""A worker in a process of its own, as its supervisor starts it: `python -m tollhouse.serving.process FD`."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys

import msgspec

from ..errors import ConfigError
from .channel import Channel
from .garbage import set_aside
from .loop import run
from .rereading import Supervised
from .source import Source
from .welcome import Welcome
from .worker import Worker


async def work(end: socket.socket) -> int:
    """Do what the first line says: serve, or only check a configuration. Returns the exit code."""
    for name in (signal.SIGINT, signal.SIGHUP):  # a terminal sends them to all; the supervisor says what to do
        signal.signal(name, signal.SIG_IGN)
    channel = await Channel.over(end)
    begin = await channel.hear()
    if begin is None:
        return 1
    source = msgspec.convert(begin["source"], Source)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s")
    logging.getLogger("tollhouse").setLevel(source.log.upper())
    try:
        loaded = source.parse(begin["text"])
        listeners = [socket.socket(fileno=number) for number in begin["listeners"]]
        worker = Worker(loaded, listeners, lambda line: print(f"Worker {os.getpid()}: {line}", flush=True))
        if begin["do"] == "start":
            await _serve(worker, source, channel)
    except ConfigError as error:
        await channel.tell(did="refused", why=str(error))
        return 1
    await channel.tell(did=begin["do"])
    return 0


async def _serve(worker: Worker, source: Source, channel: Channel) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, worker.drain)
    worker.gateway.reread = Supervised(worker, source)
    obeying = asyncio.create_task(_obey(worker, source, channel))
    telling: set[asyncio.Future[None]] = set()

    def ready() -> None:
        set_aside()
        telling.add(asyncio.ensure_future(channel.tell(did="start", welcome=Welcome.of(worker.gateway))))

    try:
        await worker.serve(ready)
    finally:
        obeying.cancel()


async def _obey(worker: Worker, source: Source, channel: Channel) -> None:
    orders = {"drain": worker.drain, "cut": worker.cut}
    while (order := await channel.hear()) is not None:
        if (simple := orders.get(order["do"])) is not None:
            simple()
            continue
        try:
            await worker.reload(source.parse(order["text"]))
        except ConfigError as error:
            await channel.tell(did="refused", why=str(error))
        else:
            await channel.tell(did="reload")
    worker.drain()  # who is without a supervisor is told nothing any more


if __name__ == "__main__":
    sys.exit(run(work(socket.socket(fileno=int(sys.argv[1])))))
