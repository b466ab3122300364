"""The plugin: Gemini's dialect, and the provider that speaks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from tollhouse import Attempt, Exchange, NoSettings, hookimpl
from tollhouse.counting import require_own_dialect
from tollhouse.dialect import Dialect
from tollhouse.provider import ProviderKind

from .dialect import GeminiDialect
from .fields import NAME
from .provider import Kind
from .request import Asked


class Gemini:
    """Gemini's dialect for callers, and a provider for the Gemini API."""

    Settings = NoSettings

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @hookimpl
    def dialects(self, gateway: Any) -> Sequence[Dialect]:
        """The wire format of /v1beta/models/MODEL:METHOD."""
        return [GeminiDialect()]

    @hookimpl
    def providers(self, gateway: Any) -> Mapping[str, ProviderKind]:
        """One kind, for the Gemini API and hosts that speak like it."""
        return {NAME: Kind()}

    @hookimpl
    async def admit(self, exchange: Exchange) -> None:
        """A stream is a JSON array unless the query asks for server-sent events."""
        if isinstance(exchange.request, Asked) and exchange.request.stream:
            exchange.request.array = "sse" not in parse_qs(exchange.query).get("alt", ())

    @hookimpl
    async def dispatch(self, exchange: Exchange, attempt: Attempt) -> None:
        """Tokens are counted by whoever speaks the caller's dialect; other targets are passed over. Raises
        `Rejected` (400) when the model has none that does."""
        require_own_dialect(exchange, attempt, NAME, "Gemini")
