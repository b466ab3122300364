"""The HTTP part of a provider: asks over the gateway's transport and hands back the reply as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from . import __version__
from .attempt import Attempt
from .errors import ProviderError
from .framing import sse
from .reply import Reply
from .transport import Call, Response

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes a whole reply may have."""
ERROR_LIMIT = 1024 * 1024
"""Bytes of an error response that are read."""

_AGENT = f"tollhouse/{__version__}"
_WHOLE = {"user-agent": _AGENT, "content-type": "application/json", "accept": "application/json"}


@dataclass(frozen=True, slots=True)
class Streaming:
    """How a stream is asked for (`accept`), known by a piece of its content type (`mark`), and cut into frames."""

    accept: str
    mark: str
    frames: Callable[[AsyncIterator[bytes]], AsyncIterator[bytes]]


SSE = Streaming("text/event-stream", "event-stream", sse.frames)
"""Server-sent events."""


class HttpUpstream:
    """A host that takes JSON and answers with JSON or a stream, of server-sent events unless `streaming` says
    otherwise. Owns nothing: connections are the gateway's. `failure` says what an error response means; it is given
    at most `ERROR_LIMIT` bytes of the body."""

    def __init__(
        self,
        dialect: str,
        gateway: Any,
        failure: Callable[[int, Mapping[str, str], bytes], ProviderError],
        streaming: Streaming = SSE,
    ) -> None:
        self._dialect, self._gateway, self._failure, self._streaming = dialect, gateway, failure, streaming
        self._asked = _WHOLE | {"accept": streaming.accept}

    async def ask(self, attempt: Attempt, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """POST a JSON body. `headers`, with lower-case names, go beside and before our own. Raises `ProviderError`
        for an error response, a reply of another content type and one beyond `BODY_LIMIT`; leaves nothing open when
        it raises or is cancelled."""
        stream = attempt.request.stream
        carried = {**(self._asked if stream else _WHOLE), **headers}
        response: Response = await self._gateway.transport.open(
            Call("POST", url, list(carried.items()), body, attempt.timeouts)
        )
        try:
            return await self._reply(response, stream)
        except BaseException:
            await response.close()
            raise

    async def forward(
        self,
        attempt: Attempt,
        url: str,
        headers: Mapping[str, str],
        carried: Collection[str],
        errors: Collection[int] = range(400, 1000),
    ) -> Reply:
        """A passthrough: the caller's method, body and those headers that `carried` names, never a credential or a
        cookie, overruled by `headers`. The answer comes as it is, but for the statuses in `errors`: they raise
        `ProviderError`, and leave nothing open."""
        exchange = attempt.exchange
        theirs = {name: exchange.headers[name] for name in carried if name in exchange.headers}
        carried = {"user-agent": _AGENT, **theirs, **headers}
        response: Response = await self._gateway.transport.open(
            Call(exchange.method, url, list(carried.items()), exchange.upload, attempt.timeouts)
        )
        if response.status in errors:
            try:
                raise await self._failed(response)
            finally:
                await response.close()
        return Reply(
            status=response.status,
            headers=response.headers,
            dialect=self._dialect,
            chunks=response.chunks(),
            close=response.close,
        )

    async def _reply(self, response: Response, stream: bool) -> Reply:
        if not 200 <= response.status < 300:
            raise await self._failed(response)
        content_type = response.headers.get("content-type", "").lower()
        if self._streaming.mark in content_type or (stream and not content_type):
            return Reply(
                status=response.status,
                headers=response.headers,
                dialect=self._dialect,
                frames=self._streaming.frames(response.chunks()),
                close=response.close,
            )
        if content_type and "json" not in content_type and not content_type.startswith("text/plain"):
            raise ProviderError(
                f"the upstream answered with {content_type[:80]!r} where JSON was expected",
                kind="bad_reply",
                status=response.status,
            )
        body = await response.read(BODY_LIMIT)
        await response.close()
        return Reply(status=response.status, headers=response.headers, dialect=self._dialect, body=body)

    async def _failed(self, response: Response) -> ProviderError:
        try:
            body = await response.read(ERROR_LIMIT)
        except ProviderError:
            body = b""
        return self._failure(response.status, response.headers, body)
