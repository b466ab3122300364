"""Finish reasons: Gemini's words and the neutral ones."""

from __future__ import annotations

from typing import Any

from tollhouse.neutral import FinishReason

_READ: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "filter",
    "RECITATION": "filter",
    "BLOCKLIST": "filter",
    "PROHIBITED_CONTENT": "filter",
    "SPII": "filter",
    "IMAGE_SAFETY": "filter",
    "IMAGE_PROHIBITED_CONTENT": "filter",
    "IMAGE_RECITATION": "filter",
    "MODEL_ARMOR": "filter",
    "JAILBREAK": "filter",
    "LANGUAGE": "other",
    "OTHER": "other",
    "IMAGE_OTHER": "other",
    "NO_IMAGE": "other",
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "MALFORMED_RESPONSE": "error",
}
_NUMBERS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
"""What clients that ask for `enum-encoding=int` are sent; later numbers differ between Google's two APIs."""
_WRITE: dict[FinishReason, str | None] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "filter": "SAFETY",
    "error": "OTHER",
    "other": "OTHER",
    "missing": None,
}


def reason_word(said: Any) -> str:
    """The word of a `finishReason`; empty when it says nothing."""
    if isinstance(said, int) and not isinstance(said, bool):
        return _NUMBERS.get(said, f"{said}") if said else ""
    return said if isinstance(said, str) and said != "FINISH_REASON_UNSPECIFIED" else ""


def read_reason(word: str, called: bool) -> FinishReason:
    """The neutral reason of Gemini's word; it says STOP also after calls, which are a reason of their own."""
    reason = _READ.get(word, "other") if word else "missing"
    return "tool_calls" if reason == "stop" and called else reason


def write_reason(reason: FinishReason, raw: str) -> str | None:
    """Gemini's word: its own if it gave one, else that of the neutral reason; absence stays absent."""
    return raw if raw in _READ else _WRITE[reason]
