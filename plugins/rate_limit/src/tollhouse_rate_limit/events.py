"""What the queue tells: who began to wait, and how that ended."""

from __future__ import annotations

from typing import Literal

from tollhouse.events import Event

Left = Literal["granted", "refused", "gone"]


class LimitQueued(Event, tag="limit.queued", frozen=True, kw_only=True):
    """A request waits in line for a limit: `position` counts from 1, of `waiting` in this process."""

    id: str
    key: str
    """The counter's key, which names limit, scope and rate."""
    caller: str
    position: int
    waiting: int


class LimitReleased(Event, tag="limit.released", frozen=True, kw_only=True):
    """A request waits no more: it was granted, refused after all, or its caller has gone."""

    id: str
    key: str
    seconds: float
    """How long it waited."""
    how: Left
