"""Writes the parts of a message as content blocks."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Receipt
from tollhouse.json_fields import merge
from tollhouse.neutral import Extra, Media, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult

from .families import family
from .marks import CACHE, point_of
from .media import MediaWriter
from .name import NAME
from .redacted import write_redacted

_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}\Z")
_SIGNED = frozenset({NAME, "anthropic"})
"""Dialects in which Claude's signed thoughts are written: one platform's are valid on the other.
https://platform.claude.com/docs/en/build-with-claude/extended-thinking"""


class Blocks:
    """Writes the parts of one request to `model`, whose caller speaks `dialect`. `caches` says whether the model may
    take cache points."""

    def __init__(self, dialect: str, model: str, caches: bool, receipt: Receipt) -> None:
        self.own, self.receipt = dialect == NAME, receipt
        self._claude = family(model) == "claude"
        self._signed = self.own or (dialect in _SIGNED and self._claude)
        self._caches = self.own or caches
        self._media = MediaWriter(self.own, receipt)

    def write(self, parts: list[Part], role: str, at: str) -> list[Any]:
        """The blocks of a message's parts, in their order, each followed by its cache point."""
        written: list[Any] = []
        for n, part in enumerate(parts):
            block = self._block(part, role, f"{at}.parts[{n}]")
            if isinstance(block, dict):
                block = self.extended(block, part.extra, f"{at}.parts[{n}]")
            if block is not None:
                written.append(block)
                written += self.points(part.extra, f"{at}.parts[{n}]")
        return written

    def points(self, extra: Extra | None, at: str) -> list[dict[str, Any]]:
        """The cache point that follows a part, if it bears a mark and the model may take one."""
        point = point_of(extra)
        if point is not None and not self._caches:
            self.receipt.note("dropped", f"{at}.{CACHE}", "this model takes no cache points")
            return []
        return [] if point is None else [point]

    def extended(self, block: dict[str, Any], extra: Extra | None, at: str) -> dict[str, Any]:
        """The block with its leftovers; of another dialect's each has a line on the receipt, but for cache marks."""
        if extra is None:
            return block
        others = Extra(extra.dialect, {name: raw for name, raw in extra.fields.items() if name != CACHE})
        if extra.dialect == NAME:
            return merge(block, others, NAME)
        for name in others.fields:
            self.receipt.note("dropped", f"{at}.{name}" if at else name, f"known to {extra.dialect} only")
        return block

    def _block(self, part: Part, role: str, at: str) -> dict[str, Any] | Raw | None:
        if isinstance(part, Text):
            return self._text(part.text, part.extra, at)
        if isinstance(part, ToolCall):
            input_ = self._input(part.arguments, f"{at}.arguments")
            return {"toolUse": {"toolUseId": self._id(part.id), "name": part.name, "input": input_}}
        if isinstance(part, ToolResult):
            return self._result(part, at)
        if isinstance(part, Refusal) and part.text:
            self.receipt.note("approximated", at, "said as text")
            return self._text(part.text, None, at)
        if isinstance(part, Media) and (self.own or role not in ("assistant", "system")):
            return self._media.write(part, at)
        if isinstance(part, Opaque) and part.dialect == NAME:
            return part.raw
        if isinstance(part, Thinking):
            return self._thinking(part, at)
        kind = part.kind if isinstance(part, Opaque | Media) else type(part).__name__.lower()
        self.receipt.note("dropped", at, f"{role} turns have no {kind} here")
        return None

    def _text(self, text: str, extra: Extra | None, at: str) -> dict[str, Any] | None:
        """Bedrock refuses text without any visible character; an empty one says nothing anyway."""
        if extra is not None and extra.dialect == NAME:
            if "guardContent" in extra.fields:
                return {"guardContent": {"text": {"text": text}}}
            if "citationsContent" in extra.fields:
                return {"citationsContent": {"content": [{"text": text}]}}
        if not self.own and not text.strip():
            if text:
                self.receipt.note("dropped", at, "it is blank")
            return None
        return {"text": text}

    def _thinking(self, part: Thinking, at: str) -> dict[str, Any] | None:
        signed = self._signed or (part.origin in _SIGNED and self._claude)
        if signed and part.opaque:
            return {"reasoningContent": {"redactedContent": write_redacted(part.opaque)}}
        if self.own or (signed and part.signature):
            signature = {"signature": part.signature} if part.signature else {}
            return {"reasoningContent": {"reasoningText": {"text": part.text, **signature}}}
        self.receipt.note("dropped", at, f"thoughts go back to {part.origin or 'their origin'} only")
        return None

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
        content: list[Any] = []
        for n, part in enumerate(result.parts):
            here = f"{at}.parts[{n}]"
            block = {"text": part.text} if isinstance(part, Text) else self._media.write(part, here)
            if block is not None:
                content.append(self.extended(block, part.extra, here))
                if CACHE in (part.extra.fields if part.extra is not None else ()):
                    self.receipt.note("dropped", f"{here}.{CACHE}", "no cache point stands inside a result")
        if not content and not self.own:
            content.append({"text": "(no content)"})
            self.receipt.note("approximated", at, "a result must have content")
        said: dict[str, Any] = {"toolUseId": self._id(result.call_id), "content": content}
        if result.error:
            said["status"] = "error"
        return {"toolResult": said}

    def _id(self, id_: str) -> str:
        """An id Bedrock accepts: itself, or always the same one in its place."""
        if self.own or _ID.match(id_):
            return id_
        return "tollhouse_" + hashlib.sha256(id_.encode()).hexdigest()[:40]
