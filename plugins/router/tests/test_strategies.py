"""Every strategy puts its targets into the order it promises, and changes nothing by it."""

import math
from collections import Counter
from decimal import Decimal

import pytest
from routing_kit import Priced, Ticking, asked, body, config, ended, first, house, names, router, sent
from tollhouse import ProviderError
from tollhouse.rates import Rates, Tier
from tollhouse.testing import run
from tollhouse_router.strategies import STRATEGIES

WEIGHTED = """
m = {{ targets = [
  {{ target = "a/x", weight = 5 }}, {{ target = "b/x", weight = 3 }}, {{ target = "c/x", weight = 2 }},
  {{ target = "a/off", weight = 0 }},
], router = "{}" }}
"""


def by(strategy):
    return config('m = ["a/x", "b/x", "c/x"]', f'[router]\nstrategy = "{strategy}"')


def story(text, tell, *plugins):
    """Runs `tell(house, clock)` on a gateway whose clock stands still."""
    clock = Ticking()

    async def whole():
        async with house(text, *plugins, clock=clock) as made:
            return await tell(made, clock)

    return run(whole())


def rates(given, taken, **more):
    return Rates({"input": Decimal(given), "output": Decimal(taken)}, source="test", **more)


def within(count, total, share, sigmas=4.5):
    return abs(count - total * share) <= sigmas * math.sqrt(total * share * (1 - share))


def test_without_a_word_the_configured_order_holds_and_nothing_is_noted():
    async def tell(made, clock):
        assert await router(made).route(asked(made)) is None
        assert await names(made) == ["a/x", "b/x", "c/x"]

    story(config(), tell)


def test_weights_are_shares():
    async def tell(made, clock):
        total = 6000
        orders = [tuple(await names(made, id=f"req_{n}")) for n in range(total)]
        counts = Counter(order[0] for order in orders)
        assert within(counts["a/x"], total, 0.5)
        assert within(counts["b/x"], total, 0.3)
        assert within(counts["c/x"], total, 0.2)
        assert all(order[3] == "a/off" for order in orders)
        # Behind the first the others are drawn by their weights too.
        after = Counter(order[1] for order in orders if order[0] == "a/x")
        assert within(after["b/x"], after.total(), 0.6)

    story(config(WEIGHTED.format("weighted")), tell)


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "canary"])
def test_asking_again_gives_the_same_answer_and_changes_nothing(strategy):
    async def tell(made, clock):
        one, try_ = await sent(made, "b/x")
        ended(made, one, try_, output=3)
        await sent(made, "c/x")
        again = asked(made, id="req_7")
        before = {name: (s.turn, s.in_flight, s.whole.value) for name, s in router(made)._state.targets.items()}
        plans = [await router(made).route(again) for _ in range(20)]
        assert len({None if plan is None else (tuple(plan.targets), tuple(plan.reasons)) for plan in plans}) == 1
        after = {name: (s.turn, s.in_flight, s.whole.value) for name, s in router(made)._state.targets.items()}
        assert after == before

    story(by(strategy), tell)


def test_turns_go_round_and_count_when_an_attempt_leaves():
    async def tell(made, clock):
        order = []
        for _ in range(9):
            target = await first(made)
            assert await first(made) == target  # only asking is no turn
            await sent(made, target)
            order.append(target)
        assert order == ["a/x", "b/x", "c/x"] * 3
        # A target that was asked out of turn goes to the end of the queue.
        await sent(made, "b/x")
        assert await names(made) == ["a/x", "c/x", "b/x"]

    story(by("round_robin"), tell)


def test_the_least_busy_target_is_first():
    async def tell(made, clock):
        one, try_ = await sent(made, "a/x")
        await sent(made, "a/x")
        await sent(made, "b/x")
        assert await names(made) == ["c/x", "b/x", "a/x"]
        await sent(made, "c/x")
        await sent(made, "c/x")
        await sent(made, "c/x")
        assert await names(made) == ["b/x", "a/x", "c/x"]
        ended(made, one, try_)
        firsts = Counter([await first(made, id=f"req_{n}") for n in range(2000)])
        assert set(firsts) == {"a/x", "b/x"}
        assert within(firsts["a/x"], 2000, 0.5)

    story(by("least_busy"), tell)


def test_load_is_by_weight():
    async def tell(made, clock):
        for target, count in (("a/x", 4), ("b/x", 3), ("c/x", 2)):
            for _ in range(count):
                await sent(made, target)
        # 4/5, 3/3, 2/2: the heaviest carries most.
        assert await first(made) == "a/x"
        await sent(made, "a/x")
        await sent(made, "a/x")
        assert await first(made) in ("b/x", "c/x")
        assert (await names(made))[3] == "a/off"

    story(config(WEIGHTED.format("least_busy")), tell)


