"""h11 as hypercorn's parser, without what it forgives.

It takes bare line feeds and folded lines, lets transfer-encoding win over content-length, merges equal
content-lengths, answers other codings with 501, and reads chunk extensions of any length.
"""

from __future__ import annotations

import re
from typing import Any

import h11

from .engine import BETWEEN_CHUNKS

_CODINGS = re.compile(rb"\ntransfer-encoding:[ \t]*([^\r\n]*?)[ \t]*\r")
_CHUNK = 20
"""Bytes around a chunk: its size, as long as any, and two line ends."""


class StrictConnection(h11.Connection):
    """A server's side of one connection. `ahead` says whether a request was sent before the answer to the last."""

    def __init__(self, largest: int) -> None:
        """`largest` is how long a head may be."""
        super().__init__(h11.SERVER, max_incomplete_event_size=largest)
        self._largest = largest
        self._between = 0
        self.ahead = False

    def receive_data(self, data: bytes) -> None:
        """Take bytes; none at all is not the end here, which hypercorn learns otherwise."""
        if data:
            self._between += len(data)
            super().receive_data(data)

    def next_event(self) -> Any:
        """The next event. While an answer is under way what is sent ahead of it is kept, not waited for: who reads
        on notices a caller who leaves."""
        if self.their_state is h11.IDLE:
            self._check_head(self.trailing_data[0])
        event: Any = super().next_event()
        kind = type(event)
        if kind is h11.Request:
            self._between = len(self.trailing_data[0])
        elif kind is h11.Data:
            self._between -= len(event.data) + _CHUNK * bool(event.chunk_start)
        elif event is h11.NEED_DATA or kind is h11.EndOfMessage:
            kept = len(self.trailing_data[0]) if kind is h11.EndOfMessage else 0
            if self._between - kept > BETWEEN_CHUNKS and self.their_state is not h11.IDLE:
                raise h11.RemoteProtocolError("too much between chunks", error_status_hint=400)
        elif event is h11.PAUSED:
            self.ahead = True
            if len(self.trailing_data[0]) <= self._largest:
                return h11.NEED_DATA
        return event

    def _check_head(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        head = data[: end + 4] if end >= 0 else data
        lines = head.count(b"\n")
        if lines != head.count(b"\r\n") or b"\n " in head or b"\n\t" in head:
            raise h11.RemoteProtocolError("lines must end with CRLF and not be folded", error_status_hint=400)
        head = head.lower()
        codings = _CODINGS.findall(head) if b"\ntransfer-encoding:" in head else []
        if head.count(b"\ncontent-length:") + len(codings) > 1:
            raise h11.RemoteProtocolError("more than one length", error_status_hint=400)
        if codings and (codings[0] != b"chunked" or b" http/1.0\r\n" in head):
            raise h11.RemoteProtocolError("unknown transfer-encoding", error_status_hint=400)
