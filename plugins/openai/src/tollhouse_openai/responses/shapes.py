"""Items and their parts while they are written: what they are called, and what they look like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from tollhouse.neutral import PartStart

from .items import TEXT_OF_THOUGHT

_decode = msgspec.json.decode


@dataclass(slots=True)
class Item:
    """An item of the output."""

    kind: str
    id: str
    number: int
    head: dict[str, Any]
    extra: dict[str, Any] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    open: int = 0

    def body(self, status: str) -> dict[str, Any]:
        """The item as it ends."""
        said: dict[str, Any] = {"id": self.id, "type": self.kind, **self.head}
        if self.kind != "reasoning":
            said["status"] = status
        if self.kind == "function_call":
            said["arguments"] = "".join(self.parts[0].text)
        elif self.kind == "message":
            said["content"] = [part.body() for part in self.parts]
        else:
            said["summary"] = [part.body() for part in self.parts if part.place == "summary"]
            if full := [part.body() for part in self.parts if part.place == "content"]:
                said["content"] = full
        return {**said, **self.extra}


@dataclass(slots=True)
class Part:
    """A part of an item."""

    item: Item
    name: str
    """What its events are called."""
    type: str
    place: str
    number: int
    text: list[str] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> dict[str, Any]:
        """Where its events say they belong."""
        said: dict[str, Any] = {"item_id": self.item.id, "output_index": self.item.number}
        return said if self.place == "arguments" else {**said, f"{self.place}_index": self.number}

    def body(self, empty: bool = False) -> dict[str, Any]:
        """The part as it stands in its item; `empty` as it is announced."""
        text = "" if empty else "".join(self.text)
        if self.type == "refusal":
            return {"type": self.type, "refusal": text}
        said: dict[str, Any] = {"type": self.type, "text": text}
        if self.type == "output_text":
            said |= {"annotations": [], "logprobs": []}
        return said if empty else {**said, **self.extra}


def begun(item: Item) -> dict[str, Any]:
    """The item as it is announced: without anything said."""
    said: dict[str, Any] = {"id": item.id, "type": item.kind, **item.head}
    match item.kind:
        case "message":
            said |= {"status": "in_progress", "content": []}
        case "function_call":
            said |= {"status": "in_progress", "arguments": ""}
        case _:
            said["summary"] = []
    return {**said, **{name: raw for name, raw in item.extra.items() if name != "encrypted_content"}}


def part_of(item: Item, start: PartStart, own: dict[str, Any]) -> Part:
    """The next part of an item."""
    match start.kind:
        case "tool_call":
            return Part(item, "response.function_call_arguments", "", "arguments", 0)
        case "refusal":
            return Part(item, "response.refusal", "refusal", "content", len(item.parts))
        case "thinking":
            place = "content" if text_of(own, "type") == TEXT_OF_THOUGHT else "summary"
            number = sum(part.place == place for part in item.parts)
            if place == "content":
                return Part(item, "response.reasoning_text", TEXT_OF_THOUGHT, place, number)
            return Part(item, "response.reasoning_summary_text", "summary_text", place, number)
        case _:
            return Part(item, "response.output_text", "output_text", "content", len(item.parts))


def frame_of(part: Part) -> str:
    """What the events around a part are called; empty for a part without any."""
    return {"content": "response.content_part", "summary": "response.reasoning_summary_part"}.get(part.place, "")


def text_of(fields: dict[str, Any], name: str) -> str:
    """A field of leftovers that is a text; empty when it is not there."""
    return str(_decode(fields[name])) if name in fields else ""
