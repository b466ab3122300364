"""The provider: sends an attempt to a host of Anthropic's dialect and hands back its reply as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from tollhouse import Attempt, ProviderError, Reply
from tollhouse.http_provider import HttpUpstream

from .errors import failure
from .hosts import Host, host_of
from .name import NAME
from .settings import HostSettings

_FORWARDED = ("accept", "content-type", "content-length", "range", "idempotency-key")
"""The caller's headers that a passthrough needs beside those the core lets through; never a credential or cookie."""


class Kind:
    """The kind of provider this plugin offers."""

    Settings: type[msgspec.Struct] = HostSettings

    def __call__(self, name: str, settings: Any, gateway: Any) -> AnthropicProvider:
        """Make the provider configured as `[providers.NAME]`. Raises `ConfigError`."""
        return AnthropicProvider(host_of(name, settings), gateway)


class AnthropicProvider:
    """One configured account at one host."""

    speaks: Sequence[str] = (NAME,)

    def __init__(self, host: Host, gateway: Any) -> None:
        self.host = host
        self._upstream = HttpUpstream(NAME, gateway, self.failure)

    async def send(self, attempt: Attempt) -> Reply:
        """Ask the host. Raises `ProviderError`; leaves nothing open when it does. Of a passthrough's errors only
        that of our credential is one of ours."""
        exchange, request = attempt.exchange, attempt.request
        headers = self._headers(attempt)
        if request.task == "passthrough":
            url = self.host.tail(exchange.tail, exchange.query)
            return await self._upstream.forward(attempt, url, headers, _FORWARDED, errors=(401,))
        query = exchange.query if request.dialect.name == NAME else ""
        return await self._upstream.ask(attempt, self.host.url(request.task, query), headers, attempt.body)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error response means."""
        return failure(status, headers, body)

    async def close(self) -> None:
        """Connections are the gateway's."""

    def _headers(self, attempt: Attempt) -> dict[str, str]:
        given = {name.lower(): value for name, value in attempt.headers.items()}
        headers = {"anthropic-version": self.host.version, **self.host.headers, **given}
        if betas := self.host.betas(given.get("anthropic-beta", "")):
            headers["anthropic-beta"] = betas
        return headers
