"""When tokens come."""

from __future__ import annotations

import asyncio

import pytest
from tollhouse import ProviderError
from tollhouse.neutral import Chat, Delta, Embed, Message, Text


def times(account, *args, **kwargs):
    return [second for second, event in account.timed(*args, **kwargs) if isinstance(event, Delta)]


def test_the_first_token_comes_after_ttft_and_the_others_at_the_pace(account):
    seen = times(account(ttft=0.5, tokens_per_second=10), "one two three four")
    assert seen == [0.5, 0.6, 0.7, 0.8]


def test_a_newcomer_waits_150_milliseconds_and_reads_80_tokens_a_second(account):
    assert times(account(), "one two three") == [0.15, 0.1625, 0.175]


def test_an_unpaced_answer_takes_no_time(account):
    assert set(times(account(ttft=0.0, tokens_per_second=0), "Write.", "lorem")) == {0.0}


def test_a_directive_changes_the_pace(account):
    assert times(account(), "a b c", "echo?ttft=2s&tokens_per_second=1") == [2.0, 3.0, 4.0]
    assert times(account(), "a b c", "echo?ttft=0&tokens_per_second=0") == [0.0, 0.0, 0.0]
    assert len(times(account(), "Write.", "lorem?tokens=7")) == 7


def test_several_choices_are_each_spoken_at_the_pace(account):
    chat = Chat(messages=[Message(role="user", parts=[Text(text="a b c")])], n=2)
    assert max(times(account(ttft=0.0, tokens_per_second=10), chat)) == pytest.approx(0.25)


def test_embeddings_wait_for_ttft_only(account):
    assert {second for second, _ in account(ttft=0.25).timed(Embed(inputs=["one"] * 100), "embed")} == {0.25}


def test_an_error_comes_at_once_unless_it_is_told_to_wait(account, run):
    simulator = account(ttft=9.0)

    async def refused_after(text):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        with pytest.raises(ProviderError):
            await simulator.provider.send(simulator.attempt(text))
        return loop.time() - begun

    assert run(refused_after("[[fault: status=503]]")) == 0
    assert run(refused_after("[[fault: status=503 ttft=2]]")) == 2


def test_a_slow_reader_does_not_slow_the_schedule(account, run):
    simulator = account(ttft=0.0, tokens_per_second=10)

    async def read():
        loop = asyncio.get_running_loop()
        reply = await simulator.provider.send(simulator.attempt("a b c d e f"))
        seen = []
        async for event in reply.happenings:
            if isinstance(event, Delta):
                seen.append(round(loop.time(), 6))
                await asyncio.sleep(0.25 if len(seen) == 1 else 0)
        return seen

    assert run(read()) == [0.0, 0.25, 0.25, 0.3, 0.4, 0.5]


def test_an_unpaced_answer_lets_others_run(account, run):
    simulator = account(ttft=0.0, tokens_per_second=0, tokens=1000)

    async def read():
        turns = 0

        async def other():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        reply = await simulator.provider.send(simulator.attempt("Write.", "lorem"))
        async for _ in reply.happenings:
            pass
        task.cancel()
        return turns

    assert run(read()) > 25


@pytest.mark.parametrize("text", ["Hello", "[[fault: stall]]", "a b c [[fault: stall_after=1]]"])
def test_a_cancelled_request_ends_at_once(account, run, text):
    simulator = account(ttft=1.0)

    async def read():
        reply = await simulator.provider.send(simulator.attempt(text))
        async for _ in reply.happenings:
            pass

    async def cancel():
        task = asyncio.create_task(read())
        await asyncio.sleep(1.01 if "after" in text else 0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return [other for other in asyncio.all_tasks() if other is not asyncio.current_task()]

    assert run(cancel()) == []


def test_a_reply_closed_midway_is_over(account, run):
    simulator = account(ttft=0.0)

    async def close():
        reply = await simulator.provider.send(simulator.attempt("a b c"))
        await anext(reply.happenings)
        await reply.happenings.aclose()
        with pytest.raises(StopAsyncIteration):
            await anext(reply.happenings)

    run(close())
