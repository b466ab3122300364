"""How long targets take to their first token: the wait after which a hedge is worth it."""

from __future__ import annotations

from collections import OrderedDict, deque

REMEMBERED = 200
"""Answers a target that are remembered."""
LEAST = 20
"""Answers below which nothing is said."""
TARGETS = 1000
SHARE = 0.95


class Latency:
    """Seconds to the first token of the latest answers, by target and by whether the answer was streamed. A race's
    loser counts as the time it had: it would have taken longer."""

    def __init__(self) -> None:
        self._seconds: OrderedDict[tuple[str, bool], deque[float]] = OrderedDict()

    def add(self, target: str, stream: bool, seconds: float) -> None:
        """One answer more."""
        key = (target, stream)
        known = self._seconds.get(key)
        if known is None:
            known = self._seconds[key] = deque(maxlen=REMEMBERED)
        known.append(seconds)
        self._seconds.move_to_end(key)
        if len(self._seconds) > TARGETS:
            self._seconds.popitem(last=False)

    def slow(self, target: str, stream: bool) -> float | None:
        """Seconds within which 95 of 100 answers began; None while too few are known."""
        known = self._seconds.get((target, stream))
        if known is None or len(known) < LEAST:
            return None
        return sorted(known)[min(len(known) - 1, int(len(known) * SHARE))]
