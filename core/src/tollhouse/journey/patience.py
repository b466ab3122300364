"""How long a wait for the upstream may last: one timer for all waits of a gateway, none a wait."""

from __future__ import annotations

import asyncio

from ..errors import ProviderError

NEVER = float("inf")

TOTAL = "the whole exchange took longer than its deadline allows"

SOONEST = 0.001
"""Seconds until the timer fires at the earliest: loops round times, and it must not fire for ever."""


class Deadlines:
    """The waits under way. Its one timer is armed for the soonest that was ever named, and looks at all waits when
    it fires: they are many and begin at every event, but last for seconds, and hardly ever too long."""

    __slots__ = ("_handle", "_loop", "_waits", "soonest")

    def __init__(self) -> None:
        self._waits: set[Patience] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._handle: asyncio.TimerHandle | None = None
        self.soonest = NEVER
        """The loop's time at which the timer fires."""

    def join(self, wait: Patience) -> None:
        """Look after this one from now on."""
        self._waits.add(wait)

    def running(self) -> asyncio.AbstractEventLoop:
        """The loop; to ask asyncio for it is a call of the system in Python 3.11."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def leave(self, wait: Patience) -> None:
        """Look after it no more."""
        self._waits.discard(wait)

    def arm(self, until: float) -> None:
        """Fire at this time, which is sooner than `soonest`."""
        loop = self.running()
        if self._handle is not None:
            self._handle.cancel()
        self.soonest = until
        self._handle = loop.call_at(max(until, loop.time() + SOONEST), self._look)

    def _look(self) -> None:
        self._handle, self.soonest = None, NEVER
        now, soonest = self.running().time(), NEVER
        for wait in list(self._waits):
            if wait.until:
                if wait.until <= now:
                    wait.expire()
                else:
                    soonest = min(soonest, wait.until)
        if soonest < self.soonest:
            self.arm(soonest)


class Patience:
    """Bounds one task's waits for the upstream. `begin`, await, `end`; a wait that lasts too long is cancelled,
    and `failure()` then tells the ProviderError to raise instead."""

    __slots__ = ("_deadlines", "_loop", "_seconds", "_task", "_total_at", "_why", "expired", "until")

    def __init__(self, deadlines: Deadlines, total: float) -> None:
        """`total` seconds from now bound all waits together; 0 means no bound."""
        self._deadlines = deadlines
        self._loop = deadlines.running()
        self._task = asyncio.current_task(self._loop)
        self._total_at = self._loop.time() + total if total else NEVER
        self.until = 0.0
        """The loop's time at which the wait under way has lasted too long; 0 while there is none."""
        self._why, self._seconds = "", 0.0
        self.expired = False
        deadlines.join(self)

    def begin(self, seconds: float, why: str) -> None:
        """A wait of at most so many seconds begins (0 = only the total counts); `why` may name them as `{:g}`."""
        until = self._loop.time() + seconds if seconds else NEVER
        if self._total_at < until:
            until, why = self._total_at, TOTAL
        self._why, self._seconds = why, seconds
        if until != NEVER:
            self.until = until
            if until < self._deadlines.soonest:
                self._deadlines.arm(until)

    def end(self) -> None:
        """The wait is over."""
        self.until = 0.0

    def close(self) -> None:
        """No more waits."""
        self.until = 0.0
        self._deadlines.leave(self)

    def expire(self) -> None:
        """The wait has lasted too long."""
        self.until = 0.0
        if self._task is not None:
            self.expired = True
            self._task.cancel()

    def failure(self) -> ProviderError | None:
        """After a CancelledError: the error if it was this patience that ended; None if somebody else cancelled."""
        if not self.expired or self._task is None:
            return None
        self.expired = False
        if self._task.uncancel() > 0:
            return None
        why = self._why.format(self._seconds)
        return ProviderError(f"The upstream timed out: {why}.", kind="timeout", code="upstream_timeout")
