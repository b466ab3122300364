"""A time limit for a coroutine that costs nothing unless the coroutine really waits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def bounded(work: Coroutine[Any, Any, T], limit: float) -> T:
    """Await `work` for at most `limit` seconds (0 = no limit); raises TimeoutError.

    The coroutine runs up to its first wait without a timer, so one that never waits pays none.
    """
    try:
        waiting_for = work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    if not limit:
        return await _resume(work, waiting_for)
    async with asyncio.timeout(limit):
        return await _resume(work, waiting_for)


@coroutine
def _resume(work: Coroutine[Any, Any, T], waiting_for: Any) -> Generator[Any, Any, T]:
    """Go on with a coroutine that has already yielded once, passing everything through to it."""
    while True:
        try:
            sent = yield waiting_for
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:
            step = _thrown(work, error)
        else:
            step = _sent(work, sent)
        if step[0]:
            return step[1]  # type: ignore[no-any-return]
        waiting_for = step[1]


def _sent(work: Coroutine[Any, Any, T], value: Any) -> tuple[bool, Any]:
    try:
        return False, work.send(value)
    except StopIteration as done:
        return True, done.value


def _thrown(work: Coroutine[Any, Any, T], error: BaseException) -> tuple[bool, Any]:
    try:
        return False, work.throw(error)
    except StopIteration as done:
        return True, done.value
