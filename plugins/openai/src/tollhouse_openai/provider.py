"""The provider: sends an attempt to a host of OpenAI's dialect and hands back its reply as it comes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec
from tollhouse import Attempt, Edit, ProviderError, Reply, Starter
from tollhouse.credentials import Credentials
from tollhouse.http_provider import HttpUpstream
from tollhouse.json_patch import patch

from .errors import failure
from .hosts import Host, azure_of, host_of
from .name import NAME
from .ownership import bind_created, bind_response
from .presets import PRESETS, Preset
from .responses.name import NAME as RESPONSES
from .responses.request import Asked
from .settings import AzureSettings, HostSettings

_FORWARDED = ("accept", "content-type", "content-encoding", "content-length", "openai-beta", "range", "idempotency-key")
"""The caller's headers that a passthrough needs; never a credential or a cookie."""


class Kind:
    """A kind of provider: its settings and how one is made of them."""

    def __init__(
        self, settings: type[msgspec.Struct], make: Callable[[str, Any], Host], starter: Starter | None = None
    ) -> None:
        self.Settings, self.starter = settings, starter
        self._make = make

    def __call__(self, name: str, settings: Any, gateway: Any) -> OpenAIProvider:
        """Make the provider configured as `[providers.NAME]`. Raises `ConfigError`."""
        return OpenAIProvider(name, self._make(name, settings), gateway)


class OpenAIProvider:
    """One configured account at one host."""

    def __init__(self, name: str, host: Host, gateway: Any) -> None:
        self.host = host
        self.speaks: Sequence[str] = host.speaks
        self._upstreams = {dialect: HttpUpstream(dialect, gateway, self._failed) for dialect in host.speaks}
        self._credentials = Credentials(name, host.keys, gateway)

    async def send(self, attempt: Attempt) -> Reply:
        """Ask the host. Raises `ProviderError`; leaves nothing open when it does. A passthrough's errors are told as
        any other. What the host keeps is bound to the caller."""
        if attempt.request.task == "passthrough":
            reply = await self._keyed(attempt, self._forward, again=isinstance(attempt.exchange.upload, bytes))
            return await _watched(reply, bind_created(attempt, reply))
        reply = await self._keyed(attempt, self._ask)
        asked = attempt.request
        if isinstance(asked, Asked) and asked.task == "chat" and reply.dialect == RESPONSES and asked.bonds.kept:
            return await _watched(reply, bind_response(attempt, reply))
        return reply

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """What an error response means."""
        return failure(status, headers, body)

    async def close(self) -> None:
        """Connections are the gateway's."""

    async def _keyed(
        self,
        attempt: Attempt,
        send: Callable[[Attempt, dict[str, str]], Awaitable[Reply]],
        *,
        again: bool = True,
    ) -> Reply:
        """Send with one key after the other; a credential that a plugin gave the attempt is the only one."""
        given = {name.lower(): value for name, value in attempt.headers.items()}
        if self.host.key_header in given:
            return await send(attempt, {**self.host.headers, **given})

        async def ask(key: str) -> Reply:
            return await send(attempt, {**self.host.credential(key), **self.host.headers, **given})

        return await self._credentials.use(attempt, ask, again=again)

    async def _forward(self, attempt: Attempt, headers: dict[str, str]) -> Reply:
        url = self.host.tail(attempt.exchange.tail, attempt.exchange.query)
        return await self._upstreams[self.speaks[0]].forward(attempt, url, headers, _FORWARDED)

    async def _ask(self, attempt: Attempt, headers: dict[str, str]) -> Reply:
        dialect = attempt.dialect.name if attempt.dialect and attempt.request.task != "embed" else NAME
        url = self.host.url(dialect, attempt.request.task, attempt.target.model)
        return await self._upstreams[dialect].ask(attempt, url, headers, self._body(attempt, dialect))

    def _failed(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return self.failure(status, headers, self.host.masked(body))

    def _body(self, attempt: Attempt, dialect: str) -> bytes:
        """The attempt's bytes in this host's words."""
        body, edits = attempt.body, []
        if dialect == RESPONSES:
            return body
        if attempt.request.stream and not self.host.ask_usage and b'"stream_options"' in body:
            edits.append(Edit(("stream_options",), remove=True))
        translated = attempt.request.dialect.name != dialect
        if translated and self.host.limit_field != "max_completion_tokens" and attempt.request.task == "chat":
            fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
            if (limit := fields.get("max_completion_tokens")) is not None:
                edits.append(Edit(("max_completion_tokens",), remove=True))
                edits.append(Edit((self.host.limit_field,), limit))
        return patch(body, edits) if edits else body


async def _watched(reply: Reply, work: Awaitable[Reply]) -> Reply:
    """The reply after some work on it, which is closed when that fails or is cancelled."""
    try:
        return await work
    except BaseException:
        if reply.close is not None:
            await reply.close()
        raise


def kinds() -> dict[str, Kind]:
    """Every kind of the table, by name."""
    return {name: _kind(name, preset) for name, preset in PRESETS.items()}


def _kind(kind: str, preset: Preset) -> Kind:
    if kind == "azure":
        return Kind(AzureSettings, lambda name, settings: azure_of(name, preset, settings))
    starter = Starter(f'{{ api_key = "${{{preset.variable}}}" }}', preset.model) if preset.model else None
    return Kind(HostSettings, lambda name, settings: host_of(name, preset, settings), starter)
