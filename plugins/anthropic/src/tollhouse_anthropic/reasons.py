"""Stop reasons: Anthropic's words and the neutral ones.

Source: https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
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
    "refusal": "filter",
}
_WRITE: dict[FinishReason, str | None] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "filter": "refusal",
    "missing": None,
    "error": None,
}


def read_reason(raw: str | None) -> FinishReason:
    """The neutral reason of Anthropic's word; no word is `missing`."""
    return _READ.get(raw, "other") if raw else "missing"


def write_reason(reason: FinishReason, raw: str, kinds: Collection[str]) -> str | None:
    """Anthropic's word for a neutral reason of a reply with parts of these kinds.

    A word of Anthropic's own stays. OpenAI ends a reply whose tool was forced, and one that declines, with
    `stop`: clients of Anthropic read `tool_use` and `refusal` there.
    """
    if _READ.get(raw) == reason:
        return raw
    if reason == "stop" and "tool_call" in kinds:
        return "tool_use"
    if reason == "stop" and "refusal" in kinds:
        return "refusal"
    return _WRITE.get(reason, raw or None)
