"""Measuring hooks: how often each implementation was called and how long it took, on demand.

A call is measured by standing in for its function, so that a chain nobody measures pays nothing at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .chain import Call, Chain

Function = Callable[..., Any]


def measure(chain: Chain) -> None:
    """Count calls and seconds of every implementation from now on, for the chain's life: two readings of the clock a
    call. Of a relay only the calls are counted: its time is mostly others'. Measuring what is measured changes
    nothing."""
    for step in chain.steps().values():
        for call in step.calls:
            if not isinstance(call.function, _Measured):
                call.function = _Measured(call, step.spec.kind == "wrap", sync=step.spec.sync)


class _Measured:
    """Stands in for one implementation's function."""

    __slots__ = ("_call", "_counted", "_function", "_sync")

    def __init__(self, call: Call, counted: bool, *, sync: bool) -> None:
        self._call, self._function, self._counted, self._sync = call, call.function, counted, sync

    def __call__(self, *args: Any) -> Any:
        if self._counted:
            self._call.calls += 1
            return self._function(*args)
        return self._timed_now(*args) if self._sync else self._timed(*args)

    def _timed_now(self, *args: Any) -> Any:
        call, began = self._call, time.perf_counter()
        try:
            return self._function(*args)
        finally:
            call.calls += 1
            call.seconds += time.perf_counter() - began

    async def _timed(self, *args: Any) -> Any:
        call, began = self._call, time.perf_counter()
        try:
            return await self._function(*args)
        finally:
            call.calls += 1
            call.seconds += time.perf_counter() - began
