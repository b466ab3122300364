"""What the stores cost, side by side: `python tests/benchmarks/stores.py`, about a minute, prints a table.

A pair is what an exchange does: a claim of two rates, a slot and a budget, and the settlement with its ledger row.
Redis runs as `redis-server` with an append-only file, synced every second, and SQLite on the disk of the temporary
folder. CPU is this process's own (SQLite's includes its threads, that of Redis the client only, the server's is a
column of its own). Ratios within a run count.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tollhouse.store import Demand, Grant, Row, Store
from tollhouse.store.opening import open_store

LEVELS = (1, 16, 64)
FEW, MANY_KEYS, MANY_BUDGETS = 10, 100_000, 10_000


@dataclass(frozen=True, slots=True)
class Measured:
    """One store under one load."""

    pairs: float
    """A second."""
    cpu: float
    """Microseconds a pair, in this process."""
    server: float
    """The same in the store's own process."""


Cost = Callable[[], float]


def demands(key: int, budget: int) -> list[Demand]:
    """What one exchange asks for."""
    return [
        Demand(key=f"rate:{key}:requests", kind="rate", measure="requests", amount=1, limit=10**6, period=60.0),
        Demand(key=f"rate:{key}:tokens", kind="rate", measure="tokens", amount=500, limit=10**9, period=60.0),
        Demand(key=f"slots:{key}", kind="slots", measure="slot", amount=1, limit=10**5),
        Demand(key=f"budget:{budget}", kind="window", measure="nano_usd", amount=900, limit=10**15, until=4e9),
    ]


async def load(
    store: Store, workers: int, seconds: float, keys: int, budgets: int, server: Cost, name: str
) -> Measured:
    """Pairs from so many workers at once, spread over keys and budgets."""
    until = time.perf_counter() + seconds
    done = 0

    async def work(number: int) -> None:
        nonlocal done
        turn = 0
        while time.perf_counter() < until:
            turn += 1
            hold, spread = f"{name}-{number}-{turn}", number * 7919 + turn * 104_729
            outcome = await store.claim(hold, demands(spread % keys, spread % budgets), 60.0)
            assert isinstance(outcome, Grant)
            tokens = {"input": 300, "output": 100}
            row = Row(
                id=hold, at=time.time(), outcome="completed", key=f"k{spread % 10}", model="m", tokens=tokens, cost=700
            )
            assert (await store.settle(hold, {"tokens": 400, "nano_usd": 700}, row=row)).first
            done += 1

    begun, busy, theirs = time.perf_counter(), time.process_time(), server()
    await asyncio.gather(*(work(number) for number in range(workers)))
    took, cost, other = time.perf_counter() - begun, time.process_time() - busy, server() - theirs
    return Measured(done / took, cost / done * 1e6, other / done * 1e6)


async def measure(url: str, workers: int, seconds: float, keys: int, budgets: int, server: Cost) -> Measured:
    """One load on one store, opened for it."""
    store = open_store(url)
    try:
        await load(store, workers, 0.2, keys, budgets, server, "warm")
        return await load(store, workers, seconds, keys, budgets, server, "timed")
    finally:
        await store.close()


@contextlib.contextmanager
def stores() -> Iterator[dict[str, Callable[[], tuple[str, Cost]]]]:
    """The stores that there are: each gives the URL of a fresh state, and what its own process has cost."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        numbers = iter(range(10**6))

        def free() -> float:
            return 0.0

        found: dict[str, Callable[[], tuple[str, Cost]]] = {
            "memory": lambda: ("memory:", free),
            "sqlite": lambda: (f"sqlite:{folder}/{next(numbers)}.db", free),
        }
        try:
            from tollhouse_redis.testing import RedisServer
        except ImportError:
            yield found
            return
        if RedisServer.installed():
            server = stack.enter_context(RedisServer("appendfsync everysec"))

            def spent() -> float:
                lines = dict(line.split(":") for line in server.command("INFO", "cpu").splitlines() if ":" in line)
                return float(lines["used_cpu_user"]) + float(lines["used_cpu_sys"])

            found["redis"] = lambda: (f"{server.url}?prefix=bench-{next(numbers)}", spent)
        yield found


def compare(seconds: float, loop: Callable[[], asyncio.AbstractEventLoop] | None) -> None:
    """Print the table."""
    print("| store | at once | keys / budgets | pairs/s | to SQLite | to memory | CPU us a pair | server CPU us |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    cases = [(workers, FEW, FEW) for workers in LEVELS] + [(LEVELS[-1], MANY_KEYS, MANY_BUDGETS)]
    with stores() as kinds:
        for workers, keys, budgets in cases:
            taken: dict[str, Measured] = {}
            for name, fresh in kinds.items():
                url, server = fresh()
                with asyncio.Runner(loop_factory=loop) as runner:
                    taken[name] = runner.run(measure(url, workers, seconds, keys, budgets, server))
            for name, one in taken.items():
                print(
                    f"| {name} | {workers} | {keys:,} / {budgets:,} | {one.pairs:,.0f}"
                    f" | {one.pairs / taken['sqlite'].pairs:.2f} | {one.pairs / taken['memory'].pairs:.2f}"
                    f" | {one.cpu:.0f} | {f'{one.server:.0f}' if one.server else '–'} |",
                    flush=True,
                )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=2.0, help="a measurement's length")
    given = arguments.parse_args()
    try:
        from uvloop import new_event_loop as loop
    except ImportError:
        loop = None
    print(f"Python {sys.version.split()[0]}, {'uvloop' if loop else 'asyncio'}, {given.seconds:g} s each\n")
    compare(given.seconds, loop)


if __name__ == "__main__":
    main()
