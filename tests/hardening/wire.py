"""A caller who writes bytes, not requests: what a client library would never send, or never so slowly."""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11
import msgspec


@dataclass
class Answer:
    """A whole response, or as much of it as came before the connection ended."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    complete: bool

    def header(self, name):
        """The value of a header, None when it is not there."""
        return dict(self.headers).get(name)

    def json(self):
        """The body as JSON."""
        return msgspec.json.decode(self.body)


class Wire:
    """One connection. `window` bounds how much the system receives ahead of `read`."""

    def __init__(self, url, *, seconds=10.0, window=0):
        parts = urlsplit(url)
        self.socket = socket.socket()
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.settimeout(seconds)
        self.socket.connect((parts.hostname, parts.port))
        self._parser = h11.Connection(h11.CLIENT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        """Write bytes; a server that hung up is no error."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def read(self, most=65536):
        """What comes next; nothing when the connection has ended."""
        try:
            return self.socket.recv(most)
        except ConnectionResetError:
            return b""

    def answer(self):
        """The next response; None when the connection ends without one."""
        parser = self._parser
        if parser.our_state is not h11.IDLE:
            parser.start_next_cycle()
        parser.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
        parser.send(h11.EndOfMessage())
        found = None
        while True:
            try:
                said = parser.next_event()
            except h11.RemoteProtocolError:
                return found
            if said is h11.NEED_DATA:
                parser.receive_data(self.read())
            elif isinstance(said, h11.Response):
                headers = [(name.decode(), value.decode("latin-1")) for name, value in said.headers]
                found = Answer(said.status_code, headers, b"", False)
            elif isinstance(said, h11.Data):
                found.body += bytes(said.data)
            elif isinstance(said, h11.EndOfMessage):
                found.complete = True
                return found
            elif isinstance(said, h11.ConnectionClosed):
                return found

    def closed(self, seconds):
        """Whether the other side closes within so many seconds, whatever it still says."""
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            self.socket.settimeout(rest)
            try:
                if not self.read():
                    return True
            except TimeoutError:
                return False
        return False

    def abort(self):
        """Hang up without a farewell."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def post(body=b"", path="/v1/chat/completions", *headers):
    """A request's bytes, with its length."""
    lines = [f"POST {path} HTTP/1.1", "Host: gate", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1") + body
