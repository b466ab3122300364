"""The provider: sends an attempt to Bedrock and hands back its reply as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from tollhouse import Attempt, Exchange, ProviderError, Rejected, Reply, Starter
from tollhouse.credentials import Credentials
from tollhouse.http_provider import HttpUpstream, Streaming

from .errors import failure
from .eventstream import CONTENT_TYPE, frames
from .hosts import Host, host_of
from .name import NAME
from .settings import BedrockSettings

UPLOAD = 25_000_000
"""Bytes of a passthrough's body, which must be whole to be signed; InvokeModel takes no more."""

_FORWARDED = (
    "accept",
    "content-type",
    "x-amzn-bedrock-accept",
    "x-amzn-bedrock-guardrailidentifier",
    "x-amzn-bedrock-guardrailversion",
    "x-amzn-bedrock-performanceconfig-latency",
    "x-amzn-bedrock-service-tier",
    "x-amzn-bedrock-trace",
)
"""The caller's headers that a passthrough needs; never a credential, a signature or a cookie."""
_STREAMING = Streaming(CONTENT_TYPE, "vnd.amazon.eventstream", frames)


class Kind:
    """The kind of provider this plugin offers."""

    Settings: type[msgspec.Struct] = BedrockSettings
    starter = Starter(
        '{ api_key = "${AWS_BEARER_TOKEN_BEDROCK}", region = "${AWS_REGION}" }',
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    )

    def __call__(self, name: str, settings: Any, gateway: Any) -> BedrockProvider:
        """Make the provider configured as `[providers.NAME]`. Raises `ConfigError`."""
        return BedrockProvider(name, host_of(name, settings), gateway)


class BedrockProvider:
    """One configured account in one region."""

    speaks: Sequence[str] = (NAME,)

    def __init__(self, name: str, host: Host, gateway: Any) -> None:
        self.host = host
        self._credentials = Credentials(name, host.keys, gateway)
        self._upstream = HttpUpstream(NAME, gateway, self.failure, _STREAMING)

    async def send(self, attempt: Attempt) -> Reply:
        """Ask Bedrock. Raises `ProviderError`; leaves nothing open when it does. Of a passthrough's errors those of
        our credential are ours."""
        if attempt.request.task != "passthrough":
            return await self._credentials.use(attempt, lambda key: self._ask(attempt, key))
        exchange = attempt.exchange
        if self.host.signature is not None:
            exchange.upload = await _whole(exchange)
        again = isinstance(exchange.upload, bytes)
        return await self._credentials.use(attempt, lambda key: self._forward(attempt, key), again=again)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error response means."""
        return failure(status, headers, body)

    async def close(self) -> None:
        """Connections are the gateway's."""

    async def _ask(self, attempt: Attempt, key: str) -> Reply:
        request = attempt.request
        url = self.host.url(request.task, attempt.target.model, request.stream)
        headers = await self._proven(attempt, key, "POST", url, {"content-type": "application/json"}, attempt.body)
        return await self._upstream.ask(attempt, url, headers, attempt.body)

    async def _forward(self, attempt: Attempt, key: str) -> Reply:
        exchange = attempt.exchange
        url = self.host.tail(exchange.tail, exchange.query)
        body = exchange.upload if isinstance(exchange.upload, bytes) else b""
        carried = {name: exchange.headers[name] for name in _FORWARDED if name in exchange.headers}
        headers = await self._proven(attempt, key, exchange.method, url, carried, body)
        length = () if isinstance(exchange.upload, bytes) else ("content-length",)
        return await self._upstream.forward(attempt, url, headers, length, errors=(401, 403))

    async def _proven(
        self, attempt: Attempt, key: str, method: str, url: str, carried: Mapping[str, str], body: bytes
    ) -> dict[str, str]:
        """The headers of a call. A credential that a plugin gave the attempt is the only one."""
        given = {name.lower(): value for name, value in attempt.headers.items()}
        headers = {**carried, **self.host.headers, **given}
        if "authorization" in given:
            return headers
        if self.host.signature is None:
            return {**headers, "authorization": f"Bearer {key}"}
        return {**headers, **await self.host.signature.headers(method, url, carried, body)}


async def _whole(exchange: Exchange) -> bytes:
    """The caller's body. Raises `Rejected` (413) past `UPLOAD`."""
    if isinstance(exchange.upload, bytes):
        return exchange.upload
    parts: list[bytes] = []
    size = 0
    async for chunk in exchange.upload:
        size += len(chunk)
        if size > UPLOAD:
            raise Rejected(
                f"The request's body is larger than the {UPLOAD} bytes Bedrock accepts.",
                status=413,
                code="request_too_large",
                should_retry=False,
            )
        parts.append(chunk)
    return b"".join(parts)
