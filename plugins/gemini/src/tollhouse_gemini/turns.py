"""Writes messages of any dialect as Gemini's contents: two roles, the instructions apart, results in one turn."""

from __future__ import annotations

from typing import Any

from tollhouse import Receipt
from tollhouse.neutral import Media, Message, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult

from .fields import NAME, merge, note_extra
from .ids import given_id, name_in
from .media import write_media
from .signatures import SKIP, own_signature
from .structs import arguments, as_object, result
from .thinking import modern

_Content = dict[str, Any]


class Turns:
    """The messages of one request on their way: `system` and `contents` are what became of them."""

    def __init__(self, messages: list[Message], own: bool, model: str, receipt: Receipt) -> None:
        self.system: _Content | None = None
        self.contents: list[_Content] = []
        self._own, self._modern, self._receipt = own, modern(model), receipt
        self._names = {part.id: part.name for m in messages for part in m.parts if isinstance(part, ToolCall)}
        self._behind: list[Any] = []
        self._results: list[Any] | None = None
        for n, message in enumerate(messages):
            if message.role != "tool":
                self._place_behind()
            self._write(message, f"messages[{n}]")
        self._place_behind()

    def _write(self, message: Message, at: str) -> None:
        note_extra(message.extra, at, self._receipt)
        if message.name:
            self._receipt.note("dropped", f"{at}.name", "contents have no names")
        parts = self._parts(message, at)
        if message.role in ("system", "developer"):
            self._instruct(message, parts, at)
        elif self._results is not None and message.role == "tool" and not self._own:
            self._results += parts
        elif parts or self._own:
            role = "model" if message.role == "assistant" else "user"
            self.contents.append(merge({"role": role, "parts": parts}, message.extra))
            self._results = parts if message.role == "tool" else None
        else:
            self._receipt.note("dropped", at, "a content without parts is refused")

    def _instruct(self, message: Message, parts: list[Any], at: str) -> None:
        """System text stands apart, wherever it was; one content holds all of it."""
        if self.contents:
            self._receipt.note("approximated", at, "moved to the instructions before all turns")
        if self.system is None:
            self.system = merge({"parts": []}, message.extra)
        self.system["parts"] += parts

    def _parts(self, message: Message, at: str) -> list[Any]:
        written: list[Any] = []
        signature, signed = "", False
        for n, part in enumerate(message.parts):
            here = f"{at}.parts[{n}]"
            note_extra(part.extra, here, self._receipt)
            if isinstance(part, Thinking):
                signature = self._think(part, here, written, message.parts[n + 1 : n + 2])
                continue
            if isinstance(part, ToolCall):
                said = self._call(part, here)
                if signature:
                    said["thoughtSignature"] = signature
                elif self._modern and not signed and not self._own:
                    said["thoughtSignature"] = SKIP
                    self._receipt.note("approximated", here, "its thought signature is not known")
                signature, signed = "", True
                written.append(said)
            elif (other := self._part(part, here)) is not None:
                written.append(other)
        return written

    def _think(self, part: Thinking, at: str, written: list[Any], follows: list[Part]) -> str:
        """Write a thought. Its signature goes with the call that follows it, which is where Gemini wants it, else
        with the text it stands behind. Returns what the next call has to bear."""
        signature = own_signature(part.signature)
        if not signature and not self._own and (part.text or part.signature or part.opaque):
            self._receipt.note("dropped", at, f"thoughts go back to {part.origin or 'their origin'} only")
            return ""
        said: dict[str, Any] = {"text": part.text, "thought": True}
        if part.opaque:
            self._receipt.note("dropped", f"{at}.opaque", "it belongs to its origin")
        if signature and follows and isinstance(follows[0], ToolCall):
            if part.text:
                written.append(merge(said, part.extra))
            return signature
        if not part.text and signature:
            last = written[-1] if written else None
            if isinstance(last, dict) and "text" in last and "thoughtSignature" not in last:
                last["thoughtSignature"] = signature
                return ""
            said = {"text": ""}
        if signature:
            said["thoughtSignature"] = signature
        written.append(merge(said, part.extra))
        return ""

    def _part(self, part: Part, at: str) -> Any:
        if isinstance(part, Text):
            return merge({"text": part.text}, part.extra)
        if isinstance(part, Refusal):
            self._receipt.note("approximated", at, "a refusal becomes text")
            return merge({"text": part.text}, part.extra)
        if isinstance(part, Media):
            said = write_media(part, at, self._own, self._receipt)
            return None if said is None else merge(said, part.extra)
        if isinstance(part, ToolResult):
            return self._result(part, at)
        if isinstance(part, Opaque) and part.dialect == NAME:
            return part.raw
        kind = part.kind if isinstance(part, Opaque) else type(part).__name__
        self._receipt.note("dropped", at, f"contents have no {kind} here")
        return None

    def _call(self, call: ToolCall, at: str) -> dict[str, Any]:
        function: dict[str, Any] = {"name": call.name, "args": arguments(call.arguments)}
        if id_ := given_id(call.id):
            function["id"] = id_
        if call.arguments.strip() and as_object(call.arguments) is None:
            self._receipt.note("approximated", f"{at}.arguments", "no JSON object, kept as text")
        return merge({"functionCall": function}, call.extra)

    def _result(self, answer: ToolResult, at: str) -> dict[str, Any]:
        name = self._names.get(answer.call_id) or name_in(answer.call_id)
        extra = answer.extra.fields if answer.extra and answer.extra.dialect == NAME else {}
        if not name and "functionResponse.name" not in extra:
            self._receipt.note("approximated", f"{at}.name", "no call with its id precedes it")
            name = answer.call_id or "unknown"
        function: dict[str, Any] = {} if "functionResponse.name" in extra else {"name": name}
        if id_ := given_id(answer.call_id):
            function["id"] = id_
        texts = [part.text for part in answer.parts if isinstance(part, Text)]
        if len(texts) > 1:
            self._receipt.note("approximated", at, "its texts are joined")
        function["response"] = result("\n".join(texts), answer.error) if texts or answer.error else {}
        media = []
        for n, part in enumerate(answer.parts):
            here = f"{at}.parts[{n}]"
            note_extra(part.extra, here, self._receipt)
            if isinstance(part, Media) and (said := write_media(part, here, self._own, self._receipt)) is not None:
                media.append(merge(said, part.extra))
                if not (self._own or self._modern):
                    self._receipt.note("approximated", here, "moved behind its function's response")
        if media and (self._own or self._modern):
            function["parts"] = media
        else:
            self._behind += media
        return merge({"functionResponse": function}, answer.extra)

    def _place_behind(self) -> None:
        """Media of results, in a turn behind all results of their turn."""
        if self._behind:
            self.contents.append({"role": "user", "parts": self._behind})
            self._behind = []
