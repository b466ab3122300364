"""A reply on its way: paced token by token, and going wrong where a fault says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from tollhouse.neutral import Delta, Failed, Happening, Vectors

from .faults import Fault

_TURN = 32
"""Events after which an unpaced reply lets others run."""


async def flow(events: Sequence[Happening], pause: float, fault: Fault) -> AsyncIterator[Happening]:
    """The events with `pause` seconds between tokens, by a schedule that a slow reader does not stretch.

    A pause of 0 is unpaced.
    """
    if fault.ends_after is not None:
        events = events[: _end(events, fault.ends_after)]
    loop = asyncio.get_running_loop()
    due = loop.time()
    for number, event in enumerate(events):
        if number % _TURN == _TURN - 1:
            await asyncio.sleep(0)
        yield event
        if pause and type(event) is Delta:
            due += pause
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
    if fault.ends_after is None:
        return
    if fault.ends_after == fault.stall_after:
        await forever()
    if fault.ends_after == fault.error_after:
        yield Failed(error=fault.error())


def _end(events: Sequence[Happening], tokens: int) -> int:
    """Where a reply breaks off: before the token of that number, and at the latest where its content ends."""
    places = [place for place, event in enumerate(events) if isinstance(event, Delta | Vectors)]
    if tokens < len(places):
        return places[tokens]
    return places[-1] + 1 if places else 1


async def forever() -> None:
    """Wait until cancelled."""
    await asyncio.Event().wait()
