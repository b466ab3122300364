"""The provider: sends an attempt to a host of OpenAI's dialect and hands back its reply as it comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from tollhouse import Attempt, Edit, ProviderError, Reply
from tollhouse.http_provider import HttpUpstream
from tollhouse.json_patch import patch

from .errors import failure
from .hosts import Host, azure_of, host_of
from .name import NAME
from .presets import PRESETS, Preset
from .settings import AzureSettings, HostSettings

_FORWARDED = ("accept", "content-type", "content-encoding", "content-length", "openai-beta", "range", "idempotency-key")
"""The caller's headers that a passthrough needs; never a credential or a cookie."""


class Kind:
    """A kind of provider: its settings and how one is made of them."""

    def __init__(self, settings: type[msgspec.Struct], make: Callable[[str, Any], Host]) -> None:
        self.Settings = settings
        self._make = make

    def __call__(self, name: str, settings: Any, gateway: Any) -> OpenAIProvider:
        """Make the provider configured as `[providers.NAME]`. Raises `ConfigError`."""
        return OpenAIProvider(self._make(name, settings), gateway)


class OpenAIProvider:
    """One configured account at one host."""

    speaks: Sequence[str] = (NAME,)

    def __init__(self, host: Host, gateway: Any) -> None:
        self.host = host
        self._upstream = HttpUpstream(NAME, gateway, self._failed)

    async def send(self, attempt: Attempt) -> Reply:
        """Ask the host. Raises `ProviderError`; leaves nothing open when it does. A passthrough's errors are told as
        any other."""
        headers = self.host.headers
        if attempt.headers:
            headers = headers | {name.lower(): value for name, value in attempt.headers.items()}
        task = attempt.request.task
        if task == "passthrough":
            url = self.host.tail(attempt.exchange.tail, attempt.exchange.query)
            return await self._upstream.forward(attempt, url, headers, _FORWARDED)
        url = self.host.url(task, attempt.target.model)
        return await self._upstream.ask(attempt, url, headers, self._body(attempt))

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error response means."""
        return failure(status, headers, body)

    async def close(self) -> None:
        """Connections are the gateway's."""

    def _failed(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return self.failure(status, headers, self.host.masked(body))

    def _body(self, attempt: Attempt) -> bytes:
        """The attempt's bytes in this host's words."""
        request, body, edits = attempt.request, attempt.body, []
        if request.stream and not self.host.ask_usage and b'"stream_options"' in body:
            edits.append(Edit(("stream_options",), remove=True))
        translated = request.dialect.name != NAME
        if translated and self.host.limit_field != "max_completion_tokens" and request.task == "chat":
            fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
            if (limit := fields.get("max_completion_tokens")) is not None:
                edits.append(Edit(("max_completion_tokens",), remove=True))
                edits.append(Edit((self.host.limit_field,), limit))
        return patch(body, edits) if edits else body


def kinds() -> dict[str, Kind]:
    """Every kind of the table, by name."""
    return {name: _kind(name, preset) for name, preset in PRESETS.items()}


def _kind(kind: str, preset: Preset) -> Kind:
    if kind == "azure":
        return Kind(AzureSettings, lambda name, settings: azure_of(name, preset, settings))
    return Kind(HostSettings, lambda name, settings: host_of(name, preset, settings))