def test_an_attempt_that_was_skipped_is_no_longer_in_flight():
    async def tell(made, clock):
        one, _ = await sent(made, "a/x")
        one.attempts.clear()  # somebody raised Skip behind the router: it never counted
        await sent(made, "b/x", one)
        standing = router(made)._state.targets
        assert (standing["a/x"].in_flight, standing["b/x"].in_flight) == (0, 1)
        one.attempts.clear()
        await router(made).settle(one)
        assert standing["b/x"].in_flight == 0

    story(by("least_busy"), tell)


def test_the_lower_price_for_this_request_is_first_and_unpriced_ones_are_last():
    async def tell(made, clock):
        assert await names(made, body("x" * 40_000, max_tokens=10)) == ["c/x", "b/x", "a/x"]
        assert await names(made, body("x", max_tokens=10_000)) == ["b/x", "c/x", "a/x"]

    prices = Priced(b=rates(3, 4), c=rates(1, 40))
    story(by("cheapest"), tell, prices)


def test_equal_prices_keep_the_configured_order():
    async def tell(made, clock):
        assert await names(made) == ["a/x", "b/x", "c/x"]

    story(by("cheapest"), tell, Priced(a=rates(1, 2), b=rates(1, 2), c=rates(1, 2)))
    story(by("cheapest"), tell)


def test_a_long_request_is_priced_by_the_tier_it_reaches():
    async def tell(made, clock):
        assert await first(made, raw=body("x" * 1000, max_tokens=1)) == "a/x"
        assert await first(made, raw=body("x " * 50_000, max_tokens=1)) == "b/x"

    tier = Tier(10_000, {"input": Decimal(9), "output": Decimal(9)})
    story(by("cheapest"), tell, Priced(a=rates(1, 1, tiers=(tier,)), b=rates(2, 2), c=rates(3, 3)))


def test_a_fee_for_each_request_counts():
    async def tell(made, clock):
        assert (await names(made))[:2] == ["b/x", "a/x"]

    story(by("cheapest"), tell, Priced(a=rates(1, 1, request_usd=Decimal("0.1")), b=rates(2, 2)))


def test_the_most_quota_left_is_first_until_it_resets():
    async def tell(made, clock):
        for target, left in (("a/x", "10"), ("b/x", "90"), ("c/x", "50")):
            one, try_ = await sent(made, target)
            headers = {
                "x-ratelimit-limit-requests": "100",
                "x-ratelimit-remaining-requests": left,
                "x-ratelimit-reset-requests": "30s",
            }
            ended(made, one, try_, headers=headers)
        assert await names(made) == ["b/x", "c/x", "a/x"]
        clock.at += 30
        assert await names(made) == ["a/x", "b/x", "c/x"]

    story(by("quota_aware"), tell)


