"""The plugin: OpenAI's dialect, and the hosts that speak it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tollhouse import NoSettings, hookimpl
from tollhouse.dialect import Dialect
from tollhouse.provider import ProviderKind

from .dialect import OpenAIDialect
from .provider import kinds


class OpenAI:
    """OpenAI's dialect for callers, and providers for OpenAI, Azure and every compatible host."""

    Settings = NoSettings

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @hookimpl
    def dialects(self, gateway: Any) -> Sequence[Dialect]:
        """The wire format of /v1/chat/completions, /v1/embeddings and /v1/models."""
        return [OpenAIDialect()]

    @hookimpl
    def providers(self, gateway: Any) -> Mapping[str, ProviderKind]:
        """A kind for every host of the table."""
        return kinds()
