"""What a call to Redis costs the gateway: the Redis store's own connection over hiredis, beside redis-py with hiredis.

    python tests/benchmarks/redis_clients.py [--seconds 2] [--rounds 3]

Both run one cached script that returns at once, from so many loops at once: `Link` sends every call over one
connection, redis-py takes one of its pool. Needs redis-server, and `pip install redis`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Awaitable, Callable

import redis.asyncio
from tollhouse_redis.address import parse_url
from tollhouse_redis.dialer import Dialer
from tollhouse_redis.testing import redis_server

SCRIPT = "return {1}"
Call = Callable[[], Awaitable[object]]


async def cost(call: Call, at_once: int, seconds: float) -> tuple[float, float]:
    """Calls a second, and microseconds of this process' CPU a call."""
    done = 0
    until = time.monotonic() + seconds

    async def loop() -> None:
        nonlocal done
        while time.monotonic() < until:
            await call()
            done += 1

    began, cpu = time.monotonic(), sum(os.times()[:2])
    await asyncio.gather(*(loop() for _ in range(at_once)))
    return done / (time.monotonic() - began), (sum(os.times()[:2]) - cpu) / done * 1e6


async def measure(url: str, at_once: int, seconds: float, rounds: int) -> dict[str, tuple[float, float]]:
    """Both clients in turn, the median of the rounds."""
    link = await Dialer(parse_url(url)).dial()
    sha = await link.request("SCRIPT", "LOAD", SCRIPT)
    client = redis.asyncio.Redis.from_url(url)
    calls: dict[str, Call] = {
        "own": lambda: link.request("EVALSHA", sha, 0),
        "redis-py": lambda: client.evalsha(sha, 0),
    }
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            seen[name].append(await cost(call, at_once, seconds))
    link.drop("done")
    await client.aclose()
    return {
        name: (statistics.median(r for r, _ in all_), statistics.median(c for _, c in all_))
        for name, all_ in seen.items()
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print("| at once | calls/s, own | calls/s, redis-py | CPU us a call, own | redis-py | ratio |")
    print("|---:|---:|---:|---:|---:|---:|")
    with redis_server() as url:
        for at_once in (1, 16, 64):
            seen = asyncio.run(measure(url, at_once, args.seconds, args.rounds))
            (own, own_cpu), (theirs, their_cpu) = seen["own"], seen["redis-py"]
            rates = f"{own:,.0f} | {theirs:,.0f}"
            print(f"| {at_once} | {rates} | {own_cpu:.0f} | {their_cpu:.0f} | {their_cpu / own_cpu:.1f} |")


if __name__ == "__main__":
    main()
