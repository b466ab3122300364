"""The plugin: OpenAI's dialect, and the hosts that speak it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tollhouse import Attempt, Exchange, NoSettings, Plan, hookimpl
from tollhouse.dialect import Dialect
from tollhouse.provider import ProviderKind

from . import ownership
from .completions.dialect import CompletionsDialect
from .completions.name import NAME as COMPLETIONS
from .dialect import OpenAIDialect
from .name import NAME
from .provider import kinds
from .responses import route
from .responses.dialect import ResponsesDialect
from .responses.name import NAME as RESPONSES

_OURS = frozenset({NAME, RESPONSES, COMPLETIONS})


class OpenAI:
    """OpenAI's dialect for callers, and providers for OpenAI, Azure and every compatible host."""

    Settings = NoSettings

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @hookimpl
    def dialects(self, gateway: Any) -> Sequence[Dialect]:
        """The wire formats of chat completions with embeddings and models, of responses, and of plain completions."""
        return [OpenAIDialect(), ResponsesDialect(), CompletionsDialect()]

    @hookimpl
    def providers(self, gateway: Any) -> Mapping[str, ProviderKind]:
        """A kind for every host of the table."""
        return kinds()

    @hookimpl
    async def admit(self, exchange: Exchange) -> None:
        """What an upstream keeps is shown to its owner only. Raises `Rejected` (404) for everybody else."""
        if exchange.dialect.name not in _OURS:
            return
        if exchange.task == "passthrough":
            await ownership.admit(exchange)
        else:
            await route.admit(exchange)

    @hookimpl
    async def route(self, exchange: Exchange) -> Plan | None:
        """A request that goes on with a response goes to the provider that keeps it."""
        return route.route(exchange)

    @hookimpl
    async def dispatch(self, exchange: Exchange, attempt: Attempt) -> None:
        """What only an upstream of the caller's dialect understands goes to one. Raises `Rejected` (400) when the model
        has none."""
        route.dispatch(exchange, attempt)
