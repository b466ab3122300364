"""A loop whose time jumps to whatever is awaited next, and a clock that goes with it: hours of waiting in no time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class JumpingLoop(asyncio.SelectorEventLoop):
    """Time stands still while anything can run, a thread of the loop's included, and jumps to the next timer
    otherwise. Sockets may not be waited for: they take real time, which does not pass here."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0
        self._threads = 0
        select = self._selector.select  # type: ignore[attr-defined]

        def jump(timeout: float | None) -> Any:
            if timeout and self._threads:
                return select(None)
            if timeout:
                self.seconds += timeout
            return select(0 if timeout is not None else None)

        self._selector.select = jump  # type: ignore[attr-defined]

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self.seconds

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]  # its own typing differs by version
        """As asyncio's; time stands still until the thread is done."""
        future: asyncio.Future[T] = super().run_in_executor(executor, func, *args)
        self._threads += 1
        future.add_done_callback(self._came_back)
        return future

    def _came_back(self, _: object) -> None:
        self._threads -= 1


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
