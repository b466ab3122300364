"""Events forwarded as they came, with items made here among them, and with what relays changed said throughout."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Edit, Frame
from tollhouse.framing import sse
from tollhouse.json_patch import patch
from tollhouse.neutral import Delta, Path

from .decoder import ResponseDecoder, unreadable
from .events import ENDS, TEXTS, Event, read_event
from .outputs import Output

_object = msgspec.json.Decoder(dict[str, Raw])
_dict = msgspec.json.Decoder(dict[str, Any])
_PART_ENDS = frozenset({"response.content_part.done", "response.reasoning_summary_part.done"})
_NAMES = {(kind, place): name for name, (kind, place, _) in TEXTS.items()}


class Forwarded:
    """The events of an upstream of this dialect. A `done` repeats the text of its deltas, and the last event that of
    all: they are made to repeat what the deltas said when they came here."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._decoder = ResponseDecoder()
        self._texts: dict[int, list[str]] = {}
        self._kinds: dict[int, str] = {}
        self._items: dict[int, str] = {}
        """Names of items by the number they came with."""
        self._waiting: list[tuple[bytes, bytes, Event, bool]] = []
        self._closed: set[int] = set()
        """Parts whose whole text was told."""
        self.changed = False
        """Whether the output differs from what came."""
        self.base: Raw | None = None
        """The response as it began."""
        self.ended = False

    def write(self, frame: Frame) -> bytes:
        """An event of the upstream: the same bytes, unless something before it was changed. The end of a part of which
        something is still held back waits for its item's end, before which a relay lets go of it. Raises
        `ProviderError` for one that cannot be read."""
        try:
            return self._write(frame)
        except (msgspec.DecodeError, RecursionError):
            raise unreadable() from None

    def _write(self, frame: Frame) -> bytes:
        raw = frame.raw
        data = sse.data(raw)
        if not data or data.startswith(b"[DONE]"):
            return raw
        event = read_event(data)
        repeats = frame.kind != "content"
        for happening in self._decoder.read(event, data):
            if isinstance(happening, Delta) and not repeats:
                self._texts.setdefault(happening.index, []).append(happening.text)
        if self._ends_part(event) and (self._waiting or self._part_done(event, repeats)):
            self._waiting.append((raw, data, event, repeats))
            return b""
        waiting, self._waiting = [*self._waiting, (raw, data, event, repeats)], []
        return b"".join(self._written(*one) for one in waiting)

    def _written(self, raw: bytes, data: bytes, event: Event, repeats: bool) -> bytes:
        edits = self._renumbered(event, data)
        if event.type in ENDS:
            edits += self._end(event, repeats)
        elif event.type == "response.output_item.done":
            edits += self._item_done(event, repeats)
        elif self._ends_part(event):
            edits += self._part_done(event, repeats)
            if (grows := event.grows()) and (index := self._index(grows[1])) is not None:
                self._closed.add(index)
        elif grows := event.grows():
            if (index := self._index(grows[1])) is not None:
                self._kinds.setdefault(index, grows[0])
        elif self.base is None and bytes(event.response) != b"null":
            self.base = event.response
        elif event.type == "response.output_item.added":
            self._items[event.output_index] = _id(event.item)
        return sse.with_data(raw, patch(data, edits)) if edits else raw

    def knows(self, index: int) -> bool:
        """Whether this part was forwarded, and its whole text not yet told."""
        return index < len(self._decoder.reader.keys) and index not in self._closed

    def grow(self, delta: Delta) -> bytes:
        """A delta made here of a part that was forwarded."""
        number, place, at = self._decoder.reader.keys[delta.index]
        kind = self._kinds.get(delta.index) or ("tool_call" if place == "arguments" else "text")
        name = _NAMES.get((kind, place), "response.output_text")
        if place == "summary":
            name = "response.reasoning_summary_text"
        self._texts.setdefault(delta.index, []).append(delta.text)
        where: dict[str, Any] = {"item_id": self._items.get(number, ""), "output_index": self._output.adopt(number)}
        if place != "arguments":
            where[f"{place}_index"] = at
        more: dict[str, Any] = {"logprobs": []} if name == "response.output_text" else {}
        return self._output.event(f"{name}.delta", **where, delta=delta.text, **more)

    def _renumbered(self, event: Event, data: bytes) -> list[Edit]:
        edits = []
        number = self._output.number(event.sequence_number)
        if event.sequence_number is not None and number != event.sequence_number:
            edits.append(Edit(("sequence_number",), number))
        if b'"output_index"' in data and (place := self._output.adopt(event.output_index)) != event.output_index:
            edits.append(Edit(("output_index",), place))
            self.changed = True
        return edits

    def _ends_part(self, event: Event) -> bool:
        return event.type in _PART_ENDS or (event.type.endswith(".done") and event.grows() is not None)

    def _part_done(self, event: Event, repeats: bool) -> list[Edit]:
        """What makes the end of a part repeat what was told of it."""
        if grows := event.grows():
            field = TEXTS[event.type.rpartition(".")[0]][2]
            return self._edits(grows[1], {field: event.whole()}, field, (), repeats)
        place = "summary" if "summary" in event.type else "content"
        number = event.summary_index if place == "summary" else event.content_index
        return self._part_edits((event.output_index, place, number), _dict.decode(event.part), ("part",), repeats)

    def _item_done(self, event: Event, repeats: bool) -> list[Edit]:
        item = _dict.decode(event.item)
        edits = self._item_edits(event.output_index, item, ("item",), repeats)
        kept = Raw(patch(bytes(event.item), [Edit(e.path[1:], e.value) for e in edits])) if edits else event.item
        self._output.items[self._output.adopt(event.output_index)] = kept
        return edits

    def _end(self, event: Event, repeats: bool) -> list[Edit]:
        self.ended = True
        response = _object.decode(event.response)
        items = msgspec.json.decode(response.get("output") or b"[]", type=list[Raw] | None) or []
        edits: list[Edit] = []
        for n, raw in enumerate(items):
            found = self._item_edits(n, _dict.decode(raw), ("response", "output", n), repeats)
            edits += found
            kept = patch(bytes(raw), [Edit(e.path[3:], e.value) for e in found]) if found else bytes(raw)
            self._output.items[self._output.adopt(n)] = Raw(kept)
        if self.changed:
            return [Edit(("response", "output"), self._output.ended())]
        return edits

    def _item_edits(self, number: int, item: dict[str, Any], path: Path, repeats: bool) -> list[Edit]:
        if item.get("type") == "function_call":
            return self._edits((number, "arguments", 0), item, "arguments", path, repeats)
        edits: list[Edit] = []
        for place in ("content", "summary"):
            parts = item.get(place)
            for n, part in enumerate(parts if isinstance(parts, list) else ()):
                if isinstance(part, dict):
                    edits += self._part_edits((number, place, n), part, (*path, place, n), repeats)
        return edits

    def _part_edits(self, key: Any, part: dict[str, Any], path: Path, repeats: bool) -> list[Edit]:
        return self._edits(key, part, "refusal" if part.get("type") == "refusal" else "text", path, repeats)

    def _edits(self, key: Any, fields: dict[str, Any], field: str, path: Path, repeats: bool) -> list[Edit]:
        """What makes a repeated text the one that was told; nothing for one that is told here."""
        index = self._index(key)
        told = None if index is None else self._texts.get(index)
        if told is None and not repeats:
            return []
        text = "".join(told or ())
        if not isinstance(fields.get(field), str) or fields[field] == text:
            return []
        edits = [Edit((*path, field), text)]
        if fields.get("logprobs"):
            edits.append(Edit((*path, "logprobs"), []))
        return edits

    def _index(self, key: Any) -> int | None:
        keys = self._decoder.reader.keys
        return keys.index(key) if key in keys else None


def _id(item: Raw) -> str:
    value = _dict.decode(item).get("id")
    return value if isinstance(value, str) else ""
