"""What a routing decision costs: `python tests/benchmarks/routing.py`, half a minute, prints a table.

A decision is one call of the plugin's `route` for a chat of about 1 KB, with measurements, prices, quota and attempts
in flight known of every target. A rule that always fits names the strategy, but for `canary`, which no rule may name.
The ratios are to `ordered`, where that rule names the configured order, within one round; medians over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from decimal import Decimal
from typing import Any

from tollhouse import Exchange, Rates, SimpleProvider, Target, hookimpl
from tollhouse.testing import exchange, gateway
from tollhouse_router import Router
from tollhouse_router.quota import Quota
from tollhouse_router.strategies import STRATEGIES

TEXT = "All that is said here was said before, and will be said again. " * 15


class Stub(SimpleProvider):
    """A kind of provider that is never asked."""

    name = "stub"


class Prices:
    """A price for every target."""

    name = "prices_of_all"

    @hookimpl
    def price(self, target: Target) -> Rates:
        """By the number in its name."""
        usd = Decimal(int(target.model[1:]) % 17 + 1)
        return Rates({"input": usd, "output": usd * 4}, source="benchmark")


def config(count: int) -> str:
    """A model of so many targets for each strategy."""
    targets = ", ".join(f'{{ target = "p/m{n}", weight = {n % 9 + 1} }}' for n in range(count))
    lines = ['plugins = ["openai", "router"]', "[providers.p]", 'kind = "stub"', "[models]"]
    for strategy in STRATEGIES:
        level = f'by = ["conversation"], rules = [{{ when = {{}}, then = {{ strategy = "{strategy}" }} }}]'
        if strategy == "canary":
            level = 'by = ["conversation"], strategy = "canary", to = "p/m0", percent = 5'
        lines.append(f"{strategy} = {{ targets = [{targets}], router = {{ {level} }} }}")
    return "\n".join(lines)


def known(router: Router, one: Exchange, count: int) -> None:
    """Something known of every target."""
    state, now = router._state, one.now()
    for n in range(count):
        standing = state.standing(f"p/m{n}")
        standing.turn, standing.in_flight = (n * 37) % count + 1, n % 5
        standing.first.add(0.2 + n % 7 / 10, now, 10.0)
        standing.each.add(0.01 + n % 5 / 100, now, 10.0)
        standing.whole.add(1.0 + n % 3, now, 10.0)
        standing.quota = {what: Quota(n % 90 + 10, 100, now + 600) for what in ("requests", "tokens")}


def asked(made: Any, strategy: str) -> Exchange:
    """A fresh exchange, not decoded yet."""
    raw = json.dumps({"model": strategy, "stream": True, "messages": [{"role": "user", "content": TEXT}]}).encode()
    one = exchange(made, raw=raw)
    one.plan = made.edition.plan(strategy, one.principal)
    one.tokens.input  # noqa: B018  (limits have asked for it by then)
    return one


async def measure(count: int, calls: int, rounds: int) -> dict[str, list[float]]:
    """Seconds a decision, by strategy, of each round."""
    spent: dict[str, list[float]] = {strategy: [] for strategy in STRATEGIES}
    async with gateway(config(count), Stub, Prices()) as made:
        router = next(one.plugin for one in made.edition.plugged if isinstance(one.plugin, Router))
        known(router, asked(made, "ordered"), count)
        for number in range(rounds + 1):
            for strategy in STRATEGIES:
                many = [asked(made, strategy) for _ in range(calls)]
                began = time.process_time()
                for one in many:
                    await router.route(one)
                if number:  # the first round warms up
                    spent[strategy].append((time.process_time() - began) / calls)
    return spent


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a routing decision costs.")
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    print(f"| strategy | x ordered, {given.targets} targets | us | x ordered, 3 targets | us |")
    print("| --- | --- | --- | --- | --- |")
    tables = [asyncio.run(measure(count, given.calls, given.rounds)) for count in (given.targets, 3)]
    for strategy in STRATEGIES:
        cells = []
        for spent in tables:
            ratio = statistics.median(a / b for a, b in zip(spent[strategy], spent["ordered"], strict=True))
            cells += [f"{ratio:.1f}", f"{statistics.median(spent[strategy]) * 1e6:.0f}"]
        print(f"| {strategy} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
