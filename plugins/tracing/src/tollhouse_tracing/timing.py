"""When each plugin was asked in each hook of an exchange."""

from __future__ import annotations

import time
from typing import Any

from tollhouse import Exchange
from tollhouse.chain import Call, Chain

PLUGIN = "tracing"
MOST = 200
"""Hooks of one exchange that are remembered."""

Moment = tuple[str, str, int, int]
"""Plugin, hook, and unix nanoseconds of its begin and end."""


def follow(chain: Chain) -> None:
    """From now on note the calls of every asynchronous hook of the journey, but of relays, whose time is mostly
    others', and of our own."""
    for hook, step in chain.steps().items():
        if step.spec.sync or step.spec.kind == "wrap" or step.spec.args[:1] != ("exchange",):
            continue
        for call in step.calls:
            if call.plugin != PLUGIN:
                call.function = _Followed(call, hook)


def moments(exchange: Exchange) -> list[Moment]:
    """The calls so far."""
    noted: list[Moment] = exchange.state.setdefault("tracing:hooks", [])
    return noted


class _Followed:
    """Stands in for one implementation's function."""

    __slots__ = ("_function", "_hook", "_plugin")

    def __init__(self, call: Call, hook: str) -> None:
        self._plugin, self._function, self._hook = call.plugin, call.function, hook

    async def __call__(self, exchange: Exchange, *more: Any) -> Any:
        began = time.time_ns()
        try:
            return await self._function(exchange, *more)
        finally:
            noted = moments(exchange)
            if len(noted) < MOST:
                noted.append((self._plugin, self._hook, began, time.time_ns()))
