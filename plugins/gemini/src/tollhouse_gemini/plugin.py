"""The plugin: Gemini's dialect, and the provider that speaks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from tollhouse import Attempt, Exchange, NoSettings, Rejected, Skip, hookimpl
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
        if exchange.task != "count" or exchange.dialect.name != NAME:
            return
        if attempt.dialect is not None and attempt.dialect.name == NAME:
            return
        providers, plan = exchange.edition.providers, exchange.plan
        if plan is not None and any(NAME in providers[target.provider].speaks for target in plan.targets):
            raise Skip("its provider counts no tokens in Gemini's way")
        raise Rejected(
            f"Tokens of the model `{exchange.model[:100]}` cannot be counted: no provider of it speaks Gemini's "
            "dialect. Estimate them, or ask for a model that one provides.",
            code="not_countable",
            param="model",
        )