def test_a_target_without_tokens_for_this_request_is_last():
    async def tell(made, clock):
        one, try_ = await sent(made, "a/x")
        headers = {"x-ratelimit-limit-tokens": "5000", "x-ratelimit-remaining-tokens": "4000"}
        ended(made, one, try_, headers=headers)
        one, try_ = await sent(made, "b/x")
        ended(made, one, try_, headers={**headers, "x-ratelimit-remaining-tokens": "1000"})
        assert await names(made, body(max_tokens=500)) == ["c/x", "a/x", "b/x"]
        one, try_ = await sent(made, "c/x")
        ended(
            made,
            one,
            try_,
            headers={**headers, "x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "999"},
        )
        assert await names(made, body(max_tokens=2000)) == ["a/x", "b/x", "c/x"]

    story(by("quota_aware"), tell)


def test_a_429_leaves_nothing_until_its_retry_after():
    async def tell(made, clock):
        one, try_ = await sent(made, "a/x")
        ended(
            made, one, try_, "failed", error=ProviderError("slow down", kind="rate_limit", status=429, retry_after=20)
        )
        assert await names(made) == ["b/x", "c/x", "a/x"]
        clock.at += 21
        assert await names(made) == ["a/x", "b/x", "c/x"]

    story(by("quota_aware"), tell)


async def measured(made, clock, target, seconds, *, stream=False, each=0.0, output=11):
    raw = body(stream=True) if stream else None
    one, try_ = await sent(made, target, asked(made, raw))
    clock.at += seconds
    content = clock.at
    clock.at += each * (output - 1)
    ended(made, one, try_, content=content, output=output)


def test_the_faster_of_two_is_first():
    async def tell(made, clock):
        await measured(made, clock, "a/x", 0.9)
        await measured(made, clock, "b/x", 0.3)
        await measured(made, clock, "c/x", 0.5)
        orders = Counter([tuple(await names(made, id=f"req_{n}")) for n in range(3000)])
        # Of the three pairs two have b, one is a and c; a is never first, and the others stand by speed.
        assert set(orders) == {("b/x", "c/x", "a/x"), ("c/x", "b/x", "a/x")}
        assert within(orders["b/x", "c/x", "a/x"], 3000, 2 / 3)

    story(by("lowest_latency"), tell)


def test_streams_are_judged_by_first_token_and_pace_and_other_answers_by_their_whole_time():
    models = 'm = { targets = ["a/x", "b/x"], router = "lowest_latency" }'

    async def tell(made, clock):
        await measured(made, clock, "a/x", 0.1, stream=True, each=0.1)
        await measured(made, clock, "b/x", 0.5, stream=True, each=0.01)
        clock.at += 0.0
        assert await first(made, raw=body(stream=True, max_tokens=2)) == "a/x"
        assert await first(made, raw=body(stream=True, max_tokens=100)) == "b/x"
        # Of whole answers nothing is known yet.
        await measured(made, clock, "a/x", 2.0)
        assert await first(made) == "b/x"

    story(config(models), tell)


def test_a_new_target_is_tried_by_one_request_at_a_time():
    models = 'm = { targets = ["a/x", "b/x"], router = "lowest_latency" }'

    async def tell(made, clock):
        await measured(made, clock, "a/x", 0.2)
        assert await first(made) == "b/x"
        await sent(made, "b/x")
        assert await first(made) == "a/x"

    story(config(models), tell)


def test_a_peak_counts_at_once_and_is_forgotten_while_nothing_is_measured():
    models = 'm = { targets = ["a/x", "b/x"], router = "lowest_latency" }'

    async def tell(made, clock):
        await measured(made, clock, "b/x", 0.5)
        for _ in range(5):
            await measured(made, clock, "a/x", 0.1)
        assert await first(made) == "a/x"
        await measured(made, clock, "a/x", 4.0)
        assert await first(made) == "b/x"
        standing = router(made)._state.targets["a/x"]
        assert standing.whole.now(clock.at, 10.0) == pytest.approx(4.0)
        assert standing.whole.now(clock.at + 10.0, 10.0) == pytest.approx(4.0 / math.e)
        clock.at += 10.0
        for _ in range(3):
            await measured(made, clock, "b/x", 1.6)
        assert await first(made) == "a/x"

    story(config(models), tell)


def test_load_makes_a_fast_target_slower():
    models = 'm = { targets = ["a/x", "b/x"], router = "lowest_latency" }'

    async def tell(made, clock):
        await measured(made, clock, "a/x", 0.2)
        await measured(made, clock, "b/x", 0.5)
        assert await first(made) == "a/x"
        await sent(made, "a/x")
        await sent(made, "a/x")
        assert await first(made) == "b/x"

    story(config(models), tell)


@pytest.mark.parametrize(("kind", "there"), [("server", "b/x"), ("connect", "b/x"), ("invalid", "a/x")])
def test_a_failure_is_slow_unless_it_is_the_requests_own(kind, there):
    models = 'm = { targets = ["a/x", "b/x"], router = "lowest_latency" }'

    async def tell(made, clock):
        await measured(made, clock, "a/x", 0.2)
        await measured(made, clock, "b/x", 0.5)
        one, try_ = await sent(made, "a/x")
        ended(made, one, try_, "failed", error=ProviderError("no", kind=kind, status=500))
        assert await first(made) == there

    story(config(models), tell)


def test_a_caller_who_gave_up_waiting_shows_that_a_target_is_slow():
    models = 'm = { targets = ["a/x", "b/x"], router = "lowest_latency" }'

    async def tell(made, clock):
        await measured(made, clock, "a/x", 0.2)
        await measured(made, clock, "b/x", 0.5)
        one, try_ = await sent(made, "a/x")
        clock.at += 0.1
        before = router(made)._state.targets["a/x"].whole.value
        ended(made, one, try_, "lost")  # too soon to say anything
        assert router(made)._state.targets["a/x"].whole.value == before
        assert await first(made) == "a/x"
        one, try_ = await sent(made, "a/x")
        clock.at += 3.0
        ended(made, one, try_, "lost")
        assert await first(made) == "b/x"

    story(config(models), tell)


def test_embeddings_go_to_the_less_busy_of_two():
    models = 'm = { targets = ["a/x", "b/x"], router = "lowest_latency" }'

    async def tell(made, clock):
        one = asked(made)
        one.task = "embed"
        await sent(made, "a/x")
        plan = await router(made).route(one)
        assert [target.name for target in plan.targets] == ["b/x", "a/x"]
        assert list(plan.reasons) == ["lowest_latency: b/x has 0 in flight, drawn with a/x"]

    story(config(models), tell)
