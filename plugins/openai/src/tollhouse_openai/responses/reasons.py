"""How a response ended: its status and its details, and the neutral finish reasons."""

from __future__ import annotations

from typing import Any

from tollhouse.neutral import Finish, FinishReason

_DETAILS: dict[str, FinishReason] = {"max_output_tokens": "length", "max_tokens": "length", "content_filter": "filter"}
_WRITE: dict[FinishReason, str] = {"length": "max_output_tokens", "filter": "content_filter"}


def read_reason(status: str, details: Any, called: bool) -> Finish:
    """The neutral end of a response. `called` says that it has calls of functions. A response that is not over has
    no reason."""
    if status in ("completed", "complete"):
        return Finish(reason="tool_calls" if called else "stop", raw=status)
    if status == "incomplete":
        said = details.get("reason") if isinstance(details, dict) else None
        word = said if isinstance(said, str) else ""
        return Finish(reason=_DETAILS.get(word, "other" if word else "missing"), raw=word)
    if status in ("queued", "in_progress", ""):
        return Finish(reason="missing", raw=status)
    return Finish(reason="error" if status == "failed" else "other", raw=status)


def write_reason(finish: Finish) -> tuple[str, dict[str, str] | None]:
    """The status, and the details of one that is incomplete. Absence is never `completed`."""
    if finish.reason in ("stop", "tool_calls"):
        return "completed", None
    if finish.reason == "missing":
        return (finish.raw if finish.raw in ("queued", "in_progress") else "incomplete"), None
    if finish.reason == "error":
        return "failed", None
    if finish.reason == "other" and finish.raw == "cancelled":
        return "cancelled", None
    return "incomplete", {"reason": _WRITE.get(finish.reason, finish.raw or "other")}
