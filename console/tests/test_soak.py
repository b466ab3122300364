"""Two thousand events a second: few repaints, exact counts, a sampled table that says so, and flat memory."""

import asyncio
import gc
import json
import time
import tracemalloc

import pytest
from looking import opened, run, text, until
from tollhouse_console.model.house import House
from tollhouse_console.model.traffic import ROOM

EVENTS = 2000
"""Events a second."""


def burst(first, many):
    """Complete requests as a stream of events, two each."""
    lines = []
    for number in range(first, first + many // 2):
        said = {
            "id": f"s{number}",
            "at": 0.0,
            "model": "smart",
            "key": f"k{number % 50}",
            "team": "t",
            "dialect": "openai",
        }
        lines.append(("request.started", said))
        lines.append(("request.ended", {**said, "outcome": "completed", "status": 200, "seconds": 1.0, "cost": 3}))
    return "".join(f"id: {n}\nevent: {kind}\ndata: {json.dumps(said)}\n\n" for n, (kind, said) in enumerate(lines))


@pytest.mark.slow
def test_the_console_stays_calm_in_a_flood(fake):
    async def go():
        async with opened(fake, (120, 40), clock=time.time) as (pilot, app):
            table = app.view.table
            loop, queue = fake.followers[0]
            painted, begun, sent = table.painted, time.monotonic(), 0
            for _ in range(40):
                loop.call_soon_threadsafe(queue.put_nowait, burst(sent, EVENTS // 10))
                sent += EVENTS // 20
                await asyncio.sleep(0.1)
            total = app.house.traffic.meter.total
            await until(pilot, lambda: total["ended"] >= sent, 30)
            spent = time.monotonic() - begun
            assert (total["started"], total["ended"]) == (sent, sent)
            assert (table.painted - painted) / spent <= 11
            assert "sampled: 1 row of" in text(app)

    run(go(), 90)


def test_memory_is_flat_however_many_requests_pass():
    house = House()

    def pass_by(first, many):
        for number in range(first, first + many):
            now = 1000.0 + number / 200
            said = {"id": f"s{number}", "at": now, "model": "smart", "key": f"k{number}", "dialect": "openai"}
            house.apply("request.started", said, now)
            house.apply("request.ended", {**said, "outcome": "completed", "status": 200, "seconds": 1.0}, now)
            if number % 50 == 0:
                house.apply("target.down", {"target": "x/y", "at": now}, now)
                house.answered(f"requests/s{number}", {"id": number}, now)

    pass_by(0, 12_000)
    gc.collect()
    tracemalloc.start()
    try:
        pass_by(12_000, 1000)
        gc.collect()
        first = tracemalloc.get_traced_memory()[0]
        pass_by(13_000, 12_000)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - first
    finally:
        tracemalloc.stop()
    assert house.traffic.kept <= ROOM
    assert len(house.incidents) <= 200
    assert sum(name.startswith("requests/") for name in house.answers) <= 50
    assert grown < 2_000_000
