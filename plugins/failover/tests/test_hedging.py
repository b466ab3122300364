"""Hedges: when a second target races, how often, and what the loser costs."""

import asyncio

from outage import config, fails, slow, well
from tollhouse import ProviderError, Usage
from tollhouse.events import RequestEnded

USED = Usage(input=7, output=3)
TEXT = config("[defaults]\nfailover.hedge = true\n")


async def warm(house, count=100):
    """Answers of a second each, so that 95 of 100 are known to come within one."""
    house.world.does["a"] = slow(1.0)
    for _ in range(count // 10):
        await house.many(10, "one", stream=True)
    house.world.asked.clear()


def test_a_second_target_races_once_the_first_is_slower_than_it_nearly_ever_is(tell, words):
    async def story(house):
        await warm(house)
        house.world.does["a"] = slow(60.0)
        begun = house.gateway.clock.monotonic()
        answer = await house.chat("two", stream=True)
        ended = house.events(RequestEnded)[-1]
        return words(answer.body), [at - begun for at, _ in house.world.asked], house.attempts()[-2:], ended

    said, (first, second), attempts, ended = tell(TEXT, {}, story)
    assert said == "Hello there"
    assert first < 0.001
    assert 0.99 < second < 1.1
    assert attempts == [("a/x", "lost", ""), ("b/x", "won", "")]
    assert ended.labels == {"failover": "hedge won"}
    assert ended.tokens["input"] > 7, "the loser is charged its estimated input beside the winner's usage"


def test_hedges_stay_within_their_budget(tell):
    async def story(house):
        await warm(house)
        house.world.does["a"] = slow(10.0)
        await house.many(100, "two", stream=True)
        return house.world.count("a/x"), house.world.count("b/x")

    asked, hedges = tell(TEXT, {}, story)
    assert asked == 100
    assert 1 <= hedges <= 10, "of the 200 requests of this minute"


def test_nothing_races_where_nobody_asked_for_it_or_too_little_is_known(tell):
    async def off(house):
        await warm(house)
        house.world.does["a"] = slow(10.0)
        await house.chat("two", stream=True)
        return house.world.order

    async def early(house):
        house.world.does["a"] = slow(10.0)
        await house.many(15, "two", stream=True)
        return house.world.order

    assert tell(config(), {}, off) == ["a/x"]
    assert set(tell(TEXT, {}, early)) == {"a/x"}


def test_a_target_that_rests_does_not_race(tell):
    async def story(house):
        await warm(house)
        house.world.does["b"] = fails(503)
        for _ in range(5):
            house.world.does["a"] = fails(500)
            await house.chat("two")
        house.world.does["a"] = slow(10.0)
        house.world.asked.clear()
        await asyncio.sleep(0)
        await house.chat("two", stream=True)
        return house.changes(), house.world.count("b/x")

    changes, raced = tell(TEXT, {}, story)
    assert ("down", "b/x") in changes
    assert raced == 0


def test_a_race_in_which_both_fail_goes_on_to_a_third(tell, words):
    text = config("""
[models.three]
targets = ["a/x", "b/x", "c/x"]
failover.hedge = true
""")

    async def story(house):
        await warm(house)
        house.world.does |= {"a": slow(5.0, fails(500)), "b": slow(5.0, fails(503)), "c": well}
        answer = await house.chat("three", stream=True)
        return words(answer.body), house.world.order, house.events(RequestEnded)[-1].labels

    said, order, labels = tell(text, {}, story)
    assert said == "Hello there"
    assert order == ["a/x", "b/x", "c/x"]
    assert labels == {"failover": "recovered"}


def test_a_stream_that_won_its_race_and_breaks_off_is_not_continued_where_it_broke(tell, words):
    text = config("[failover]\ncontinue_streams = true\nhedge = true\n")

    async def story(house):
        await warm(house)
        house.world.does |= {"a": slow(2.0), "b": [slow(60.0), well]}
        pieces = [["Once ", None], ["again.", USED]]

        async def generate(self, request):
            for piece in pieces.pop(0):
                if piece is None:
                    raise ProviderError("gone", kind="cut")
                yield piece

        house.world.plugin.generate = generate
        answer = await house.chat("two", stream=True)
        return words(answer.body), house.world.order

    assert tell(text, {}, story) == ("Once again.", ["a/x", "b/x", "b/x"])
