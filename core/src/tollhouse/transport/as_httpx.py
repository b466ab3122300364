"""Any transport under an httpx client: for plugins, SDKs and tests that speak httpx."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx

from ..config import DurationOrOff, Timeouts
from ..errors import ProviderError
from .decode import encodings
from .interface import Call, Response, Transport

_DECODED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class AsHttpxTransport(httpx.AsyncBaseTransport):
    """`httpx.AsyncClient(transport=AsHttpxTransport(gateway.transport))`: the same connections, httpx' interface.

    httpx' connect timeout is the transport's, its read timeout bounds the wait for the head and for each chunk.
    Closing the client leaves the transport open: it belongs to whoever opened it.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """httpx: send a request, and return when the response's head is here."""
        limits = request.extensions.get("timeout", {})
        connect, read = limits.get("connect"), limits.get("read")
        whole = read + (connect or 0.0) if read is not None else None
        call = Call(
            request.method,
            str(request.url),
            _headers(request),
            await _body(request),
            Timeouts(connect=DurationOrOff(connect or 0)),
        )
        try:
            async with asyncio.timeout(whole):
                response = await self._transport.open(call)
        except TimeoutError as error:
            raise httpx.ReadTimeout("no response in time", request=request) from error
        except ProviderError as error:
            raise _as_httpx(error, request) from error
        headers = [(name, value) for name, value in response.headers.items() if name not in _DECODED]
        return httpx.Response(response.status, headers=headers, stream=_Stream(response, request, read))


class _Stream(httpx.AsyncByteStream):
    def __init__(self, response: Response, request: httpx.Request, read: float | None) -> None:
        self._response, self._request, self._read = response, request, read

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self._response.chunks()
        while True:
            try:
                async with asyncio.timeout(self._read):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise httpx.ReadTimeout("the response stopped", request=self._request) from error
            except ProviderError as error:
                raise _as_httpx(error, self._request) from error
            yield chunk

    async def aclose(self) -> None:
        await self._response.close()


def _headers(request: httpx.Request) -> list[tuple[str, str]]:
    """The request's headers, but accept-encoding: only what this side can undo."""
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
    if "accept-encoding" not in request.headers:
        return fields
    return [
        (name, ", ".join(encodings())) if name.lower() == "accept-encoding" else (name, value) for name, value in fields
    ]


async def _body(request: httpx.Request) -> bytes | AsyncIterator[bytes]:
    try:
        return request.content
    except httpx.RequestNotRead:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        return aiter(request.stream)


def _as_httpx(error: ProviderError, request: httpx.Request) -> httpx.TransportError:
    kinds: dict[str, type[httpx.TransportError]] = {
        "connect": httpx.ConnectError,
        "cut": httpx.ReadError,
        "invalid": httpx.LocalProtocolError,
    }
    return kinds.get(error.kind, httpx.RemoteProtocolError)(error.message, request=request)
