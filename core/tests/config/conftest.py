"""What small imaginary plugins declare, for the tests to bind configurations to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from msgspec import Struct
from tollhouse.config import Bound, Budget, Duration, PluginSchema, Rate, bind, parse


class Cache(Struct, frozen=True, kw_only=True):
    """A plugin's own table."""

    ttl: Duration = Duration("10m")
    """How long an answer stays."""
    mode: Literal["exact", "near"] = "exact"
    size: int = 100


class CacheLevel(Struct, frozen=True, kw_only=True):
    """A plugin's table at every level, with a check across fields."""

    ttl: Duration | None = None
    least: int = 0
    most: int = 10
    vary: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.least > self.most:
            raise ValueError("least is above most.")


class Hook(Struct, frozen=True, kw_only=True):
    """One entry of a plugin's table of tables."""

    url: str
    events: tuple[str, ...] = ("*",)


class Upstream(Struct, frozen=True, kw_only=True):
    """The settings of a provider kind."""

    api_key: str = ""
    api_keys: tuple[str, ...] = ()
    base_url: str = "https://api.example.com/v1"
    retries: int = 0


SCHEMAS = {
    "auth": PluginSchema(),
    "cache": PluginSchema(Cache, CacheLevel),
    "rate_limit": PluginSchema(None, list[Rate]),
    "budget": PluginSchema(None, list[Budget]),
    "router": PluginSchema(None, Literal["ordered", "cheapest"]),
    "webhooks": PluginSchema(dict[str, Hook]),
}
KINDS = {"openai": Upstream, "anthropic": Upstream, "plain": None}

Make = Callable[..., Bound]


@pytest.fixture
def make() -> Make:
    """Load and bind a text; keywords are the environment."""

    def made(text: str, **environ: str) -> Bound:
        return bind(parse(text, environ), SCHEMAS, KINDS, installed=["metrics"])

    return made
