"""The upstream transport on httpx: several small pools, since one large pool walks all its connections a request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import suppress
from typing import Any

import httpx

from ..errors import ProviderError
from .address import locate
from .decode import Decoder, decoder
from .faults import cut, malformed, too_large, unreachable, unsendable
from .interface import Call, Response
from .request import declared, sendable

POOLS = 16
"""Pools a transport spreads its calls over."""

KEPT_IDLE = 16
"""Idle connections a pool keeps, for as many seconds as KEPT_FOR."""

KEPT_FOR = 30.0

_GONE = ("Server disconnected", "peer closed connection")
"""How httpcore and h11 begin to say that a connection ended; anything else they call malformed is."""


class HttpxTransport:
    """HTTP/1.1 by httpx' own transport objects: no cookie jar, no redirects, no proxy from the environment."""

    def __init__(self, pools: int = POOLS) -> None:
        self._count = pools
        self._pools: list[httpx.AsyncHTTPTransport] = []
        self._next = 0

    async def open(self, call: Call) -> Response:
        """See Transport.open."""
        request = _request(call)
        pool = self._pool()
        try:
            response = await pool.handle_async_request(request)
        except httpx.ConnectTimeout as error:
            raise unreachable(request.url.host, "in time") from error
        except httpx.ConnectError as error:
            raise unreachable(request.url.host, f"({error})") from error
        except httpx.TransportError as error:
            raise _broken(error) from error
        return _HttpxResponse(response)

    async def close(self) -> None:
        """See Transport.close."""
        pools, self._pools = self._pools, []
        for pool in pools:
            await pool.aclose()

    def _pool(self) -> httpx.AsyncHTTPTransport:
        if not self._pools:
            context = httpx.create_ssl_context(trust_env=False)
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=KEPT_IDLE, keepalive_expiry=KEPT_FOR)
            self._pools = [
                httpx.AsyncHTTPTransport(verify=context, limits=limits, trust_env=False) for _ in range(self._count)
            ]
        self._next = (self._next + 1) % len(self._pools)
        return self._pools[self._next]


class _HttpxResponse:
    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._raw: Any = response.aiter_raw()
        self._decoder: Decoder | None = None
        self._pieces: Iterator[bytes] = iter(())
        self.status = response.status_code
        self.headers: Mapping[str, str] = {
            name.lower(): value for name, value in response.headers.items() if name.lower() != "set-cookie"
        }

    def chunks(self) -> AsyncIterator[bytes]:
        self._decoder = decoder(self.headers.get("content-encoding", ""))
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while (piece := next(self._pieces, None)) is None:
            try:
                data: bytes = await anext(self._raw)
            except StopAsyncIteration:
                if self._decoder is not None:
                    self._decoder.finish()
                raise
            except (httpx.TransportError, httpx.StreamError) as error:
                raise _broken(error) from error
            if self._decoder is None:
                return data
            self._pieces = self._decoder.feed(data)
        return piece

    async def read(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            parts.append(chunk)
        return b"".join(parts)

    async def close(self) -> None:
        with suppress(RuntimeError):  # another task is reading: closing the response ends that
            await self._raw.aclose()
        await self._response.aclose()


def _request(call: Call) -> httpx.Request:
    locate(call.url)
    fields, host, length = sendable(call.headers)
    if host:
        fields.append(("Host", host))
    body = call.body or None
    if length and body is not None and not isinstance(body, bytes):
        fields.append(("Content-Length", str(declared(length))))
        body = _measured(body, declared(length))
    timeout = {"connect": call.timeouts.connect or None, "read": None, "write": None, "pool": None}
    try:
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in fields]
        return httpx.Request(call.method, call.url, headers=headers, content=body, extensions={"timeout": timeout})
    except UnicodeEncodeError:
        raise unsendable("a header's value holds a character outside Latin-1") from None
    except httpx.InvalidURL:
        raise unsendable("its URL cannot be read") from None


async def _measured(body: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    """The body, which must have the promised length; httpcore would raise an error of h11's own."""
    async for chunk in body:
        length -= len(chunk)
        if length < 0:
            break
        yield chunk
    if length:
        raise unsendable("its body has not the length of its Content-Length")


def _broken(error: Exception) -> ProviderError:
    said = str(error)
    if isinstance(error, httpx.RemoteProtocolError) and not said.startswith(_GONE):
        return malformed(said)
    if isinstance(error, httpx.LocalProtocolError):
        return unsendable(said)
    return cut(type(error).__name__)
