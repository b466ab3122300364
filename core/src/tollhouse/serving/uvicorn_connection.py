"""uvicorn's connection, with what it lacks: a time limit for heads, limits to what is no content, strict framing.

llhttp, its parser, refuses by itself: content-length beside transfer-encoding, two content-lengths, bare line feeds,
folded lines and space before a colon. It lets pass, and this does not: another coding than chunked, chunked in
HTTP/1.0, no host or several, heads and chunk extensions without end, trailers, which uvicorn takes for headers, and
content behind a wish to upgrade, which is lost.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, parse_url
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from ..lapse import Lapses
from .engine import BESIDE_HEADERS, BETWEEN_CHUNKS, Terms
from .uvicorn_cycle import Cycle

LINGER = 1.0
"""Seconds that what is still sent after an error is taken and thrown away, so that the error can be read."""

NOTED = frozenset((b"host", b"expect", b"transfer-encoding"))
"""Headers that are looked at here."""

SLICE = 8 * 1024
"""Bytes the parser is given at once where limits are looked at behind it, so that none is passed within one piece."""

CHUNK = 20
"""Bytes around a chunk: its size, as long as any, and two line ends."""


class MalformedError(ValueError):
    """A request this server does not take."""


class Connection(HttpToolsProtocol):
    """One connection."""

    def __init__(self, config: Config, state: ServerState, terms: Terms, idle: Lapses) -> None:
        """`idle` holds the connections between two requests, for as long as they may be silent."""
        super().__init__(config, state, {})
        self._terms, self._idle = terms, idle
        self._timer: asyncio.TimerHandle | None = None
        self._awaiting = True  # a head, or the rest of one
        self._begun = False  # a head has, and has not ended
        self._active: RequestResponseCycle | None = None  # being answered, while `cycle` may be one sent ahead
        self._ahead = b""
        self._deaf = False
        self._unread = 0  # bytes since the parser last made something of them
        self._read = 0  # bytes of the piece that is being parsed
        self._hosts = 0
        self._coded = False
        self._chunked = False
        self._between = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A caller has connected, and has `header_timeout` for a head."""
        super().connection_made(transport)
        server = self._terms.server()
        self._patience, self._largest = float(server.header_timeout), server.max_header_bytes + BESIDE_HEADERS
        self._timer = self.loop.call_later(self._patience, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller has left."""
        self._stop_timer()
        self._idle.drop(self)
        self._ahead = b""
        active = self._active
        super().connection_lost(exc)
        if active is not None and not active.response_complete:
            active.disconnected = True
            active.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Bytes of the caller's; those of a request sent ahead are kept until the answer before it has ended, so
        that the connection is read on and a caller who leaves is noticed."""
        while len(data) > SLICE and (self._awaiting or self._chunked):
            self._take(data[:SLICE])
            data = data[SLICE:]
        self._take(data)

    def _take(self, data: bytes) -> None:
        if self._deaf:
            return
        if self._answering and self._awaiting:
            self._ahead += data
            if len(self._ahead) > self._largest:
                self.flow.pause_reading()
            return
        self._read = len(data)
        self._unread += self._read
        if self._chunked:
            self._between += self._read
        self._idle.drop(self)
        try:
            self.parser.feed_data(data)
        except HttpParserError:
            self._refuse(400)
            return
        except HttpParserUpgrade:
            pass  # to nothing; the request was taken for what else it is
        if self._awaiting and self._timer is None and (self._begun or self._unread) and not self._deaf:
            self._timer = self.loop.call_later(self._patience, self._too_slow)
        if self._chunked:
            if self._between > BETWEEN_CHUNKS:
                self._refuse(400)
            self._chunked = not self._awaiting
        if self._unread > self._largest:  # also within trailers
            self._refuse(431 if self._awaiting else 400)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._awaiting = self._begun = True
        self._hosts = 0
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what comes behind a body is dropped, or it would be one."""
        if not self._awaiting:
            return
        name = name.lower()
        if name in NOTED:
            self._note(name, value)
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """A head has ended: the app is called, unless the head is malformed."""
        version = self.parser.get_http_version()
        if self._hosts != 1 and (self._hosts or version != "1.0"):
            raise MalformedError("host")
        if self._coded:
            self._coded = False
            self._begin_chunks()
        upgrades = self.parser.should_upgrade()
        if upgrades and (self._chunked or any(n == b"content-length" and v != b"0" for n, v in self.headers)):
            raise MalformedError("upgrade")  # the parser would not read the content
        self._awaiting = self._begun = False
        self._unread = 0
        if self._timer is not None:
            self._stop_timer()
        kept = version != "1.0" and self.parser.should_keep_alive()
        before, self.cycle = self.cycle, self._made(version, kept and not upgrades)  # behind an upgrade comes nothing
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_body(self, body: bytes) -> None:
        """Content."""
        self._unread = 0
        if self._chunked:
            self._between -= len(body)
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.body += body
            if len(cycle.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            cycle.message_event.set()

    def on_chunk_header(self) -> None:
        """A chunk's size was read."""
        self._between -= CHUNK

    def on_message_complete(self) -> None:
        """A request has ended."""
        self._awaiting = True
        self._unread = 0
        if not self.cycle.response_complete:
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def on_response_complete(self) -> None:
        """An answer has ended: what was sent ahead is next."""
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._idle.add(self)
        if self._ahead:
            self.loop.call_soon(self._go_on)

    def lapse(self) -> None:
        """No further request came."""
        self.transport.close()

    def finish(self) -> None:
        """Serving ends: close after the answer under way."""
        if self._answering:
            assert self._active is not None
            self._active.keep_alive = False
        else:
            self.transport.close()

    def abort(self) -> None:
        """Close now."""
        self.transport.abort()

    def _made(self, version: str, kept: bool) -> Cycle:
        """The request whose head was read."""
        url = parse_url(self.url)
        path = url.path.decode("ascii")
        scope: Any = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": self.parser.get_method().decode("ascii"),
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": url.path,
            "query_string": url.query or b"",
            "headers": self.headers,
            "state": {},
        }
        cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=kept,
            on_response=self.on_response_complete,
        )
        cycle.loop = self.loop
        return cycle

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self._hosts += 1
        elif name == b"expect":
            self.expect_100_continue = value.lower() == b"100-continue"
        elif self._coded or value.lower() != b"chunked":
            raise MalformedError("transfer-encoding")
        else:
            self._coded = True

    def _begin_chunks(self) -> None:
        if self.parser.get_http_version() != "1.1":
            raise MalformedError("transfer-encoding")
        self._chunked = True
        self._between = max(0, self._read - _length(self.url, self.headers))

    @property
    def _answering(self) -> bool:
        return self._active is not None and not self._active.response_complete

    def _go_on(self) -> None:
        data, self._ahead = self._ahead, b""
        if data and not self.transport.is_closing():
            self.data_received(data)

    def _too_slow(self) -> None:
        self._timer = None
        self.transport.close()

    def _refuse(self, status: int) -> None:
        """Answer with an error and take nothing more; what is being answered when a later request is broken is
        answered to its end."""
        if self._deaf:
            return
        self._stop_timer()
        self._deaf = True
        active = self._active
        if active is not None and not active.response_complete:
            if active is not self.cycle or (not active.more_body and not self._chunked):
                active.keep_alive = False
                self.pipeline.clear()
                return
            active.disconnected = True
            active.message_event.set()
            if active.response_started:
                self.transport.close()
                return
        headers = (*self.server_state.default_headers, (b"content-length", b"0"), (b"connection", b"close"))
        self.transport.write(STATUS_LINE[status] + b"".join(b"%b: %b\r\n" % one for one in headers) + b"\r\n")
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _length(url: bytes, headers: list[tuple[bytes, bytes]]) -> int:
    """About how long a head was that was parsed into these."""
    return len(url) + 20 + sum(len(name) + len(value) + 4 for name, value in headers)
