"""What is refused at start-up, and what operators read and do."""

import re

import pytest
from outage import config, fails, well
from tollhouse import ConfigError
from tollhouse.config import ConfigErrors
from tollhouse.testing import gateway, run


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ('[failover]\nfallbacks = ["othr"]', "failover.fallbacks[0]"),
        ('[defaults]\nfailover = { context_window = ["one", "nobody/x"] }', "defaults.failover.context_window[1]"),
        ("[failover]\nretry_budget = 2", "failover.retry_budget"),
        ("[failover.breaker]\nfailure = 3", "failover.breaker.failure"),
        ('[defaults]\nfailover = "of"', "defaults.failover"),
    ],
)
def test_a_wrong_setting_is_found_at_start_up_with_its_path(tell, more, path):
    async def story(house):
        return None

    with pytest.raises((ConfigError, ConfigErrors), match=re.escape(path)):
        tell(config(more), {}, story)


def test_names_that_there_are_pass():
    async def starts():
        text = 'plugins = ["openai", "failover"]\nproviders.simulator = {}\n[models]\nm = ["simulator/echo"]\n'
        async with gateway(text + '[failover]\nfallbacks = ["m", "simulator/lorem"]\nbreaker = "off"'):
            return True

    assert run(starts())


def test_viewers_read_where_every_target_stands(tell):
    async def story(house):
        await house.many(5, "two", every=0.01)
        said = await house.ask("/admin/v1/breakers", who="viewer")
        return said.status, said.json()["breakers"], house.gateway.clock.time()

    status, (a, b), now = tell(config(), {"a": fails(503)}, story)
    assert status == 200
    assert 4 < a.pop("until") - now < 6
    assert a == {
        "target": "a/x",
        "state": "open",
        "why": "overloaded (503)",
        "streak": 5,
        "answered": 0,
        "failed": 5,
    }
    assert b == {
        "target": "b/x",
        "state": "closed",
        "why": "",
        "until": None,
        "streak": 0,
        "answered": 5,
        "failed": 0,
    }


def test_operators_say_that_a_target_is_well(tell):
    async def story(house):
        await house.many(5, "two", every=0.01)
        house.world.does["a"] = well
        path = "/admin/v1/breakers/a/x/reset"
        refused = await house.ask(path, "POST", who="viewer")
        done = await house.ask(path, "POST")
        unknown = await house.ask("/admin/v1/breakers/a/some/thing/reset", "POST")
        house.world.asked.clear()
        await house.chat("two")
        return refused.status, done.json()["state"], unknown.status, house.world.order, house.changes()

    refused, state, unknown, order, changes = tell(config(), {"a": fails(503)}, story)
    assert (refused, state, unknown) == (403, "closed", 404)
    assert order == ["a/x"]
    assert changes == [("down", "a/x"), ("up", "a/x")]


def test_callers_may_neither_read_nor_reset(tell):
    async def story(house):
        paths = [("/admin/v1/breakers", "GET"), ("/admin/v1/breakers/a/x/reset", "POST")]
        return [(await house.ask(path, method, who="caller")).status for path, method in paths]

    assert tell(config(), {}, story) == [403, 403]
