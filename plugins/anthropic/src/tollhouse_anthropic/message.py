"""A whole message, written from the fold of its events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw
from tollhouse.neutral import Answer, Choice, Extra, Opaque, Part, Refusal, Text, Thinking, ToolCall

from .name import NAME
from .reasons import write_reason
from .usage import write_usage

_encode = msgspec.json.Encoder().encode
_KINDS: dict[type, str] = {Refusal: "refusal", ToolCall: "tool_call"}


def write_message(answer: Answer, model: str, ids: Callable[[str], str]) -> bytes:
    """The body of a message; `ids` makes those that are missing. A reply of several choices is its first one."""
    choice = answer.choices[0] if answer.choices else Choice()
    kinds = {_KINDS.get(type(part), "") for part in choice.parts}
    body: dict[str, Any] = {
        "id": answer.id or ids("msg_"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [block for part in choice.parts if (block := _block(part, ids)) is not None],
        "stop_reason": write_reason(choice.finish, choice.finish_raw, kinds),
        "stop_sequence": None,
        **leftovers(choice.extra),
        "usage": write_usage(answer.usage),
    }
    return _encode(body)


def leftovers(extra: Extra | None) -> dict[str, Raw]:
    """The fields of this dialect among leftovers."""
    return extra.fields if extra is not None and extra.dialect == NAME else {}


def _block(part: Part, ids: Callable[[str], str]) -> dict[str, Any] | Raw | None:
    """The block of a part; none for a part only another dialect understands, and for text without a character."""
    more = leftovers(part.extra)
    if isinstance(part, Text | Refusal):
        return {"type": "text", "text": part.text, **more} if part.text else None
    if isinstance(part, ToolCall):
        id_ = part.id or ids("toolu_")
        return {"type": "tool_use", "id": id_, "name": part.name, "input": _input(part.arguments), **more}
    if isinstance(part, Thinking) and part.opaque and not part.text:
        return {"type": "redacted_thinking", "data": part.opaque, **more}
    if isinstance(part, Thinking):
        return {"type": "thinking", "thinking": part.text, "signature": part.signature, **more}
    return part.raw if isinstance(part, Opaque) and part.dialect == NAME else None


def _input(arguments: str) -> Raw | str:
    """Arguments as the JSON they are; what is none stays the text it is."""
    if not arguments.strip():
        return Raw(b"{}")
    try:
        msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments
    return Raw(arguments.encode())
