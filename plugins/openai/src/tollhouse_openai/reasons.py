"""Finish reasons: the hosts' words and the neutral ones."""

from __future__ import annotations

from tollhouse.neutral import FinishReason

_READ: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filter",
    "error": "error",
}
_WRITE: dict[FinishReason, str | None] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "filter": "content_filter",
    "error": "error",
    "missing": None,
}


def read_reason(raw: str | None) -> FinishReason:
    """The neutral reason of a host's word; no word, or an empty one, is `missing`."""
    return _READ.get(raw, "other") if raw else "missing"


def write_reason(reason: FinishReason, raw: str) -> str | None:
    """OpenAI's word for a neutral reason; another reason keeps its own word, absence stays null."""
    return _WRITE.get(reason, raw or "other")
