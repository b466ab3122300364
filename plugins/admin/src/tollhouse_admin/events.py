"""The events this plugin adds to the live stream."""

from __future__ import annotations

from tollhouse.events import Event


class RequestProgress(Event, tag="request.progress", frozen=True, kw_only=True):
    """A stream is under way; only those who follow the live events are told, at most twice a second a request."""

    id: str
    output_tokens: int
    """An estimate: the pieces of content so far."""
    seconds: float
    """Since the request came."""
    ttft: float | None = None
    target: str = ""


class TargetDrained(Event, tag="target.drained", frozen=True, kw_only=True):
    """An operator took a target out: no new attempt goes to it."""

    target: str
    by: str = ""


class TargetResumed(Event, tag="target.resumed", frozen=True, kw_only=True):
    """An operator let a target take attempts again."""

    target: str
    by: str = ""
