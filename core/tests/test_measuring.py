"""Measuring hooks: what is called is counted, and nothing else changes."""

import asyncio

import pytest
from tollhouse import Rejected, hookimpl
from tollhouse.chain import Chain
from tollhouse.errors import PluginFailed
from tollhouse.measuring import measure
from tollhouse.testing import run


class Slow:
    @hookimpl
    async def admit(self, exchange):
        await asyncio.sleep(0.02)

    @hookimpl
    def observe(self):
        return None

    @hookimpl
    async def relay(self, exchange, events):
        async for event in events:
            yield event


class Strict:
    @hookimpl
    async def admit(self):
        raise Rejected("no")


class Broken:
    @hookimpl
    async def admit(self):
        raise ValueError("a bug")


def test_calls_and_their_seconds_are_counted_by_plugin_and_hook():
    async def work():
        chain = Chain([("slow", Slow())])
        await chain["admit"].each(None)
        measure(chain)
        measure(chain)
        await chain["admit"].each(None)
        chain["observe"].each_now(None, None)
        admit, observe = chain["admit"].calls[0], chain["observe"].calls[0]
        assert (admit.calls, observe.calls) == (1, 1)
        assert admit.seconds >= 0.015 > observe.seconds

    run(work())


def test_an_answer_that_is_an_exception_still_answers_and_counts():
    async def work():
        chain = Chain([("strict", Strict())])
        measure(chain)
        with pytest.raises(Rejected):
            await chain["admit"].each(None)
        assert (chain["admit"].calls[0].calls, chain["admit"].calls[0].failures) == (1, 0)

    run(work())


def test_a_failure_is_counted_and_its_culprit_still_found():
    async def work():
        chain = Chain([("broken", Broken())])
        measure(chain)
        with pytest.raises(PluginFailed):
            await chain["admit"].each(None)
        assert (chain["admit"].calls[0].calls, chain["admit"].calls[0].failures) == (1, 1)

    run(work())


def test_a_relay_is_counted_and_stays_a_generator_of_its_own():
    async def work():
        async def events():
            yield 1
            yield 2

        chain = Chain([("slow", Slow())])
        measure(chain)
        layers = chain["relay"].wrap(None, events())
        assert [event async for event in layers[-1]] == [1, 2]
        assert (chain["relay"].calls[0].calls, chain["relay"].calls[0].seconds) == (1, 0.0)

    run(work())
