"""A loop whose time jumps to whatever is awaited next, and a clock that goes with it: hours of waiting in no time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class JumpingLoop(asyncio.SelectorEventLoop):
    """Time stands still while anything can run, and jumps to the next timer otherwise. Nothing but timers may be
    waited for: sockets and threads take real time, which does not pass here."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        select = self._selector.select  # type: ignore[attr-defined]

        def jump(timeout: float | None) -> Any:
            if timeout:
                self.seconds += timeout
            return select(0 if timeout is not None else None)

        self._selector.select = jump  # type: ignore[attr-defined]

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self.seconds


class LoopClock:
    """A gateway's clock that goes with the running loop; `stepped` seconds are added to the time of day alone, as when
    somebody sets the machine's clock."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.start, self.stepped = start, 0.0

    def monotonic(self) -> float:
        """The loop's seconds."""
        return asyncio.get_running_loop().time()

    def time(self) -> float:
        """Unix seconds."""
        return self.start + self.stepped + self.monotonic()


def run_jumping(work: Coroutine[Any, Any, T]) -> T:
    """Run a test's coroutine on a JumpingLoop."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(work)
