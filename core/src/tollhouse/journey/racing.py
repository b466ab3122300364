"""Hedging: after a silence a second target may race the first; the first with content wins."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..attempt import Attempt
from ..errors import ProviderError, Skip, TollhouseError
from ..hooks import Race
from .patience import Patience
from .source import Source

if TYPE_CHECKING:
    from .attempts import Attempts


async def race(attempts: Attempts, first: Attempt, terms: Race) -> Source:
    """The source of the first attempt to reach content. The loser is cancelled, costs at least its estimated
    input, and is observed as `lost`. Raises the last failure when neither gets there; every failed attempt is
    observed by then."""
    runners: dict[asyncio.Task[Source], Attempt] = {}

    def launch(attempt: Attempt) -> None:
        runners[asyncio.ensure_future(_run(attempts, attempt))] = attempt

    launch(first)
    failure: ProviderError | None = None
    try:
        done, _ = await asyncio.wait(runners, timeout=terms.after)
        if not done and (second := await _second(attempts, terms)) is not None:
            launch(second)
        while runners:
            done, _ = await asyncio.wait(runners, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                attempt = runners.pop(task)
                try:
                    return task.result()
                except ProviderError as error:
                    failure = error
                    attempts.end(attempt, "failed", error)
        raise failure or ProviderError("The race had no runner.", kind="server")
    finally:
        _stop(attempts, runners)


async def _run(attempts: Attempts, attempt: Attempt) -> Source:
    patience = Patience(attempts.exchange.gateway.deadlines, attempts.remaining())
    try:
        return await attempts.send(attempt, patience)
    finally:
        patience.close()


async def _second(attempts: Attempts, terms: Race) -> Attempt | None:
    """The hedge, held and dispatched; None when it may not start."""
    exchange = attempts.exchange
    if len(exchange.attempts) >= exchange.edition.config.max_attempts:
        return None
    try:
        await attempts.holding.raise_to(terms.target)
        attempt = attempts.made(terms.target, None)
        await attempts.dispatch(attempt)
    except (Skip, TollhouseError) as error:
        exchange.note("race", f"{terms.target.name} may not race: {error}")
        return None
    exchange.note("race", f"{terms.target.name} races after {terms.after:g} s without content")
    return attempt


def _stop(attempts: Attempts, runners: dict[asyncio.Task[Source], Attempt]) -> None:
    """Cancel the losers and book them; one that finished in the meantime is closed."""
    for task, attempt in runners.items():
        task.cancel()
        attempts.end(attempt, "lost")
        task.add_done_callback(lambda done: _discard(attempts, done))


def _discard(attempts: Attempts, task: asyncio.Task[Source]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().release(attempts.exchange.gateway)
