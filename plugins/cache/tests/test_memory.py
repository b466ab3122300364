"""The memory tier keeps its bound to the byte, what is asked for stays, and a flood of strangers does not empty it."""

import random
import tracemalloc
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse_cache.memory import OVERHEAD, Memory

keys = st.integers(0, 30).map(lambda number: b"%032d" % number)
steps = st.lists(
    st.tuples(st.sampled_from(["put", "get", "drop", "resize"]), keys, st.integers(0, 4000)),
    max_size=120,
)


@given(steps, st.integers(1000, 20_000))
def test_it_never_holds_more_than_its_room_and_never_another_value(steps, room):
    memory, truth = Memory(room), {}
    for step, key, size in steps:
        if step == "put":
            truth[key] = key + b"x" * size
            memory.put(key, truth[key])
        elif step == "get":
            assert memory.get(key) in (None, truth.get(key))
        elif step == "drop":
            memory.drop(key)
            truth.pop(key, None)
            assert memory.get(key) is None
        else:
            memory.resize(1000 + size * 4)
        held = {key: value for key in truth if (value := memory.get(key)) is not None}
        assert len(held) == len(memory)
        assert memory.used == sum(len(value) + OVERHEAD for value in held.values())
        assert memory.used <= memory.room
    memory.clear()
    assert (len(memory), memory.used) == (0, 0)


def test_what_was_put_last_is_there_if_it_fits():
    memory = Memory(10_000)
    for number in range(200):
        key = b"%032d" % number
        memory.put(key, b"x" * 500)
        assert memory.get(key) == b"x" * 500
    memory.put(b"big", b"x" * 10_000)
    assert memory.get(b"big") is None


def test_a_flood_of_questions_nobody_asks_twice_leaves_what_is_asked_for():
    memory = Memory(100 * (OVERHEAD + 100))
    popular = [b"popular %d" % n for n in range(50)]
    for _ in range(2):
        for key in popular:
            if memory.get(key) is None:
                memory.put(key, b"x" * 100)
    for number in range(5000):
        memory.put(b"stranger %d" % number, b"x" * 100)
    kept = sum(memory.get(key) is not None for key in popular)
    assert kept == 50


def test_on_skewed_traffic_it_answers_more_than_the_least_recently_used_would():
    dice = random.Random(7)
    room, hits, lru_hits = 300, 0, 0
    memory, lru = Memory(room * (OVERHEAD + 10)), OrderedDict()
    for turn in range(20_000):
        name = int(dice.paretovariate(0.9)) if turn % 3 else 10**6 + turn
        key = b"%d" % name
        if memory.get(key) is not None:
            hits += 1
        else:
            memory.put(key, b"x" * 10)
        if key in lru:
            lru_hits += 1
            lru.move_to_end(key)
        else:
            lru[key] = True
            if len(lru) > room:
                lru.popitem(last=False)
    assert hits > lru_hits


@pytest.mark.slow
def test_a_hundred_thousand_entries_cost_no_more_than_they_count():
    tracemalloc.start()
    try:
        memory = Memory(64 << 20)
        before = tracemalloc.get_traced_memory()[0]
        for number in range(100_000):
            memory.put(number.to_bytes(32, "big"), b"%0300d" % number)
        used = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert memory.used <= 64 << 20
    assert used <= memory.used
    assert len(memory) > 60_000
