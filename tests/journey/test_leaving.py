"""A caller may leave at any moment: the upstream is cancelled, everything settles once, nothing leaks."""

import asyncio

import pytest
from parts import CHAT, STREAM, WORDS, Demands, GoesOn, Observes, Slow, asks, config
from tollhouse import Wait, hookimpl
from tollhouse.testing import Client, Upstream, gateway, run, sse


async def soon(condition, seconds=5.0):
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


async def left(stream_body, answer, leave, *plugins):
    """Start a request, leave as `leave` says, and check what must hold however it ended."""
    observes, demands = Observes(), Demands(kind="slots", measure="slot")
    async with Upstream() as up:
        up.answer(answer)
        async with gateway(config(up.url), observes, demands, *plugins) as made:
            client = Client(made)
            async with client.stream(CHAT, stream_body, room=1) as stream:
                await leave(stream, up)
            if up.requests:
                async with asyncio.timeout(5):
                    await up.requests[0].left.wait()
            assert made.in_flight == []
            assert made.holds == set()
            assert await demands.used(made) == 0
            assert observes.settled == [("disconnected", 499)]
            return observes


@pytest.mark.parametrize("stream", [False, True])
def test_leaving_before_the_first_byte_cancels_the_upstream(stream):
    async def ask():
        observes = Observes()
        async with Upstream() as up:
            up.answer([60.0])
            async with gateway(config(up.url), observes) as made:
                client = Client(made)
                asking = asyncio.create_task(client.post(CHAT, asks("m", stream=stream)))
                await soon(lambda: up.requests)
                asking.cancel()
                await asyncio.wait([asking])
                async with asyncio.timeout(5):
                    await up.requests[0].left.wait()
                await soon(lambda: observes.settled)
        assert observes.settled == [("disconnected", 499)]
        assert observes.attempts == [("a/x", "lost", "")]

    run(ask())


def test_leaving_mid_stream_cancels_the_upstream_and_keeps_what_was_delivered_on_the_books():
    async def leave(stream, up):
        async for _ in stream.chunks():
            return

    observes = run(left(asks("m", stream=True), [sse(*WORDS, done=False), 60.0], leave))
    assert observes.attempts == [("a/x", "won", "")]


def test_leaving_while_blocked_in_send_cancels_the_upstream():
    endless = [sse(*WORDS, done=False)] * 200 + [60.0]

    async def leave(stream, up):
        await asyncio.sleep(0.1)

    run(left(asks("m", stream=True), endless, leave))


@pytest.mark.parametrize("hook", ["admit", "route", "answer", "dispatch"])
def test_leaving_while_a_plugin_waits_settles_once(hook):
    async def wait(self, exchange):
        await asyncio.sleep(3600)

    wait.__name__ = hook
    waits = type("Waits", (), {"name": "waits", hook: hookimpl(wait)})()

    async def ask():
        observes = Observes()
        async with Upstream() as up:
            up.answer(STREAM)
            async with gateway(config(up.url), observes, waits) as made:
                asking = asyncio.create_task(Client(made).post(CHAT, asks("m")))
                await soon(lambda: made.in_flight)
                await asyncio.sleep(0.02)
                asking.cancel()
                await asyncio.wait([asking])
                await soon(lambda: not made.in_flight)
                assert up.requests == []
        return observes.settled

    assert run(ask()) == [("disconnected", 499)]


def test_leaving_while_waiting_in_a_queue_gives_everything_back():
    class Queues(Demands):
        name = "demands"

        @hookimpl
        async def refused(self, exchange, refusal):
            return Wait(0.05)

    async def ask():
        observes, queues = Observes(), Queues(limit=1, kind="slots", measure="slot")
        async with Upstream() as up:
            up.answer([sse(*WORDS, done=False), 60.0])
            async with gateway(config(up.url), observes, queues) as made:
                client = Client(made)
                async with client.stream(CHAT, asks("m", stream=True)):
                    asking = asyncio.create_task(client.post(CHAT, asks("m")))
                    await soon(lambda: len(queues.asked) > 2)
                    asking.cancel()
                    await asyncio.wait([asking])
                    await soon(lambda: observes.settled)
                await soon(lambda: len(observes.settled) == 2)
                assert await queues.used(made) == 0
                assert made.holds == set()
        assert observes.settled == [("disconnected", 499)] * 2
        assert len(up.requests) == 1

    run(ask())


def test_a_provider_of_level_one_is_closed_when_the_caller_leaves():
    Slow.closed = 0

    async def ask():
        observes = Observes()
        text = 'plugins = ["openai"]\n[providers]\nslow = {}\n[models]\nm = ["slow/x"]\n'
        async with gateway(text, Slow, observes) as made:
            async with Client(made).stream(CHAT, asks("m", stream=True)) as stream:
                async for _ in stream.chunks():
                    break
            await soon(lambda: Slow.closed)
        assert observes.settled == [("disconnected", 499)]

    run(ask())
    assert Slow.closed == 1


def test_a_sponsor_keeps_the_upstream_alive_after_the_caller_left():
    class Sponsors:
        name = "sponsors"
        heard = b""

        @hookimpl
        async def relay(self, exchange, events):
            with exchange.sponsor():
                async for event in events:
                    self.heard += event.frame.raw
                    yield event

    async def ask():
        observes, sponsors = Observes(), Sponsors()
        async with Upstream() as up:
            up.answer([sse(*WORDS, done=False), 0.2, STREAM[len(sse(*WORDS, done=False)) :]])
            async with gateway(config(up.url), observes, sponsors) as made:
                async with Client(made).stream(CHAT, asks("m", stream=True)) as stream:
                    async for _ in stream.chunks():
                        break
                await soon(lambda: observes.settled)
                assert not up.requests[0].left.is_set()
        assert sponsors.heard == STREAM
        return observes

    observes = run(ask())
    assert observes.attempts == [("a/x", "won", "")]
    assert observes.settled == [("completed", 200)]


def test_when_the_last_sponsor_lets_go_of_a_caller_who_left_the_upstream_is_cancelled():
    class Brief:
        name = "brief"

        @hookimpl
        async def admit(self, exchange):
            holding = exchange.sponsor()
            holding.__enter__()
            exchange.gateway.finishing(self.release(holding))

        async def release(self, holding):
            await asyncio.sleep(0.1)
            holding.__exit__(None, None, None)

    async def leave(stream, up):
        async for _ in stream.chunks():
            return

    run(left(asks("m", stream=True), [sse(*WORDS, done=False), 60.0], leave, Brief()))


def test_many_callers_who_leave_leak_nothing():
    async def ask():
        observes = Observes()
        async with Upstream() as up:
            up.answer([sse(*WORDS, done=False), 60.0])
            async with gateway(config(up.url), observes, GoesOn()) as made:
                client = Client(made)

                async def one():
                    async with client.stream(CHAT, asks("m", stream=True)) as stream:
                        async for _ in stream.chunks():
                            return

                await asyncio.gather(*(one() for _ in range(50)))
                await soon(lambda: up.open == 0)
                assert made.in_flight == []
        assert observes.settled == [("disconnected", 499)] * 50
        assert len(observes.attempts) == 50

    run(ask())
