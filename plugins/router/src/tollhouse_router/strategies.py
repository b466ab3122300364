"""The strategies: each puts targets into an order, best first, and says why. None changes anything, and each gives the
same answer to the same exchange while the state is the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tollhouse import Exchange, Rates, Target

from .affinity import affinity
from .hashing import fraction, hashed, mixed, rendezvous
from .settings import Policy
from .standing import Standing
from .state import State

Order = tuple[list[Target], str]
"""Targets, best first, and the reason."""

_NEW = Standing()
"""How a target stands that was never asked."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a strategy decides by."""

    exchange: Exchange
    policy: Policy
    state: State
    decay: float

    def standing(self, target: Target) -> Standing:
        """How a target stands; not to be changed."""
        return self.state.targets.get(target.name, _NEW)

    @property
    def dice(self) -> int:
        """64 bits that are this exchange's own."""
        return hashed(self.exchange.id)


def ordered(asking: Asking, targets: Sequence[Target]) -> Order:
    """As configured."""
    return list(targets), "ordered: as configured"


def weighted(asking: Asking, targets: Sequence[Target]) -> Order:
    """First by chance, in proportion to the weights; the others likewise behind it."""
    order = rendezvous(asking.dice, targets)
    return order, f"weighted: {order[0].name} drawn by its weight {order[0].weight:g}"


def round_robin(asking: Asking, targets: Sequence[Target]) -> Order:
    """The one first that was asked longest ago."""
    order = sorted(targets, key=lambda target: asking.standing(target).turn)
    return order, f"round_robin: it is the turn of {order[0].name}"


def least_busy(asking: Asking, targets: Sequence[Target]) -> Order:
    """The one first with the fewest attempts under way for its weight; among equals by chance."""

    def load(target: Target) -> float:
        return asking.standing(target).in_flight / target.weight if target.weight else math.inf

    order = sorted(rendezvous(asking.dice, targets), key=load)
    return order, f"least_busy: {order[0].name} has {asking.standing(order[0]).in_flight} in flight"


def lowest_latency(asking: Asking, targets: Sequence[Target]) -> Order:
    """The faster of two that are drawn by chance, so that not all go to the one that was fastest; the others behind
    it, fastest first."""
    exchange = asking.exchange
    now, stream, tokens = exchange.now(), exchange.request.stream, exchange.tokens.output
    if exchange.task == "chat":
        costs = [asking.standing(target).latency(stream, tokens, now, asking.decay) for target in targets]
    else:
        costs = [float(asking.standing(target).in_flight) for target in targets]
    one, other = _two(asking.dice, len(targets))
    first = one if costs[one] <= costs[other] else other
    rest = sorted((place for place in range(len(targets)) if place != first), key=costs.__getitem__)
    name, cost = targets[first].name, costs[first]
    slower = targets[other if first == one else one].name
    why = f"expected to take {cost:.3g} s"
    if exchange.task != "chat":
        why = f"has {cost:.0f} in flight"
    elif _unknown(asking, targets[first], stream):
        why = "was not measured yet"
    reason = f"lowest_latency: {name} {why}" + (f", drawn with {slower}" if slower != name else "")
    return [targets[first], *(targets[place] for place in rest)], reason


def cheapest(asking: Asking, targets: Sequence[Target]) -> Order:
    """The lowest price first for the tokens this request is estimated at; those nobody prices last."""
    exchange = asking.exchange
    tokens = exchange.tokens
    costs = {target: price(exchange.edition.rates(target), tokens.input, tokens.output) for target in targets}
    order = sorted(targets, key=costs.__getitem__)
    cost = costs[order[0]]
    why = f"about {cost:.6f} USD" if cost < math.inf else "nobody prices any"
    return order, f"cheapest: {order[0].name}, {why}"


def quota_aware(asking: Asking, targets: Sequence[Target]) -> Order:
    """The one first with the largest share left of its upstream's limits; those without enough for this request
    last."""
    total, now = asking.exchange.tokens.total, asking.exchange.now()
    left = {target: asking.standing(target).left(total, now) for target in targets}
    order = sorted(targets, key=lambda target: -left[target])
    return order, f"quota_aware: {order[0].name} has {left[order[0]]:.0%} left"


def sticky(asking: Asking, targets: Sequence[Target]) -> Order:
    """The same target for what belongs together, in proportion to the weights; as configured for a request that
    belongs to nothing."""
    by, word = affinity(asking.exchange, asking.policy, "sticky")
    if not by:
        return list(targets), "sticky: nothing to go by, as configured"
    order = rendezvous(hashed(f"{by}\0{word}"), targets)
    return order, f"sticky: {order[0].name} by {by}"


def canary(asking: Asking, targets: Sequence[Target]) -> Order:
    """The canary first for its share of callers, and not at all for the others."""
    exchange, policy = asking.exchange, asking.policy
    provider, _, model = policy.to.partition("/")
    bird = Target(provider, model)
    others = [target for target in targets if target.name != bird.name]
    if provider not in exchange.edition.providers or not model:  # said by a key that was made at run time
        return others, f"canary: there is no {bird.name}"
    by, word = affinity(exchange, policy, "canary")
    draw = fraction(hashed(f"canary\0{exchange.model}\0{bird.name}\0{by}\0{word or exchange.id}"))
    chosen = draw * 100 < policy.percent
    said = f"{policy.percent:g} % by {by or 'chance'}"
    if chosen or not others:
        return [bird, *others], f"canary: {bird.name}, {said}"
    return others, f"canary: not {bird.name}, {said}"


Strategist = Callable[[Asking, Sequence[Target]], Order]

STRATEGIES: dict[str, Strategist] = {
    one.__name__: one
    for one in (
        ordered,
        weighted,
        round_robin,
        least_busy,
        lowest_latency,
        cheapest,
        quota_aware,
        sticky,
        canary,
    )
}
"""Every strategy by its name."""


def price(rates: Rates | None, given: int, taken: int) -> float:
    """USD for so many input and output tokens, good enough to compare; infinite when nobody prices it."""
    if rates is None:
        return math.inf
    card = rates.card(given)
    return (float(card["input"]) * given + float(card["output"]) * taken) / 1e6 + float(rates.request_usd)


def _two(dice: int, count: int) -> tuple[int, int]:
    """Two different places of so many; the same one twice when there is one only."""
    one = int(fraction(dice) * count)
    if count == 1:
        return one, one
    other = int(fraction(mixed(dice, 1)) * (count - 1))
    return one, other + (other >= one)


def _unknown(asking: Asking, target: Target, stream: bool) -> bool:
    standing = asking.standing(target)
    return (standing.first if stream else standing.whole).value is None
