"""Any history of claims, settlements, losses and time, against the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from fractions import Fraction
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from msgspec.structs import replace

from ...store import Demand, Grant, Store
from .model import Model
from .stage import FakeClock

T = TypeVar("T")

WINDOW = 8
TTLS = (0.5, 1.0, 3.0)
HOLDS = st.sampled_from(["a", "b", "c", "d", "e"])
AMOUNTS = st.integers(0, 6)
DEMANDS = st.fixed_dictionaries(
    {},
    optional={
        "test:even": AMOUNTS,
        "test:odd": AMOUNTS,
        "test:slots": AMOUNTS,
        "test:money": st.integers(0, 9),
        "test:tokens": AMOUNTS,
        "test:shadow": AMOUNTS,
    },
)


def every_demand(now: float) -> dict[str, Demand]:
    """One demand of each sort, as a claim made now would ask."""
    until = (now // WINDOW + 1) * WINDOW
    demands = [
        Demand(key="test:even", kind="rate", measure="requests", amount=0, limit=4, period=2, burst=1),
        Demand(key="test:odd", kind="rate", measure="tokens", amount=0, limit=7, period=3),
        Demand(key="test:slots", kind="slots", measure="slot", amount=0, limit=8),
        Demand(
            key="test:money",
            kind="window",
            measure="nano_usd",
            amount=0,
            limit=12,
            until=until,
            marks=(2, 4, 6, 10, 15),
        ),
        Demand(key="test:tokens", kind="window", measure="tokens", amount=0, limit=9, until=until),
        Demand(
            key="test:shadow",
            kind="window",
            measure="requests",
            amount=0,
            limit=3,
            until=until,
            enforce=False,
        ),
    ]
    return {demand.key: demand for demand in demands}


def check_histories(opener: Callable[..., Store], urls: Callable[[], str], examples: int = 40) -> None:
    """Let hypothesis look for a history in which a fresh store and the model disagree."""

    class Machine(_Machine):
        def open(self) -> Store:
            return opener(urls(), clock=self.clock)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )


class _Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.store = self.open()
        self.model = Model()

    def open(self) -> Store:
        raise NotImplementedError

    def teardown(self) -> None:
        self.wait(self.store.close())
        self.loop.close()

    def wait(self, call: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(call)

    @property
    def now(self) -> Fraction:
        return Fraction(self.clock.now)

    @rule(hold=HOLDS, amounts=DEMANDS, ttl=st.sampled_from(TTLS))
    def claim(self, hold: str, amounts: dict[str, int], ttl: float) -> None:
        every = every_demand(self.clock.now)
        demands = [replace(every[key], amount=amount) for key, amount in amounts.items()]
        self.model.expire(self.now)
        refusing, crossed = self.model.claim(hold, demands, Fraction(ttl), self.now)
        outcome = self.wait(self.store.claim(hold, demands, ttl))
        if isinstance(outcome, Grant):
            assert not refusing
            assert set(outcome.crossed) == crossed
        else:
            assert outcome.key in refusing

    @rule(hold=HOLDS, tokens=AMOUNTS, money=AMOUNTS, named=st.booleans())
    def settle(self, hold: str, tokens: int, money: int, named: bool) -> None:
        actual = {"tokens": tokens, "nano_usd": money} if named else {}
        self.model.expire(self.now)
        first, crossed = self.model.settle(hold, actual, self.now)
        settled = self.wait(self.store.settle(hold, actual))
        assert (settled.first, set(settled.crossed)) == (first, crossed)

    @rule(holds=st.lists(HOLDS, max_size=3), ttl=st.sampled_from(TTLS))
    def renew(self, holds: list[str], ttl: float) -> None:
        self.model.expire(self.now)
        alive = {name for name in holds if name in self.model.holds and not self.model.holds[name].lost}
        assert self.wait(self.store.renew(holds, ttl)) == alive
        for name in alive:
            self.model.holds[name].deadline = self.now + Fraction(ttl)

    @rule()
    def expired(self) -> None:
        self.model.expire(self.now)
        assert {lost.hold for lost in self.wait(self.store.expired(100))} == self.model.take_lost()

    @rule(quarters=st.integers(1, 12))
    def pass_time(self, quarters: int) -> None:
        self.clock.advance(quarters / 4)

    @invariant()
    def levels_agree(self) -> None:
        self.model.expire(self.now)
        demands = list(every_demand(self.clock.now).values())
        levels = self.wait(self.store.levels(demands))
        assert [level.used for level in levels] == [self.model.used(demand, self.now) for demand in demands]
