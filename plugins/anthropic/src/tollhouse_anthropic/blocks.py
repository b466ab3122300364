"""Writes the parts of a message as content blocks."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Receipt
from tollhouse.neutral import Media, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult

from .extras import write_extra
from .media import write_media
from .name import NAME

_ID = re.compile(r"[a-zA-Z0-9_-]+\Z")
_FOREIGN = "tollhouse_"
_SIGNED = frozenset({NAME, "bedrock"})
"""Dialects in which Claude's thoughts are signed: one platform's are valid on the other.
https://platform.claude.com/docs/en/build-with-claude/extended-thinking"""
_MARK = re.compile(r"[A-Za-z0-9+/=_-]+\Z")
"""What signatures and encrypted thoughts look like."""


class Blocks:
    """Writes the parts of one request. `own` says that they came in this dialect."""

    def __init__(self, own: bool, receipt: Receipt) -> None:
        self.own, self.receipt = own, receipt

    def write(self, parts: list[Part], role: str, at: str) -> list[Any]:
        """The blocks of a message's parts, in their order."""
        written = []
        for n, part in enumerate(parts):
            block = self._block(part, role, f"{at}.parts[{n}]")
            if isinstance(block, dict) and not isinstance(part, ToolResult):
                block = write_extra(block, part.extra, f"{at}.parts[{n}]", self.receipt)
            if block is not None:
                written.append(block)
        return written

    def _block(self, part: Part, role: str, at: str) -> dict[str, Any] | Raw | None:
        if isinstance(part, Text):
            return self._text(part.text, at)
        if isinstance(part, ToolCall):
            input_ = self._input(part.arguments, f"{at}.arguments")
            return {"type": "tool_use", "id": self._id(part.id), "name": part.name, "input": input_}
        if isinstance(part, ToolResult):
            return self._result(part, at)
        if isinstance(part, Refusal) and part.text:
            self.receipt.note("approximated", at, "said as text")
            return self._text(part.text, at)
        if isinstance(part, Media) and role != "assistant":
            return write_media(part, self.own, at, self.receipt)
        if isinstance(part, Opaque) and part.dialect == NAME:
            return part.raw
        if isinstance(part, Thinking) and (self.own or _is_claudes(part)):
            if part.opaque:
                return {"type": "redacted_thinking", "data": part.opaque}
            return {"type": "thinking", "thinking": part.text, "signature": part.signature}
        if isinstance(part, Thinking):
            self.receipt.note("dropped", at, f"thoughts go back to {part.origin or 'their origin'} only")
        else:
            kind = part.kind if isinstance(part, Opaque | Media) else type(part).__name__.lower()
            self.receipt.note("dropped", at, f"{role} turns have no {kind} here")
        return None

    def _text(self, text: str, at: str) -> dict[str, Any] | None:
        """Anthropic refuses blocks without any visible character; an empty one says nothing anyway."""
        if not self.own and not text.strip():
            if text:
                self.receipt.note("dropped", at, "it is blank")
            return None
        return {"type": "text", "text": text}

    def _input(self, arguments: str, at: str) -> Raw | dict[str, str]:
        """A tool's input must be an object; what is none becomes one with the arguments as text."""
        if not arguments.strip():
            return Raw(b"{}")
        try:
            value = msgspec.json.decode(arguments)
        except (msgspec.DecodeError, RecursionError):
            value = None
        if isinstance(value, dict) or (self.own and value is not None):
            return Raw(arguments.encode())
        self.receipt.note("approximated", at, "they are no JSON object")
        return {"arguments": arguments}

    def _result(self, result: ToolResult, at: str) -> dict[str, Any]:
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": self._id(result.call_id)}
        block["content"] = self.write(list(result.parts), "tool", at)
        if result.error:
            block["is_error"] = True
        block = write_extra(block, result.extra, at, self.receipt)
        if not block["content"]:
            del block["content"]
        else:
            block["content"] = shortened(block["content"])
        return block

    def _id(self, id_: str) -> str:
        """An id Anthropic accepts: itself, or in hexadecimal digits under a prefix of ours, one for one."""
        return id_ if self.own or _ID.match(id_) else _FOREIGN + id_.encode().hex()


def _is_claudes(part: Thinking) -> bool:
    """Whether a thought that another dialect's caller kept is one of Claude's, whose mark it still bears."""
    return part.origin in _SIGNED and _MARK.match(part.opaque or part.signature) is not None


def shortened(content: list[Any]) -> list[Any] | str:
    """One plain text is written as a string."""
    if len(content) == 1 and isinstance(content[0], dict) and set(content[0]) == {"type", "text"}:
        return str(content[0]["text"])
    return content
