"""What a supervisor and a worker say to each other: JSON lines over a pair of sockets."""

from __future__ import annotations

import asyncio
from socket import socket
from typing import Any

import msgspec

LONGEST = 32 << 20
"""Bytes of a line: a whole gateway.toml fits, whatever it is made of."""


class Channel:
    """One end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def over(cls, sock: socket) -> Channel:
        """The end at this socket, which it owns from now on."""
        sock.setblocking(False)
        return cls(*await asyncio.open_connection(sock=sock, limit=LONGEST))

    async def tell(self, **message: object) -> None:
        """Say something; to one who is gone, nothing."""
        try:
            self._writer.write(msgspec.json.encode(message) + b"\n")
            await self._writer.drain()
        except (OSError, RuntimeError):
            pass

    async def hear(self) -> dict[str, Any] | None:
        """What the other end says next; None when it is gone."""
        try:
            line = await self._reader.readline()
        except OSError:
            return None
        return dict(msgspec.json.decode(line)) if line.endswith(b"\n") else None

    def close(self) -> None:
        """Say no more."""
        self._writer.close()
