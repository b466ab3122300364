"""The plugin: Anthropic's dialect, and the provider that speaks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tollhouse import Attempt, Exchange, hookimpl
from tollhouse.counting import require_own_dialect
from tollhouse.dialect import Dialect
from tollhouse.provider import ProviderKind

from .dialect import AnthropicDialect
from .name import NAME
from .provider import Kind
from .settings import AnthropicSettings


class Anthropic:
    """Anthropic's dialect for callers, and a provider for Claude and every host that speaks it."""

    Settings = AnthropicSettings

    def __init__(self, settings: AnthropicSettings) -> None:
        self.settings = settings

    @hookimpl
    def dialects(self, gateway: Any) -> Sequence[Dialect]:
        """The wire format of /v1/messages."""
        return [AnthropicDialect(max_tokens=self.settings.max_tokens)]

    @hookimpl
    def providers(self, gateway: Any) -> Mapping[str, ProviderKind]:
        """One kind, for Anthropic and hosts that speak like it."""
        return {"anthropic": Kind()}

    @hookimpl
    async def dispatch(self, exchange: Exchange, attempt: Attempt) -> None:
        """Tokens are counted by whoever speaks the caller's dialect; other targets are passed over. Raises
        `Rejected` (400) when the model has none that does."""
        require_own_dialect(exchange, attempt, NAME, "Anthropic")
