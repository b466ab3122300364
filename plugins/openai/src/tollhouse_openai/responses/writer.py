"""Writes parts as the items of a response, each from its beginning to its end."""

from __future__ import annotations

from typing import Any

from msgspec import Raw
from tollhouse import ProviderError
from tollhouse.neutral import Delta, Extra, Opaque, PartEnd, PartStart

from .name import NAME
from .outputs import Output
from .shapes import Item, Part, begun, frame_of, part_of, text_of
from .thoughts import Sealed, seal

_OF_PART = frozenset({"annotations", "logprobs", "type"})
"""What of a part's leftovers is not its item's."""
_KINDS = {"text": "message", "refusal": "message", "thinking": "reasoning", "tool_call": "function_call"}
_IDS = {"message": "msg", "reasoning": "rs", "function_call": "fc"}


class Writer:
    """Items of parts as they come; parts may be interleaved, each item's events are in order all the same. Texts of one
    go are the parts of one message. `base` makes names that are nobody else's."""

    def __init__(self, output: Output, base: str) -> None:
        self._output, self._base = output, base
        self._starts: dict[int, PartStart] = {}
        self._parts: dict[int, Part] = {}
        self._last: Item | None = None
        self._open: dict[int, Item] = {}
        self._ended: set[int] = set()
        self._sealed: dict[int, Sealed] = {}
        self.origin = ""
        """The dialect of who thinks."""

    def knows(self, index: int) -> bool:
        """Whether a part began here."""
        return index in self._starts

    def begin(self, start: PartStart) -> bytes:
        """A part begins. Texts and thoughts wait for what they say."""
        self._starts[start.index] = start
        if start.kind == "tool_call":
            return self._part(start)
        if start.kind == "opaque" and isinstance(start.opaque, Opaque) and start.opaque.dialect == NAME:
            return self._whole(start.opaque.raw)
        return b""

    def grow(self, delta: Delta) -> bytes:
        """More of a part; one that nobody began is text. Raises `ProviderError` for arguments of a call that has
        ended."""
        start = self._starts.setdefault(delta.index, PartStart(index=delta.index, kind="text"))
        if start.kind == "thinking" and (delta.signature or delta.opaque):
            sealed = self._sealed.setdefault(delta.index, Sealed(self.origin or "somebody else"))
            sealed.signature += delta.signature
            sealed.opaque += delta.opaque
        if start.kind == "opaque" or not delta.text:
            return b""
        out = b""
        if delta.index in self._ended:
            if start.kind == "tool_call":
                raise ProviderError("the upstream went on with a call that it had ended", kind="bad_reply")
            self._ended.discard(delta.index)
            del self._parts[delta.index]
        if delta.index not in self._parts:
            out = self._part(start)
        part = self._parts[delta.index]
        part.text.append(delta.text)
        more: dict[str, Any] = {"logprobs": []} if part.type == "output_text" else {}
        return out + self._output.event(f"{part.name}.delta", **part.at, delta=delta.text, **more)

    def end(self, end: PartEnd) -> bytes:
        """A part is complete."""
        start = self._starts.get(end.index)
        if start is None or start.kind == "opaque" or end.index in self._ended:
            return b""
        own = _own(end.extra)
        out = b""
        if end.index not in self._parts:
            if not own and end.index not in self._sealed:
                return b""
            out = self._part(start, seen=start.kind != "thinking")
        return out + self._end(end.index, own)

    def close(self, status: str = "completed") -> bytes:
        """End every part and item; the status is that of items that end now."""
        out = [self._end(index, {}) for index in list(self._parts) if index not in self._ended]
        self._last = None
        out += [self._done(item, status) for item in list(self._open.values())]
        return b"".join(out)

    def _part(self, start: PartStart, seen: bool = True) -> bytes:
        kind, own = _KINDS[start.kind], _own(start.extra)
        name = text_of(own, "id")
        out = []
        item = self._last
        if item is None or item.kind != kind or kind == "function_call" or not _joins(item, name):
            out.append(self._settle())
            item = self._item(kind, start, own, name)
            out.append(self._output.event("response.output_item.added", output_index=item.number, item=begun(item)))
        part = part_of(item, start, own)
        self._parts[start.index] = part
        if not seen:
            part.place = ""  # an item without any text, such as a thought that is encrypted only
        item.open += 1
        item.parts.append(part)
        if frame := frame_of(part):
            out.append(self._output.event(f"{frame}.added", **part.at, part=part.body(empty=True)))
        return b"".join(out)

    def _item(self, kind: str, start: PartStart, own: dict[str, Any], name: str) -> Item:
        number = self._output.place()
        head: dict[str, Any] = {}
        if kind == "message":
            head = {"role": "assistant"}
        elif kind == "function_call":
            head = {"call_id": start.id or f"call_{self._base}{number}", "name": start.name}
        item = Item(kind, name or f"{_IDS[kind]}_{self._base}{number}", number, head)
        item.extra = {field: raw for field, raw in own.items() if field not in _OF_PART and field != "id"}
        self._open[number] = self._last = item
        return item

    def _whole(self, raw: Raw) -> bytes:
        out = self._settle()
        number = self._output.place()
        self._output.items[number] = raw
        out += self._output.event("response.output_item.added", output_index=number, item=raw)
        return out + self._output.event("response.output_item.done", output_index=number, item=raw)

    def _end(self, index: int, own: dict[str, Any]) -> bytes:
        part = self._parts[index]
        item = part.item
        self._ended.add(index)
        item.open -= 1
        if (sealed := self._sealed.get(index)) is not None:
            own = {"encrypted_content": seal(sealed), **own}
        for name, raw in own.items():
            if name not in _OF_PART:
                item.extra[name] = raw
            elif name != "type":
                part.extra[name] = raw
        item.extra.pop("id", None)
        out = []
        whole = "".join(part.text)
        if part.place == "arguments":
            out.append(self._output.event(f"{part.name}.done", **part.at, name=item.head["name"], arguments=whole))
        elif part.place:
            field = "refusal" if part.type == "refusal" else "text"
            more: dict[str, Any] = {"logprobs": part.extra.get("logprobs", [])} if part.type == "output_text" else {}
            out.append(self._output.event(f"{part.name}.done", **part.at, **{field: whole}, **more))
            out.append(self._output.event(f"{frame_of(part)}.done", **part.at, part=part.body()))
        if not item.open and (item is not self._last or item.kind == "function_call"):
            out.append(self._done(item))
        return b"".join(out)

    def _settle(self) -> bytes:
        """Something else begins: the last item is complete, unless a part of it goes on."""
        last, self._last = self._last, None
        return self._done(last) if last is not None and not last.open else b""

    def _done(self, item: Item, status: str = "completed") -> bytes:
        if self._open.pop(item.number, None) is None:
            return b""
        body = self._output.items[item.number] = item.body(status)
        return self._output.event("response.output_item.done", output_index=item.number, item=body)


def _joins(item: Item, name: str) -> bool:
    """Whether a part belongs to the item before it: the one of that name; of two without a name, texts do."""
    return name == item.id if name else item.kind == "message"


def _own(extra: Extra | None) -> dict[str, Any]:
    return dict(extra.fields) if extra is not None and extra.dialect == NAME else {}
