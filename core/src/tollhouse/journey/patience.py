"""How long a wait for the upstream may last, without a timer a wait."""

from __future__ import annotations

import asyncio

from ..errors import ProviderError


class Patience:
    """Bounds one task's waits for the upstream. `begin`, await, `end`; a wait that lasts too long is cancelled,
    and `failure()` then tells the ProviderError to raise instead.

    One timer at most is armed at any time, and re-armed only when it fires early: waits are many, timeouts few.
    """

    __slots__ = ("_handle", "_loop", "_task", "_total_at", "_until", "_why", "expired")

    def __init__(self, total: float) -> None:
        """`total` seconds from now bound all waits together; 0 means no bound."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._total_at = self._loop.time() + total if total else 0.0
        self._until = 0.0
        self._why = ""
        self._handle: asyncio.TimerHandle | None = None
        self.expired = False

    def begin(self, seconds: float, why: str) -> None:
        """A wait of at most so many seconds begins (0 = only the total counts)."""
        until = self._loop.time() + seconds if seconds else 0.0
        if self._total_at and (not until or self._total_at < until):
            until, why = self._total_at, "the whole exchange took longer than its deadline allows"
        self._until, self._why = until, why
        if until and (self._handle is None or self._handle.when() > until):
            if self._handle is not None:
                self._handle.cancel()
            self._handle = self._loop.call_at(until, self._check)

    def end(self) -> None:
        """The wait is over."""
        self._until = 0.0

    def close(self) -> None:
        """No more waits."""
        self._until = 0.0
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def failure(self) -> ProviderError | None:
        """After a CancelledError: the error if it was this patience that ended; None if somebody else cancelled."""
        if not self.expired or self._task is None:
            return None
        self.expired = False
        if self._task.uncancel() > 0:
            return None
        return ProviderError(f"The upstream timed out: {self._why}.", kind="timeout", code="upstream_timeout")

    def _check(self) -> None:
        self._handle = None
        if not self._until:
            return
        if self._loop.time() < self._until:
            self._handle = self._loop.call_at(self._until, self._check)
        elif self._task is not None:
            self._until = 0.0
            self.expired = True
            self._task.cancel()
