"""Stop reasons: Converse's words and the neutral ones.

Source: `StopReason` of https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from collections.abc import Collection

from tollhouse.neutral import FinishReason

_READ: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "content_filtered": "filter",
    "guardrail_intervened": "filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
_WRITE: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "filter": "content_filtered",
    "error": "malformed_model_output",
}


def read_reason(raw: str) -> FinishReason:
    """The neutral reason of Converse's word; no word is `missing`."""
    return _READ.get(raw, "other") if raw else "missing"


def write_reason(reason: FinishReason, raw: str, kinds: Collection[str]) -> str | None:
    """Converse's word for a neutral reason of a reply with parts of these kinds, None when nobody gave any.

    A word of Converse's own stays. OpenAI ends a reply whose tool was forced, and one that declines, with `stop`:
    clients of Bedrock read `tool_use` and `content_filtered` there.
    """
    if _READ.get(raw) == reason:
        return raw
    if reason == "stop" and "tool_call" in kinds:
        return "tool_use"
    if reason == "stop" and "refusal" in kinds:
        return "content_filtered"
    return _WRITE.get(reason, raw or None)
