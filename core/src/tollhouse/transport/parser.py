"""The replies of one HTTP/1.1 connection, read one after the other: strict, and bounded before they are kept.

llhttp refuses what is not HTTP (bare LF, folded lines, two lengths, a length beside chunks); this adds what it
lets pass: other transfer codings, other versions, heads and trailers without end.
"""

from __future__ import annotations

from functools import lru_cache

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from ..errors import ProviderError
from .faults import cut, malformed
from .response import Http1Response

HEAD_BYTES = 64 * 1024
"""Most bytes of a head, interim replies included, and of trailers or chunk extensions in a row."""

HEAD_FIELDS = 200
"""Most header fields of a head."""

ASKED_KEPT = 1.0
"""Seconds a connection is given up before the server said it would be (Keep-Alive: timeout=...)."""

FOREVER = float("inf")


class Parser:
    """Feeds the response it is told to expect. After an error it is of no further use."""

    __slots__ = ("_bodiless", "_fields", "_interim", "_llhttp", "_response", "_spare", "complete", "kept")

    def __init__(self) -> None:
        self._llhttp = HttpResponseParser(self)
        self.complete = True
        """Whether the expected response is whole."""
        self.kept = FOREVER
        """Seconds the connection may wait for its next call once complete; 0 when it must not be used again."""

    def expect(self, response: Http1Response, method: str) -> None:
        """The next bytes belong to this response."""
        self._response = response
        self._fields: list[tuple[bytes, bytes]] = []
        self._spare = HEAD_BYTES
        self._bodiless = method == "HEAD"
        self._interim = self.complete = False
        self.kept = FOREVER

    @property
    def untouched(self) -> bool:
        """Whether not a single byte of the reply has come."""
        return self._spare == HEAD_BYTES

    def feed(self, data: bytes) -> None:
        """More bytes. Raises `ProviderError(kind="bad_reply")`."""
        self._spare -= len(data)
        try:
            self._llhttp.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            if not self.complete:
                raise _meant(error) from None
            self.kept = 0.0
        if self._spare < 0 and not self.complete:
            raise _too_long()

    def eof(self) -> ProviderError | None:
        """The connection ended cleanly: None when the reply ends by that, else what that means for it."""
        headers = self._response.headers
        if self._response.status and not ("content-length" in headers or "transfer-encoding" in headers):
            return None
        return cut("it ended too early")

    def on_message_begin(self) -> None:
        """llhttp: a reply begins."""
        if self.complete:
            raise malformed("more than one reply")

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp: one header field, or one trailer field, which nobody asks for."""
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """llhttp: the head is whole."""
        llhttp, fields = self._llhttp, self._fields
        status = llhttp.get_status_code()
        if status < 200:
            if status < 100 or status == 101:
                raise malformed(f"status {status}")
            self._interim, self._fields = True, []
            return
        if len(fields) > HEAD_FIELDS:
            raise malformed(f"more than {HEAD_FIELDS} header fields")
        if self._spare < 0 and sum(len(name) + len(value) for name, value in fields) > HEAD_BYTES:
            raise _too_long()
        if llhttp.get_http_version() not in ("1.1", "1.0"):
            raise malformed("not HTTP/1.1")
        headers = _joined(fields)
        if headers.get("transfer-encoding", "chunked").lower() != "chunked":
            raise malformed("an unknown transfer coding")
        if "keep-alive" in headers:
            self.kept = _asked(headers["keep-alive"])
        self._response.begin(status, headers)
        self._spare = HEAD_BYTES
        if self._bodiless:
            self.complete, self.kept = True, 0.0
            raise malformed("a body")  # ends the parsing: llhttp cannot be told that no body follows

    def on_body(self, data: bytes) -> None:
        """llhttp: a piece of the body."""
        self._response.put(data)
        self._spare = HEAD_BYTES

    def on_message_complete(self) -> None:
        """llhttp: the reply is whole."""
        if self._interim:
            self._interim = False
            return
        self.complete = True
        if not self._llhttp.should_keep_alive():
            self.kept = 0.0


def _too_long() -> ProviderError:
    return malformed(f"more than {HEAD_BYTES} bytes of header fields")


def _meant(error: Exception) -> ProviderError:
    """What a callback raised, else what llhttp says."""
    if isinstance(error.__context__, ProviderError):
        return error.__context__
    return malformed(str(error) or type(error).__name__)


def _asked(value: str) -> float:
    for part in value.split(","):
        name, _, seconds = part.partition("=")
        if name.strip().lower() == "timeout" and (seconds := seconds.strip()).isdecimal() and len(seconds) < 10:
            return max(0.0, int(seconds) - ASKED_KEPT)
    return FOREVER


def _joined(fields: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """See Response.headers."""
    headers: dict[str, str] = {}
    for name, value in fields:
        key = _lower(name) if len(name) < 64 else name.lower().decode("latin-1")
        text = value.decode("latin-1").rstrip(" \t")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    headers.pop("set-cookie", None)
    return headers


@lru_cache(maxsize=512)
def _lower(name: bytes) -> str:
    return name.lower().decode("latin-1")
