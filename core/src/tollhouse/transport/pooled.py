"""The upstream transport on httpx: several small pools, since one large pool walks all its connections a request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import httpx

from ..errors import ProviderError
from .interface import Call, Response

POOLS = 16
"""Pools a transport spreads its calls over."""

KEPT_IDLE = 16
"""Idle connections a pool keeps, for as many seconds as KEPT_FOR."""

KEPT_FOR = 30.0


class HttpxTransport:
    """HTTP/1.1 by httpx' own transport objects: no cookie jar, no redirects, no proxy from the environment."""

    def __init__(self, pools: int = POOLS) -> None:
        self._count = pools
        self._pools: list[httpx.AsyncHTTPTransport] = []
        self._next = 0

    async def open(self, call: Call) -> Response:
        """See Transport.open."""
        pool = self._pool()
        request = httpx.Request(
            call.method,
            call.url,
            headers=list(call.headers),
            content=call.body or None,
            extensions={
                "timeout": {
                    "connect": call.timeouts.connect or None,
                    "read": None,
                    "write": None,
                    "pool": None,
                }
            },
        )
        try:
            response = await pool.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            said = "in time" if isinstance(error, httpx.ConnectTimeout) else f"({error})"
            raise ProviderError(
                f"No connection to {request.url.host} could be made {said}.",
                kind="connect",
                code="upstream_unreachable",
            ) from error
        except httpx.TransportError as error:
            raise _cut(error) from error
        response.request = request
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
        self.status = response.status_code
        self.headers: Mapping[str, str] = {
            name.lower(): value for name, value in response.headers.items() if name.lower() != "set-cookie"
        }

    async def chunks(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.aiter_bytes():
                yield chunk
        except httpx.DecodingError as error:
            raise ProviderError(
                "The upstream's reply could not be decompressed.", kind="bad_reply", code="upstream_bad_reply"
            ) from error
        except (httpx.TransportError, httpx.StreamError) as error:
            raise _cut(error) from error

    async def read(self, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                raise ProviderError(
                    f"The upstream's reply is larger than {limit} bytes.",
                    kind="bad_reply",
                    code="upstream_too_large",
                )
            parts.append(chunk)
        return b"".join(parts)

    async def close(self) -> None:
        await self._response.aclose()


def _cut(error: Exception) -> ProviderError:
    return ProviderError(
        f"The connection to the upstream broke off ({type(error).__name__}).", kind="cut", code="upstream_cut"
    )
