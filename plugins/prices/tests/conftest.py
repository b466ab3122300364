"""A gateway that prices, and a clock that obeys."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tollhouse import Rates, Target
from tollhouse.testing import gateway, run

PROVIDERS = """
plugins = ["openai", "anthropic", "gemini", "prices"]
[providers]
simulator = {}
openai = { api_key = "sk-fake" }
anthropic = { api_key = "sk-fake" }
gemini = { api_key = "sk-fake" }
deepseek = { api_key = "sk-fake" }
home = { kind = "ollama" }
quick = { kind = "openai", api_key = "sk-fake", base_url = "https://api.groq.com/openai/v1" }
proxy = { kind = "openai", api_key = "sk-fake", base_url = "https://llm.example/v1" }
"""


class Clock:
    """Stands still at an instant."""

    def __init__(self, at: datetime = datetime(2026, 11, 1, 12, tzinfo=UTC)) -> None:
        self.at = at

    def time(self) -> float:
        """Unix seconds."""
        return self.at.timestamp()

    def monotonic(self) -> float:
        """Seconds that pass as the loop's do."""
        return asyncio.get_running_loop().time()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def providers() -> str:
    return PROVIDERS


@pytest.fixture
def rates(clock: Clock) -> Callable[..., Rates | None]:
    """The card of a target under some settings."""

    def ask(target: str, settings: str = "") -> Rates | None:
        async def story() -> Any:
            async with gateway(PROVIDERS + settings, clock=clock) as made:
                provider, _, model = target.partition("/")
                return made.edition.rates(Target(provider, model))

        return run(story())

    return ask
