"""Sockets to a host by its name: its addresses are tried in turn, each a little after the one before (RFC 8305)."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Sequence

HEAD_START = 0.25
"""Seconds an address has for itself before the next one is tried beside it."""

KEEPALIVE = 60
"""Seconds of silence after which the kernel asks whether the other side is still there, and between two asks."""

_Found = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


async def dial(host: str, port: int) -> socket.socket:
    """A connected, non-blocking socket. Raises OSError, the first address's. A cancelled dial leaves none open."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if len(found) == 1:
        return await _connected(found[0])
    tries: list[asyncio.Task[socket.socket]] = []
    winner: socket.socket | None = None
    try:
        for address in _alternating(found):
            tries.append(loop.create_task(_connected(address)))
            if (winner := await _first(tries, HEAD_START)) is not None:
                return winner
        while not all(one.done() for one in tries):
            if (winner := await _first(tries, None)) is not None:
                return winner
        raise tries[0].exception() or OSError("no address")
    finally:
        for one in tries:
            one.add_done_callback(lambda done: _discard(done, winner))
            one.cancel()


async def _first(tries: list[asyncio.Task[socket.socket]], seconds: float | None) -> socket.socket | None:
    """The socket of the first try that made it, None when one failed or the time is over."""
    pending = [one for one in tries if not one.done()]
    done, _ = await asyncio.wait(pending, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for one in done:
        if one.exception() is None:
            return one.result()
    return None


async def _connected(address: _Found) -> socket.socket:
    family, kind, protocol, _, where = address
    made = socket.socket(family, kind, protocol)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
            if hasattr(socket, option):
                made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), KEEPALIVE)
        await asyncio.get_running_loop().sock_connect(made, where)
    except BaseException:
        made.close()
        raise
    return made


def _alternating(found: Sequence[_Found]) -> list[_Found]:
    """The same addresses with the families taking turns, the preferred one first."""
    first = [one for one in found if one[0] == found[0][0]]
    others = [one for one in found if one[0] != found[0][0]]
    return [one for pair in itertools.zip_longest(first, others) for one in pair if one is not None]


def _discard(done: asyncio.Task[socket.socket], winner: socket.socket | None) -> None:
    """Close what a try made too late, and take note of why it failed."""
    if not done.cancelled() and done.exception() is None and done.result() is not winner:
        done.result().close()
