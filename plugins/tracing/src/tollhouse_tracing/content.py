"""Messages as the GenAI conventions write them, for whoever asked that they be recorded."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse import Exchange, ProviderError, Rejected
from tollhouse.neutral import Chat, Media, Part, Refusal, Text, Thinking, ToolCall, ToolResult
from tollhouse.reply import Event

PIECES = 4096
"""Pieces of a reply that are kept, however short."""


def asked(exchange: Exchange, longest: int) -> str:
    """`gen_ai.input.messages`: JSON; empty where there are none. Each text is cut after `longest` characters, and
    messages that do not fit into four times as many are left out, oldest first."""
    request = exchange.request
    if request is None or exchange.task != "chat":
        return ""
    try:
        body = request.body
    except Rejected:
        return ""
    if not isinstance(body, Chat):
        return ""
    kept: list[dict[str, Any]] = []
    room = 4 * longest
    for message in reversed(body.messages):
        parts = [said for part in message.parts if (said := _part(part, longest)) is not None]
        room -= len(msgspec.json.encode(parts))
        if room < 0:
            break
        kept.append({"role": message.role, "parts": parts})
    return msgspec.json.encode(kept[::-1]).decode()


class Heard:
    """The text of a reply as it flows, up to `longest` characters."""

    def __init__(self, longest: int) -> None:
        self._room, self._said = longest, list[str]()

    def hear(self, event: Event) -> None:
        """One event."""
        if self._room <= 0 or len(self._said) >= PIECES:
            return
        try:
            text = event.text
        except ProviderError:
            return  # what cannot be read is for others to complain of
        self._said.append(text[: self._room])
        self._room -= len(text)

    def answered(self) -> str:
        """`gen_ai.output.messages`: JSON; empty when nothing was said."""
        text = "".join(self._said)
        message = {"role": "assistant", "parts": [{"type": "text", "content": text}]}
        return msgspec.json.encode([message]).decode() if text else ""


def _part(part: Part, longest: int) -> dict[str, Any] | None:
    if isinstance(part, Text | Refusal):
        return {"type": "text", "content": part.text[:longest]}
    if isinstance(part, Thinking):
        return {"type": "reasoning", "content": part.text[:longest]}
    if isinstance(part, ToolCall):
        return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": part.arguments[:longest]}
    if isinstance(part, ToolResult):
        text = "".join(one.text for one in part.parts if isinstance(one, Text))
        return {"type": "tool_call_response", "id": part.call_id, "response": text[:longest]}
    if isinstance(part, Media):
        return {
            "type": "uri",
            "modality": part.kind,
            "mime_type": part.media_type,
            "uri": "" if part.inline else part.url[:longest],
        }
    return None
