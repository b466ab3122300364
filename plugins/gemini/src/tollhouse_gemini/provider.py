"""The provider: sends an attempt to the Gemini API and hands back its reply as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec
from tollhouse import Attempt, ProviderError, Reply, __version__
from tollhouse.framing import sse
from tollhouse.transport import Call, Response

from .errors import failure
from .fields import NAME
from .host import Host, host_of
from .settings import GeminiSettings

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes a whole reply may have."""
ERROR_LIMIT = 1024 * 1024
"""Bytes of an error response that are read."""

_AGENT = f"tollhouse/{__version__}"
_FORWARDED = ("accept", "content-type", "content-length", "range")
"""The caller's headers that a passthrough needs; never a credential or a cookie."""


class Kind:
    """A kind of provider: its settings and how one is made of them."""

    def __init__(self) -> None:
        self.Settings: type[msgspec.Struct] = GeminiSettings

    def __call__(self, name: str, settings: Any, gateway: Any) -> GeminiProvider:
        """Make the provider configured as `[providers.NAME]`. Raises `ConfigError`."""
        return GeminiProvider(host_of(name, settings), gateway)


class GeminiProvider:
    """One configured account."""

    speaks: Sequence[str] = (NAME,)

    def __init__(self, host: Host, gateway: Any) -> None:
        self.host, self._gateway = host, gateway

    async def send(self, attempt: Attempt) -> Reply:
        """Ask the host. Raises `ProviderError`; leaves nothing open when it does."""
        request = attempt.request
        if request.task == "passthrough":
            return await self._pass(attempt)
        headers = {
            "content-type": "application/json",
            "accept": "text/event-stream" if request.stream else "application/json",
        }
        response = await self._open(
            attempt, "POST", self.host.url(request, attempt.target.model), headers, attempt.body
        )
        try:
            return await self._reply(response, request.stream)
        except BaseException:
            await response.close()
            raise

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error response means."""
        return failure(status, headers, body)

    async def close(self) -> None:
        """Connections are the gateway's."""

    async def _open(
        self, attempt: Attempt, method: str, url: str, headers: dict[str, str], body: bytes | AsyncIterator[bytes]
    ) -> Response:
        carried = {"user-agent": _AGENT, **headers, **self.host.headers}
        carried.update((name.lower(), value) for name, value in attempt.headers.items())
        call = Call(method, url, list(carried.items()), body, attempt.timeouts)
        response: Response = await self._gateway.transport.open(call)
        return response

    async def _reply(self, response: Response, stream: bool) -> Reply:
        content_type = response.headers.get("content-type", "").lower()
        if not 200 <= response.status < 300:
            raise await self._failed(response)
        if "event-stream" in content_type or (stream and not content_type):
            frames = sse.frames(response.chunks())
            return Reply(
                status=response.status, headers=response.headers, dialect=NAME, frames=frames, close=response.close
            )
        if content_type and "json" not in content_type and not content_type.startswith("text/plain"):
            raise ProviderError(
                f"the upstream answered with {content_type[:80]!r} where JSON was expected",
                kind="bad_reply",
                status=response.status,
            )
        body = await response.read(BODY_LIMIT)
        await response.close()
        return Reply(status=response.status, headers=response.headers, dialect=NAME, body=body)

    async def _failed(self, response: Response) -> ProviderError:
        try:
            body = await response.read(ERROR_LIMIT)
        except ProviderError:
            body = b""
        return self.failure(response.status, response.headers, body)

    async def _pass(self, attempt: Attempt) -> Reply:
        """Any other path of the host: the caller's method, query and body, the host's answer as it is, but for an
        error about our credential."""
        exchange = attempt.exchange
        headers = {name: exchange.headers[name] for name in _FORWARDED if name in exchange.headers}
        url = self.host.tail(exchange.tail, exchange.query)
        response = await self._open(attempt, exchange.method, url, headers, exchange.upload)
        if response.status < 400:
            return Reply(
                status=response.status,
                headers=response.headers,
                dialect=NAME,
                chunks=response.chunks(),
                close=response.close,
            )
        try:
            raise await self._failed(response)
        finally:
            await response.close()
