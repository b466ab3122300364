"""The time limit that only waiting coroutines pay."""

import asyncio
import contextlib

import pytest
from tollhouse.bounded import bounded
from tollhouse.testing import run


async def value(pauses=0):
    for _ in range(pauses):
        await asyncio.sleep(0)
    return "done"


@pytest.mark.parametrize("pauses", [0, 1, 5])
@pytest.mark.parametrize("limit", [0.0, 5.0])
def test_the_result_comes_through_however_often_it_waits(pauses, limit):
    assert run(bounded(value(pauses), limit)) == "done"


def test_a_coroutine_that_waits_too_long_ends_in_a_timeout_and_is_cleaned_up():
    closed = []

    async def slow():
        try:
            await asyncio.sleep(60)
        finally:
            closed.append(True)

    with pytest.raises(TimeoutError):
        run(bounded(slow(), 0.01))
    assert closed == [True]


@pytest.mark.parametrize("pauses", [0, 2])
def test_errors_come_through(pauses):
    async def fails():
        await value(pauses)
        raise KeyError("k")

    with pytest.raises(KeyError):
        run(bounded(fails(), 1.0))


def test_cancelling_reaches_the_inner_wait():
    seen = []

    async def inner():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    async def outer():
        task = asyncio.create_task(bounded(inner(), 30.0))
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    run(outer())
    assert seen == ["cancelled"]


def test_an_inner_coroutine_may_swallow_a_thrown_error_and_answer():
    async def stubborn():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "stayed"

    async def outer():
        task = asyncio.create_task(bounded(stubborn(), 0.0))
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert run(outer()) == "stayed"
