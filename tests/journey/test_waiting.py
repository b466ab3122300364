"""A plugin may have an exchange wait before it is answered: asked again when its turn comes, with nothing held."""

import asyncio

from parts import BODY, CHAT, Demands, Observes, asks, config, words
from tollhouse import Wait, hookimpl
from tollhouse.testing import Client, Upstream, gateway, run


class Waits:
    """Answers nothing, after so many waits."""

    name = "waits"

    def __init__(self, times, seconds=3600.0):
        self.times, self.seconds, self.turn = times, seconds, asyncio.Event()
        self.asked, self.held = 0, []

    @hookimpl
    async def answer(self, exchange):
        self.asked += 1
        self.held.append(exchange.hold)
        return Wait(self.seconds, self.turn) if self.asked <= self.times else None


def waits(*plugins, then=lambda waits: None, more=""):
    async def ask():
        async with Upstream() as up:
            up.answer(BODY)
            async with gateway(config(up.url, more=more), *plugins) as made:
                call = asyncio.ensure_future(Client(made).post(CHAT, asks("m")))
                while not plugins[0].asked:
                    await asyncio.sleep(0)
                then(plugins[0])
                return await call, len(up.requests)

    return run(ask())


def test_an_exchange_that_waits_is_asked_again_when_its_turn_comes():
    demands = Demands()
    plugin = Waits(1)
    response, calls = waits(plugin, demands, then=lambda waits: waits.turn.set())
    assert words(response.body) == "Hello"
    assert (plugin.asked, plugin.held, calls) == (2, ["", ""], 1)
    assert demands.asked == ["a/x"]


def test_it_is_asked_again_too_when_its_time_is_over():
    plugin = Waits(3, seconds=0.01)
    response, calls = waits(plugin)
    assert (response.status, plugin.asked, calls) == (200, 4, 1)


def test_a_turn_that_does_not_come_before_the_deadline_ends_the_exchange():
    observes = Observes()
    response, calls = waits(Waits(1), observes, more="timeouts.total = '100ms'")
    assert (response.status, response.json()["error"]["code"], calls) == (429, "queue_timeout", 0)
    assert observes.settled == [("rejected", 429)]
