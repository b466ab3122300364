"""The provider: sends an attempt to the Gemini API and hands back its reply as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from tollhouse import Attempt, ProviderError, Reply, Starter
from tollhouse.credentials import Credentials
from tollhouse.http_provider import HttpUpstream

from .errors import failure
from .fields import NAME
from .host import VARIABLE, Host, host_of
from .settings import GeminiSettings

_FORWARDED = ("accept", "content-type", "content-length", "range")
"""The caller's headers that a passthrough needs; never a credential or a cookie."""


class Kind:
    """A kind of provider: its settings and how one is made of them."""

    starter = Starter(f'{{ api_key = "${{{VARIABLE}}}" }}', "gemini-2.5-flash")

    def __init__(self) -> None:
        self.Settings: type[msgspec.Struct] = GeminiSettings

    def __call__(self, name: str, settings: Any, gateway: Any) -> GeminiProvider:
        """Make the provider configured as `[providers.NAME]`. Raises `ConfigError`."""
        return GeminiProvider(name, host_of(name, settings), gateway)


class GeminiProvider:
    """One configured account."""

    speaks: Sequence[str] = (NAME,)

    def __init__(self, name: str, host: Host, gateway: Any) -> None:
        self.host = host
        self._upstream = HttpUpstream(NAME, gateway, self.failure)
        self._credentials = Credentials(name, host.keys, gateway)

    async def send(self, attempt: Attempt) -> Reply:
        """Ask the host. Raises `ProviderError`; leaves nothing open when it does. A passthrough's errors are told as
        any other."""
        given = {name.lower(): value for name, value in attempt.headers.items()}
        if "x-goog-api-key" in given:  # a credential that a plugin gave the attempt is the only one
            return await self._send(attempt, {**self.host.headers, **given})

        async def ask(key: str) -> Reply:
            credential = {"x-goog-api-key": key} if key else {}
            return await self._send(attempt, {**credential, **self.host.headers, **given})

        again = attempt.request.task != "passthrough" or isinstance(attempt.exchange.upload, bytes)
        return await self._credentials.use(attempt, ask, again=again)

    async def _send(self, attempt: Attempt, headers: dict[str, str]) -> Reply:
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
