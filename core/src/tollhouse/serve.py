"""Serving: hypercorn around the front, signals that drain, and what is printed while it happens."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any, cast

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config as HypercornConfig

from .config import Loaded
from .errors import ConfigError
from .front import Front
from .gateway import Gateway

log = logging.getLogger("tollhouse.serve")


async def serve(loaded: Loaded, say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT, then drain: readiness fails at once, new work is refused, what is under way
    may end within `server.drain` seconds. `say` prints a line for the person who started it. Raises ConfigError
    when the configuration or the address cannot be used."""
    server = loaded.config.server
    listener = _bound(str(server.listen))
    gateway = Gateway(loaded)
    await gateway.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    ended = asyncio.Event()
    serving = asyncio.create_task(
        hypercorn_serve(cast(Any, Front(gateway)), _hypercorn(listener), shutdown_trigger=_until(ended))
    )
    _welcome(gateway, listener, say)
    try:
        await asyncio.wait(
            [serving, waiting := asyncio.ensure_future(stop.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        waiting.cancel()
        if not serving.done():
            say(f"Draining: {len(gateway.in_flight)} in flight, up to {server.drain:g} s.")
            if not await gateway.drain(float(server.drain)):
                say(f"{len(gateway.in_flight)} exchanges did not end in time and are cut off.")
    finally:
        closing = asyncio.ensure_future(gateway.close())
        await asyncio.wait([closing])
        ended.set()
        await serving
    say("Stopped.")


def _bound(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {listen}: {error.strerror}.",
            path="server.listen",
            hint='Choose another, like listen = "127.0.0.1:8081", or stop what listens there.',
        ) from error
    listener.setblocking(False)
    return listener


def _hypercorn(listener: socket.socket) -> HypercornConfig:
    config = HypercornConfig()
    config.bind = [f"fd://{listener.fileno()}"]
    config.accesslog = None
    config.errorlog = logging.getLogger("tollhouse.hypercorn")
    config.errorlog.setLevel(logging.WARNING)
    config.keep_alive_timeout = 75.0
    config.keep_alive_max_requests = 1_000_000
    config.graceful_timeout = 1.0
    config.include_server_header = False
    config.h11_max_incomplete_size = 64 * 1024
    return config


def _until(event: asyncio.Event) -> Callable[[], Awaitable[None]]:
    async def ended() -> None:
        await event.wait()

    return ended


def _welcome(gateway: Gateway, listener: socket.socket, say: Callable[[str], None]) -> None:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    config = gateway.edition.config
    models = ", ".join(list(config.models)[:8]) or ", ".join(f"{name}/…" for name in config.providers) or "none yet"
    say(f"Tollhouse listens on http://{shown}:{port}")
    say(f"  models   {models}")
    say(f"  plugins  {', '.join(one.name for one in gateway.edition.plugged) or 'none'}")
    if "openai" in gateway.edition.dialects and config.models:
        first = next(iter(config.models))
        say("")
        say("Try it:")
        say(f"  curl http://{shown}:{port}/v1/chat/completions -H 'content-type: application/json' \\")
        say(f"""    -d '{{"model": "{first}", "messages": [{{"role": "user", "content": "Hello!"}}]}}'""")
    sys.stdout.flush()
