"""Checks of targets that rest: a small request of our own tries them, so that no caller's has to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from tollhouse import Dialect, Exchange, Principal, Request, Route, Target
from tollhouse.edition import Edition
from tollhouse.gateway import Gateway
from tollhouse.journey import Collected
from tollhouse.neutral import Chat, Message, Text

from .breakers import Breakers
from .settings import PLUGIN, HealthCheck
from .trip import ORIGIN

ONLY = "failover-only"
"""The header of a submitted check that names its one target; believed of our own submits only."""


def only(exchange: Exchange) -> str:
    """The one target a check may ask; empty for any other exchange."""
    return exchange.headers.get(ONLY, "") if exchange.origin == ORIGIN else ""


class Checks:
    """Asks every target whose rest is over, one after the other, as the key `failover`."""

    def __init__(self, gateway: Gateway, edition: Edition, breakers: Breakers, terms: HealthCheck) -> None:
        self._gateway, self._edition, self._breakers, self._terms = gateway, edition, breakers, terms

    async def run(self) -> None:
        """Check for ever."""
        while True:
            await asyncio.sleep(float(self._terms.every))
            for target in self._breakers.waiting():
                await self.check(target)

    async def check(self, target: str) -> None:
        """Ask the target once; its breaker learns from it as from any request. A target of a provider that is not
        configured any more is left alone, and so is everything when nobody speaks of chats."""
        place = next(_ways(self._edition), None)
        if place is None or target.partition("/")[0] not in self._edition.providers:
            return
        dialect, route = place
        model = _model(self._edition, target)
        body = Chat(messages=[Message(role="user", parts=[Text(text=self._terms.text)])], max_output=self._terms.tokens)
        asked = Request(b"", dialect=dialect, route=route, model=model, max_output=self._terms.tokens, body=body)
        raw, _ = dialect.encode(asked, model)
        request = dialect.request(raw, route, model if "{" in route.path else "")
        await self._gateway.submit(request, Principal(key=PLUGIN), Collected(), origin=PLUGIN, headers={ONLY: target})


def target_of(name: str) -> Target:
    """`provider/model` as a target."""
    provider, _, model = name.partition("/")
    return Target(provider, model)


def _ways(edition: Edition) -> Iterator[tuple[Dialect, Route]]:
    """How a chat can be asked for, those first that name the model in the body."""
    ways = [(d, route) for d in edition.dialects.values() for route in d.routes if route.task == "chat"]
    yield from sorted(ways, key=lambda way: "{" in way[1].path)


def _model(edition: Edition, target: str) -> str:
    """A name callers may use: of a model with this target if there is one, else any, since the check goes to its
    target whatever the plan."""
    models = edition.config.models
    having = (name for name, model in models.items() if any(f"{t.provider}/{t.model}" == target for t in model.targets))
    return next(having, next(iter(models), target))
