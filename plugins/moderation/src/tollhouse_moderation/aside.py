"""Long texts are looked at in a thread, so that other callers do not wait for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LONG = 32 * 1024
"""Characters that take a few hundredths of a second at most."""


async def aside(size: int, work: Callable[[], T]) -> T:
    """What `work` returns or raises; `size` is how many characters it looks at."""
    return work() if size < LONG else await asyncio.to_thread(work)
