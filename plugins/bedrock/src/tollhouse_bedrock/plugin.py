"""The plugin: Bedrock's dialect, and the provider that signs for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tollhouse import Attempt, Exchange, NoSettings, hookimpl
from tollhouse.counting import require_own_dialect
from tollhouse.dialect import Dialect
from tollhouse.provider import ProviderKind

from .dialect import BedrockDialect
from .name import NAME
from .provider import Kind


class Bedrock:
    """Bedrock's dialect for callers, and a provider for an AWS account's models."""

    Settings = NoSettings

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @hookimpl
    def dialects(self, gateway: Any) -> Sequence[Dialect]:
        """The wire format of /model/MODEL/converse."""
        return [BedrockDialect()]

    @hookimpl
    def providers(self, gateway: Any) -> Mapping[str, ProviderKind]:
        """One kind, for AWS and its private endpoints."""
        return {NAME: Kind()}

    @hookimpl
    async def dispatch(self, exchange: Exchange, attempt: Attempt) -> None:
        """Tokens are counted by whoever speaks the caller's dialect; other targets are passed over. Raises
        `Rejected` (400) when the model has none that does."""
        require_own_dialect(exchange, attempt, NAME, "Bedrock")
