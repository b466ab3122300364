"""Checks of targets that rest, where somebody pays for them."""

import asyncio

from outage import config, fails, well
from tollhouse.events import RequestEnded

TEXT = config('[failover.health_check]\nevery = "10s"')


def test_a_target_comes_back_without_a_caller_having_to_try_it(tell):
    async def story(house):
        await house.many(5, "two", every=0.01)
        house.world.does["a"] = well
        house.world.asked.clear()
        await asyncio.sleep(25)
        checked = house.world.order[:]
        await house.chat("two")
        return checked, house.world.order[-1], house.changes(), house.events(RequestEnded)[-2]

    checked, then, changes, ended = tell(TEXT, {"a": fails(503)}, story)
    assert checked == ["a/x"], "once: it does not rest any more"
    assert then == "a/x"
    assert changes == [("down", "a/x"), ("up", "a/x")]
    assert (ended.key, ended.origin, ended.target, ended.outcome) == (
        "failover",
        "submit:failover",
        "a/x",
        "completed",
    )


def test_a_target_that_still_fails_is_asked_once_a_check_and_nobody_else_instead(tell):
    async def story(house):
        await house.many(5, "two", every=0.01)
        house.world.asked.clear()
        await asyncio.sleep(100)
        return house.world.asked, house.changes()

    asked, changes = tell(TEXT, {"a": fails(503)}, story)
    assert {name for _, name in asked} == {"a/x"}
    assert 8 <= len(asked) <= 10
    assert changes == [("down", "a/x")]


def test_fallbacks_that_are_no_models_targets_are_checked_too(tell):
    text = TEXT + '\n[defaults]\nfailover.fallbacks = ["c/fallen"]'

    async def story(house):
        await house.many(6, "one", every=0.01)
        house.world.does["c"] = well
        house.world.asked.clear()
        await asyncio.sleep(25)
        return set(house.world.order), house.changes()[-1]

    asked, last = tell(text, {"a": fails(503), "c": fails(503)}, story)
    assert asked == {"a/x", "c/fallen"}
    assert last == ("up", "c/fallen")


def test_a_check_goes_to_its_target_even_where_failover_is_off(tell):
    text = TEXT + '\n[keys.failover]\nsecret = "sk-fake-nobody"\nfailover = "off"'

    async def story(house):
        await house.many(5, "two", every=0.01)
        house.world.asked.clear()
        await asyncio.sleep(25)
        return set(house.world.order)

    assert tell(text, {"a": well, "b": fails(503)}, story) == set()
    assert tell(text.replace('two = ["a/x", "b/x"]', 'two = ["b/x", "a/x"]'), {"b": fails(503)}, story) == {"b/x"}


def test_healthy_targets_are_never_checked_and_without_the_setting_none_is(tell):
    async def story(house):
        await house.many(5, "two", every=0.01)
        house.world.asked.clear()
        await asyncio.sleep(300)
        return house.world.asked

    assert tell(TEXT, {}, story) == []
    assert tell(config(), {"a": fails(503)}, story) == []
