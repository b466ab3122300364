"""The stage every store test plays on: a state of its own, a clock that obeys, demands in short."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

import pytest

from ...store import Demand, Grant, Refusal, Store

START = 1_700_000_000.0
HOUR = 1_699_999_200.0
"""The hour that START falls in."""


Two = Callable[[], tuple[Store, Store]]


class FakeClock:
    """Unix seconds that pass when told to."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass, or set the clock back."""
        self.now += seconds


class Stage:
    """One state for one test: opens clients on it, lets its time pass, closes everything at the end."""

    def __init__(self, opener: Callable[..., Store], url: str) -> None:
        self.clock = FakeClock()
        self._opener, self._url = opener, url
        self._stores: list[Store] = []

    def open(self) -> Store:
        """Another client on the same state."""
        store = self._opener(self._url, clock=self.clock)
        self._stores.append(store)
        return store

    def run(self, story: Callable[[], Awaitable[None]]) -> None:
        """Tell an async story to its end."""

        async def tell() -> None:
            try:
                await asyncio.wait_for(story(), 60)
            finally:
                for store in self._stores:
                    await store.close()

        asyncio.run(tell())


_DEFAULTS: dict[str, dict[str, Any]] = {
    "rate": {"key": "test:rate", "measure": "requests", "period": 10.0},
    "window": {"key": "test:window", "measure": "nano_usd", "until": START + 100},
    "slots": {"key": "test:slots", "measure": "slot"},
}


def demand(kind: str = "window", amount: int = 1, limit: int = 10, **more: Any) -> Demand:
    """A demand with the rest filled in."""
    fields: dict[str, Any] = _DEFAULTS[kind] | {"kind": kind, "amount": amount, "limit": limit} | more
    return Demand(**fields)


async def used(store: Store, *demands: Demand) -> list[int]:
    """How much of each counter is used."""
    return [level.used for level in await store.levels(demands)]


async def granted(store: Store, hold: str, *demands: Demand, ttl: float = 60) -> Grant:
    """Claim, and insist."""
    outcome = await store.claim(hold, demands, ttl)
    assert isinstance(outcome, Grant), outcome
    return outcome


async def refused(store: Store, hold: str, *demands: Demand, ttl: float = 60) -> Refusal:
    """Claim, and insist that it is refused."""
    outcome = await store.claim(hold, demands, ttl)
    assert isinstance(outcome, Refusal), outcome
    return outcome


class OnStage:
    """Test classes' common ground. `opener(url, clock=...)` opens a client; `shared` says that two clients of one
    URL see one state; the fixture `urls` gives a function that names a fresh state with every call."""

    opener: ClassVar[Callable[..., Store]]
    shared: ClassVar[bool] = False

    @pytest.fixture
    def urls(self) -> Callable[[], str]:
        """To be overridden."""
        raise NotImplementedError

    @pytest.fixture
    def stage(self, urls: Callable[[], str]) -> Stage:
        """A stage on a fresh state."""
        return Stage(type(self).opener, urls())

    @pytest.fixture
    def two(self, stage: Stage) -> Two:
        """Two clients on one state, or twice the same one where a state has only one."""

        def open_two() -> tuple[Store, Store]:
            store = stage.open()
            return store, stage.open() if self.shared else store

        return open_two
