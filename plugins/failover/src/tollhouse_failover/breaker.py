"""The circuit breaker of one target: a state machine that is told the time."""

from __future__ import annotations

from collections import deque
from typing import Literal

from .settings import BreakerSettings

State = Literal["closed", "open", "half-open"]
SLOTS = 10
"""Parts the window is counted in; the oldest is forgotten as a whole."""
LEASE = 30.0
"""Seconds after which a probe that has not ended lets another one go."""


class Breaker:
    """Closed it lets everything through and counts; open nothing, until a time; after that it is half-open and lets
    one probe through at a time, whose end closes it or opens it again. Times are monotonic seconds. What an attempt
    that began before the breaker opened comes to is not counted while it is open: it says nothing new."""

    __slots__ = ("_counts", "_opened_at", "_probe", "_probe_until", "lasting", "opened", "streak", "until", "why")

    def __init__(self) -> None:
        self.opened = False
        self.until = 0.0
        """When it becomes half-open; of no meaning while it is closed."""
        self.why = ""
        self.lasting = False
        """Whether it was opened by something that time alone does not heal: a key, a missing model."""
        self.streak = 0
        """Failures one after the other."""
        self._opened_at = 0.0
        self._counts: deque[list[int]] = deque()
        self._probe = ""
        self._probe_until = 0.0

    def state(self, now: float) -> State:
        """Which of the three it is."""
        if not self.opened:
            return "closed"
        return "open" if now < self.until else "half-open"

    def free(self, now: float) -> bool:
        """Whether it would let somebody through."""
        state = self.state(now)
        return state == "closed" or (state == "half-open" and not self._probed(now))

    def enter(self, now: float, who: str) -> bool:
        """Whether `who` may pass; in the half-open state they are the probe then."""
        if not self.free(now):
            return False
        if self.opened:
            self._probe, self._probe_until = who, now + LEASE
        return True

    def leave(self, who: str) -> bool:
        """`who` is the probe no more; whether they were."""
        if self._probe != who or not who:
            return False
        self._probe = ""
        return True

    def succeeded(self, now: float, began: float, rules: BreakerSettings) -> bool:
        """An attempt that began then was answered; whether that closed the breaker."""
        if self.opened and began < self._opened_at:
            return False
        was, self.opened = self.opened, False
        self.streak = 0
        if was:
            self._forget()
        self._count(now, rules, 0)
        return was

    def failed(
        self, now: float, began: float, rules: BreakerSettings, *, rest: float, why: str, lasting: bool = False
    ) -> Literal["", "opened", "reopened"]:
        """An attempt that began then failed, for a reason that deserves `rest` seconds; whether that opened the
        breaker, or opened it again after a probe."""
        state = self.state(now)
        if state == "open" or (state == "half-open" and began < self._opened_at):
            return ""
        if state == "half-open":
            self.open(now, rest, why, lasting=lasting)
            return "reopened"
        self.streak += 1
        self._count(now, rules, 1)
        answered, broken = self.counts(now, rules)
        if self.streak >= rules.failures or (
            answered + broken >= rules.least and broken >= rules.ratio * (answered + broken)
        ):
            self.open(now, rest, why, lasting=lasting)
            return "opened"
        return ""

    def open(self, now: float, rest: float, why: str, *, lasting: bool = False) -> None:
        """Let nobody through for `rest` seconds."""
        self.opened, self.until, self.why, self.lasting = True, now + rest, why, lasting
        self._opened_at = now
        self._probe = ""

    def close(self) -> None:
        """Let everybody through, and forget what was counted."""
        self.opened, self.streak = False, 0
        self._forget()

    def counts(self, now: float, rules: BreakerSettings) -> tuple[int, int]:
        """Attempts within the window that were answered, and that failed."""
        oldest = self._slot(now, rules) - SLOTS
        while self._counts and self._counts[0][0] <= oldest:
            self._counts.popleft()
        return sum(count[1] for count in self._counts), sum(count[2] for count in self._counts)

    def _probed(self, now: float) -> bool:
        return bool(self._probe) and now < self._probe_until

    def _forget(self) -> None:
        self._counts.clear()
        self._probe = ""

    def _count(self, now: float, rules: BreakerSettings, failure: int) -> None:
        slot = self._slot(now, rules)
        if not self._counts or self._counts[-1][0] != slot:
            self._counts.append([slot, 0, 0])
            self.counts(now, rules)
        self._counts[-1][1 + failure] += 1

    @staticmethod
    def _slot(now: float, rules: BreakerSettings) -> int:
        return int(now * SLOTS / float(rules.window))
