"""Thresholds and exhaustion are told once a period, by all processes together."""

import asyncio

from till import CONFIG, IN, OUT, Clock, house, tell
from tollhouse.config import parse
from tollhouse.store.memory import MemoryStore
from tollhouse.testing import run
from tollhouse_budget import BudgetExhausted, BudgetThreshold

COST = 3 * IN + 5 * OUT
TEN = "0.00053 USD/day"
"""What ten calls cost."""


def told(house):
    return [(event.budget, event.percent) for event in house.events(BudgetThreshold, BudgetExhausted)]


def test_each_threshold_is_told_once_a_period():
    async def story(house):
        for _ in range(12):
            await house.chat()
        first = told(house)
        house.clock.now += 86400
        for _ in range(12):
            await house.chat()
        return first, told(house)[len(first) :], house.events(BudgetThreshold)[0], house.clock.now

    first, second, event, now = tell(story, f'[budget]\ntotal = "{TEN}"\nthresholds = [20, 50, 100]\n')
    assert first[:2] == second[:2] == [("the gateway", 20), ("the gateway", 50)]
    assert len(first) == len(second) == 3
    assert first[2][1] >= 80
    assert (event.limit, event.period, event.scope) == (530_000, "day", {})
    assert event.spent >= 106_000
    assert event.resets_at == now - now % 86400


def test_exhaustion_is_told_when_a_usual_call_is_refused_and_not_when_a_huge_one_is():
    """A usual call is one that asks for the assumed output."""

    async def story(house):
        await house.chat()
        huge = await house.chat(max_tokens=1000)
        early = told(house)
        usual = [(await house.chat(max_tokens=20)).status for _ in range(12)]
        return huge.status, early, usual, told(house)

    more = '[budget]\ntotal = "0.0006 USD/day"\nthresholds = [100]\nassume_output = 20\n'
    huge, early, usual, late = tell(story, more)
    assert (huge, early) == (429, [])
    assert usual == [200] * usual.count(200) + [429] * usual.count(429)
    assert 5 <= usual.count(200) <= 8
    assert [name for name, _ in late] == ["the gateway"]
    assert late[0][1] >= 60


def test_what_two_processes_share_is_told_by_one():
    clock = Clock()
    shared = MemoryStore(clock.time)

    class Shared(MemoryStore):
        """The same state, through another gateway."""

        async def close(self):
            """It stays open for the other."""

    shared.__class__ = Shared

    async def story():
        more = f'[budget]\ntotal = "{TEN}"\n'
        async with house(more, clock=clock, store=shared) as one, house(more, clock=clock, store=shared) as two:
            for _ in range(12):
                await asyncio.gather(one.chat(), two.chat())
            await asyncio.sleep(0)
            return told(one) + told(two)

    percents = [percent for _, percent in run(story())]
    assert len(percents) == len(set(percents))
    assert {50, 80} < set(percents)


def test_a_reload_tells_nothing_twice():
    more = f'[store]\nurl = "memory:"\n[budget]\ntotal = "{TEN}"\nthresholds = [50]\n'

    async def story(house):
        for _ in range(3):
            await house.chat()
        await house.gateway.reload(parse(CONFIG.format(more=more), {}, path=house.gateway.edition.loaded.path))
        for _ in range(4):
            await house.chat()
        return told(house)

    assert tell(story, more) == [("the gateway", 50)]


def test_a_rule_may_have_alerts_of_its_own_and_a_shadow_tells_that_it_let_calls_pass():
    rule = f'{{ limit = "{TEN}", shadow = true, alerts = [30, 100], name = "watch" }}'
    more = f"[budget]\nthresholds = [50]\nrules = [{rule}]\n"

    async def story(house):
        statuses = {(await house.chat()).status for _ in range(15)}
        return statuses, house.events(BudgetThreshold, BudgetExhausted)

    statuses, events = tell(story, more)
    assert statuses == {200}
    assert [(event.budget, event.percent >= 100) for event in events] == [("watch", False), ("watch", True)]
    assert all(event.shadow for event in events)


def test_who_is_under_way_counts_for_a_threshold():
    """A threshold speaks of what is spent or held; that it was only held shows in what the budget says later."""

    async def story(house):
        await house.chat("3 5", max_tokens=40)
        return told(house), await house.used()

    events, used = tell(story, f'[budget]\ntotal = "{TEN}"\nthresholds = [50]\n')
    assert events == [("the gateway", 50)]
    assert used["the gateway", "day"] == COST


def test_a_budget_of_nothing_is_exhausted_at_the_first_call():
    async def story(house):
        return (await house.chat()).status, [(e.percent, e.limit) for e in house.events(BudgetExhausted)]

    assert tell(story, '[budget]\ntotal = "0 USD/day"\n') == (429, [(100, 0)])
