"""The upstream of the benchmark: answers every POST at once, or streams at the pace that the question asks for.

`python upstream.py PORT` serves 127.0.0.1 until it is ended.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import Any

from loop import run
from payload import HEAD, answer, events

BODY = answer()
WHOLE = HEAD % (b"application/json", b"content-length: %d" % len(BODY)) + BODY
STREAM = HEAD % (b"text/event-stream", b"transfer-encoding: chunked")
CHUNKS = [b"%x\r\n%b\r\n" % (len(event), event) for event in events()]
CHUNKS[-1] += b"0\r\n\r\n"

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
STREAMED = re.compile(rb'"stream": ?true')
PACE = re.compile(rb"every ([0-9.]+) ms")


class Upstream(asyncio.Protocol):
    """One connection; requests have a Content-Length, or end with the last chunk."""

    def connection_made(self, transport: Any) -> None:
        self.transport, self.buffer = transport, b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n") + 4) > 3:
            if found := LENGTH.search(self.buffer, 0, end):
                end += int(found[1])
            elif b"chunked" in self.buffer[:end]:
                end = self.buffer.find(b"\r\n0\r\n\r\n") + 7
                if end == 6:
                    return
            if len(self.buffer) < end:
                return
            request, self.buffer = self.buffer[:end], self.buffer[end:]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        if not STREAMED.search(request):
            self.transport.write(WHOLE)
            return
        pace = PACE.search(request)
        loop = asyncio.get_running_loop()
        self.transport.write(STREAM)
        self._stream(loop, loop.time(), float(pace[1]) / 1000 if pace else 0.0, 0)

    def _stream(self, loop: asyncio.AbstractEventLoop, begun: float, gap: float, number: int) -> None:
        """Write an event and come back for the next one; a timer that is late does not delay those after it."""
        if self.transport.is_closing():
            return
        if number == len(CHUNKS) - 2:
            self.transport.write(CHUNKS[-2] + CHUNKS[-1])
            return
        self.transport.write(CHUNKS[number])
        loop.call_at(begun + gap * (number + 1), self._stream, loop, begun, gap, number + 1)


async def main(port: int) -> None:
    """Serve for ever."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    run(main(int(sys.argv[1])))
