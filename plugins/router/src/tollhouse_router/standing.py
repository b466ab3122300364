"""What is known of one target: how fast it answers, how busy it is, when it was asked last, what quota it has left."""

from __future__ import annotations

import math

from tollhouse import Attempt, ProviderError

from .quota import Quota

FAILURE = 10.0
"""Seconds to the first token, and for a whole answer, that a failure of the upstream counts as."""

ANSWER = 256
"""Output tokens an answer is reckoned with, when the caller allows as many."""

_BLAMED = frozenset({"connect", "timeout", "cut", "bad_reply", "credentials", "rate_limit", "overloaded", "server"})
"""Kinds of failure that say something of the target, and not of the request."""


class PeakAverage:
    """An average of seconds that jumps to a peak at once, and comes down from it, and towards 0 while nothing is
    measured, by `exp(-seconds / decay)`: peak-EWMA, after Finagle's balancer of that name."""

    __slots__ = ("at", "value")

    def __init__(self) -> None:
        self.value: float | None = None
        self.at = 0.0

    def add(self, seconds: float, now: float, decay: float) -> None:
        """Take a measurement."""
        kept = math.exp(-max(0.0, now - self.at) / decay)
        before = (self.value or 0.0) * kept
        self.value = seconds if seconds > before else before + seconds * (1 - kept)
        self.at = now

    def now(self, now: float, decay: float) -> float | None:
        """The average as of now; None when nothing was measured yet."""
        if self.value is None:
            return None
        return self.value * math.exp(-max(0.0, now - self.at) / decay)


class Standing:
    """One target, as this process knows it."""

    __slots__ = ("each", "first", "in_flight", "quota", "turn", "whole")

    def __init__(self) -> None:
        self.in_flight = 0
        """Attempts under way."""
        self.turn = 0
        """The number of its last attempt among all of this process; 0 before its first."""
        self.first = PeakAverage()
        """Seconds to the first token of a stream."""
        self.each = PeakAverage()
        """Seconds for each further output token of a stream."""
        self.whole = PeakAverage()
        """Seconds for an answer that is not streamed."""
        self.quota: dict[str, Quota] = {}
        """What upstream said is left, by what it counts (`requests`, `tokens`, ...)."""

    def latency(self, stream: bool, tokens: int, now: float, decay: float) -> float:
        """Expected seconds for an answer of at most so many tokens, for one more beside those under way. A target
        of which nothing is known is 0 while it is idle, so that it gets tried, and infinite while its first answer
        is awaited."""
        known = (self.first if stream else self.whole).now(now, decay)
        if known is None:
            return math.inf if self.in_flight else 0.0
        if stream and (each := self.each.now(now, decay)) is not None:
            known += each * min(tokens, ANSWER)
        return known * (self.in_flight + 1)

    def learn(self, attempt: Attempt, now: float, decay: float) -> None:
        """Take what an attempt that has ended shows of the target's speed."""
        stream, spent = attempt.request.stream, now - attempt.started_at
        start = self.first if stream else self.whole
        if attempt.state == "won" and attempt.content_at is not None:
            start.add((attempt.content_at if stream else now) - attempt.started_at, now, decay)
            further = (attempt.usage.total_output if attempt.usage else 0) - 1
            if stream and further > 0:
                self.each.add((now - attempt.content_at) / further, now, decay)
        elif attempt.state == "failed" and getattr(attempt.error, "kind", "") in _BLAMED:
            start.add(max(spent, FAILURE), now, decay)
        elif attempt.state == "lost" and attempt.content_at is None and spent > (start.now(now, decay) or 0.0):
            start.add(spent, now, decay)  # given up before its first token: at least as slow as that

    def hear(self, attempt: Attempt, now: float, unix: float) -> None:
        """Take what the upstream says is left of its limits."""
        self.quota.update(Quota.read(attempt.reply_headers, now, unix))
        error = attempt.error
        if isinstance(error, ProviderError) and error.kind == "rate_limit":
            self.quota["refused"] = Quota(0, 1, now + (error.retry_after if error.retry_after is not None else 1.0))

    def left(self, tokens: int, now: float) -> float:
        """The smallest share that is left of any limit, from 0 to 1; 0 when one has not enough for so many tokens;
        1 when nothing is known."""
        shares = [quota.left(tokens if what.endswith("tokens") else 1, now) for what, quota in self.quota.items()]
        return min(shares, default=1.0)
