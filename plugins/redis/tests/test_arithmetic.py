"""Numbers in Lua are doubles: what the script counts is what exact integers count, up to the largest amounts."""

import asyncio
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tollhouse.store import MAX_AMOUNT, Demand
from tollhouse.store.memory import MemoryStore
from tollhouse.testing.stores import FakeClock
from tollhouse_redis import open_redis

_numbers = count()
AMOUNTS = st.one_of(st.integers(0, 50), st.integers(0, MAX_AMOUNT), st.integers(MAX_AMOUNT - 50, MAX_AMOUNT))
LIMITS = st.one_of(st.integers(0, 50), st.integers(0, MAX_AMOUNT // 2))
PERIODS = st.one_of(st.sampled_from([1e-6, 1.0, 60.0, 86400.0, 1e9]), st.floats(1e-6, 1e9))
WAITS = st.one_of(st.floats(0, 1e-4), st.floats(0, 400))
"""All together less than the hour that a settled hold is remembered."""


@st.composite
def histories(draw):
    kind = draw(st.sampled_from(["rate", "window", "slots"]))
    fixed = {
        "key": "test:é",
        "kind": kind,
        "measure": "tokens",
        "limit": draw(LIMITS),
        "burst": draw(LIMITS) if kind == "rate" else 0,
        "period": draw(PERIODS) if kind == "rate" else 0.0,
        "until": 1.75e9 if kind == "window" else 0.0,
        "marks": tuple(draw(st.lists(AMOUNTS, max_size=3))),
    }
    steps = st.tuples(WAITS, AMOUNTS, st.none() | AMOUNTS, st.sampled_from(["a", "b", "c"]))
    return fixed, draw(st.lists(steps, min_size=1, max_size=8))


@given(history=histories())
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_any_amounts_are_counted_as_in_exact_integers(server, history):
    fixed, steps = history

    async def story():
        clock = FakeClock()
        ours = open_redis(f"{server.url}?prefix=sums-{next(_numbers)}", clock=clock)
        exact = MemoryStore(clock)
        for wait, amount, actual, hold in steps:
            clock.advance(wait)
            ask = [Demand(amount=amount, **fixed)]
            assert await ours.claim(hold, ask, 1e7) == await exact.claim(hold, ask, 1e7)
            if actual is not None:
                done = {"tokens": actual}
                assert await ours.settle(hold, done) == await exact.settle(hold, done)
            assert await ours.levels(ask) == await exact.levels(ask)
        await ours.close()

    asyncio.run(story())
