"""One request and its response on uvicorn's connection, with fewer steps from a message to the bytes of it.

As ASGI wants it, the head of a response waits for the first of its body. What an app says of its body before it waits
for anything leaves in one write: the events that an upstream sent together stay together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

HELD = 64 << 10
"""Bytes of a body that wait for the end of the loop's turn at most."""

BODILESS = (204, 304)
"""Statuses whose responses have no body."""


class Cycle(RequestResponseCycle):
    """uvicorn's, but for how messages become bytes: a head is checked as a whole, a chunk is made in one step."""

    _head = _body = b""
    loop: asyncio.AbstractEventLoop

    async def run_asgi(self, app: Any) -> None:
        """Ask the app; what it said is sent before a response that broke off is closed."""

        async def asked(*scope_and_all: Any) -> None:
            try:
                await app(*scope_and_all)
            finally:
                self._flush()

        await super().run_asgi(asked)

    def _flush(self) -> None:
        body, self._body = self._body, b""
        if body and not self.transport.is_closing():
            self.transport.write(body)

    async def send(self, message: Mapping[str, Any]) -> None:
        """ASGI: a message of the app's. Raises RuntimeError for one that does not fit, and for a header that would
        break the head."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            _check(message["type"] == "http.response.start", "A response begins with its start.")
            self._begin(message["status"], message.get("headers", ()))
            return
        _check(message["type"] == "http.response.body" and not self.response_complete, "This response has ended.")
        more = message.get("more_body", False)
        self._write(message.get("body", b""), more)
        if not more:
            _check(not self.expected_content_length, "The response is shorter than its content-length.")
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()

    def _begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self.response_started, self.waiting_for_100_continue = True, False
        fields = [*self.default_headers, *headers]
        _check(HEADER_RE.search(b"".join([name for name, _ in fields])) is None, "A header's name is invalid.")
        _check(HEADER_VALUE_RE.search(b"".join([value for _, value in fields])) is None, "A header's value is invalid.")
        lines = [STATUS_LINE[status]]
        closes = False
        for raw, value in fields:
            name = raw.lower()
            if name == b"content-length" and self.chunked_encoding is None:
                self.expected_content_length, self.chunked_encoding = int(value), False
            elif name == b"transfer-encoding" and value.lower() == b"chunked":
                self.expected_content_length, self.chunked_encoding = 0, True
            elif name == b"connection" and b"close" in value.lower():
                self.keep_alive, closes = False, True
            lines.append(b"%b: %b\r\n" % (name, value))
        if not self.keep_alive and not closes:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in BODILESS:
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        self._head = b"".join(lines)

    def _write(self, body: bytes, more: bool) -> None:
        head, self._head = self._head, b""
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
            data = head
        elif not self.chunked_encoding:
            self.expected_content_length -= len(body)
            _check(self.expected_content_length >= 0, "The response is longer than its content-length.")
            data = head + body
        elif body:
            data = b"%b%x\r\n%b%b" % (head, len(body), body, b"\r\n" if more else b"\r\n0\r\n\r\n")
        else:
            data = head if more else head + b"0\r\n\r\n"
        if more and self._body:
            self._body += data
        elif more:
            self._body = data
            self.loop.call_soon(self._flush)
        else:
            data, self._body = self._body + data, b""
            if data:
                self.transport.write(data)
        if len(self._body) > HELD:
            self._flush()


def _check(right: bool, complaint: str) -> None:
    if not right:
        raise RuntimeError(complaint)
