"""The provider: sends an attempt to the Gemini API and hands back its reply as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from tollhouse import Attempt, ProviderError, Reply
from tollhouse.http_provider import HttpUpstream

from .errors import failure
from .fields import NAME
from .host import Host, host_of
from .settings import GeminiSettings

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
        self.host = host
        self._upstream = HttpUpstream(NAME, gateway, self.failure)

    async def send(self, attempt: Attempt) -> Reply:
        """Ask the host. Raises `ProviderError`; leaves nothing open when it does. A passthrough's errors are told as
        any other."""
        headers = {**self.host.headers, **{name.lower(): value for name, value in attempt.headers.items()}}
        if attempt.request.task == "passthrough":
            url = self.host.tail(attempt.exchange.tail, attempt.exchange.query)
            return await self._upstream.forward(attempt, url, headers, _FORWARDED)
        url = self.host.url(attempt.request, attempt.target.model)
        return await self._upstream.ask(attempt, url, headers, attempt.body)

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error response means."""
        return failure(status, headers, body)

    async def close(self) -> None:
        """Connections are the gateway's."""
