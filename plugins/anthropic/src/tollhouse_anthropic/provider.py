"""The provider: sends an attempt to a host of Anthropic's dialect and hands back its reply as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from tollhouse import Attempt, ProviderError, Reply, Starter
from tollhouse.credentials import Credentials
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
    starter = Starter('{ api_key = "${ANTHROPIC_API_KEY}" }', "claude-sonnet-4-5")

    def __call__(self, name: str, settings: Any, gateway: Any) -> AnthropicProvider:
        """Make the provider configured as `[providers.NAME]`. Raises `ConfigError`."""
        return AnthropicProvider(name, host_of(name, settings), gateway)


class AnthropicProvider:
    """One configured account at one host."""

    speaks: Sequence[str] = (NAME,)

    def __init__(self, name: str, host: Host, gateway: Any) -> None:
        self.host = host
        self._upstream = HttpUpstream(NAME, gateway, self.failure)
        self._credentials = Credentials(name, host.keys, gateway)

    async def send(self, attempt: Attempt) -> Reply:
        """Ask the host. Raises `ProviderError`; leaves nothing open when it does. Of a passthrough's errors only
        that of our credential is one of ours."""
        if "x-api-key" in map(str.lower, attempt.headers):  # a plugin gave the attempt its credential
            return await self._send(attempt, "")
        again = attempt.request.task != "passthrough" or isinstance(attempt.exchange.upload, bytes)
        return await self._credentials.use(attempt, lambda key: self._send(attempt, key), again=again)

    async def _send(self, attempt: Attempt, key: str) -> Reply:
        exchange, request = attempt.exchange, attempt.request
        headers = self._headers(attempt, key)
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

    def _headers(self, attempt: Attempt, key: str) -> dict[str, str]:
        given = {name.lower(): value for name, value in attempt.headers.items()}
        credential = {"x-api-key": key} if key else {}
        headers = {"anthropic-version": self.host.version, **credential, **self.host.headers, **given}
        if betas := self.host.betas(given.get("anthropic-beta", "")):
            headers["anthropic-beta"] = betas
        return headers
