"""Writes messages of any dialect as input items: one for what is said, one for each call, result and thought."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse import Receipt
from tollhouse.json_fields import merge
from tollhouse.neutral import Extra, Media, Message, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult

from ..content import AUDIO_TYPES
from .content import CONTENT
from .items import TEXT_OF_THOUGHT
from .name import NAME

_AUDIO_FORMATS = {media_type: form for form, media_type in AUDIO_TYPES.items()}
_decode = msgspec.json.decode


class Turns:
    """The items of one request. `own` says that it came in this dialect, whose thoughts may go back."""

    def __init__(self, own: bool, receipt: Receipt) -> None:
        self._own, self._receipt = own, receipt
        self._items: list[Any] = []

    def write(self, messages: list[Message]) -> list[Any]:
        """The items of these messages, in their order."""
        for n, message in enumerate(messages):
            self._message(message, f"messages[{n}]")
        return self._items

    def _message(self, message: Message, at: str) -> None:
        self._note(message.extra, at)
        if message.name:
            self._receipt.note("dropped", f"{at}.name", "items have no name here")
        extra = message.extra
        content: list[Any] = []
        last: Thinking | None = None
        spoke = False

        def say() -> None:
            nonlocal extra, spoke
            if content:
                role = "user" if message.role == "tool" else message.role
                self._items.append(merge({"role": role, "content": _shortened(content)}, extra, NAME))
                extra, spoke = None, True
                content.clear()

        for n, part in enumerate(message.parts):
            where = f"{at}.parts[{n}]"
            if isinstance(part, Text | Refusal | Media) or (isinstance(part, Opaque) and part.kind.startswith(CONTENT)):
                self._note(part.extra, where)
                if (written := self._part(part, message.role, where)) is not None:
                    content.append(written)
                continue
            say()
            spoke = True
            self._item(part, last, where)
            last = part if isinstance(part, Thinking) else None
        say()
        if not spoke and not message.parts:
            self._items.append(merge({"role": message.role, "content": []}, extra, NAME))

    def _item(self, part: Part, last: Thinking | None, at: str) -> None:
        if isinstance(part, Thinking):
            self._think(part, last, at)
        elif isinstance(part, ToolCall):
            self._note(part.extra, at)
            call = {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": part.arguments}
            self._items.append(merge(call, part.extra, NAME))
        elif isinstance(part, ToolResult):
            self._result(part, at)
        elif isinstance(part, Opaque) and part.dialect == NAME:
            self._items.append(part.raw)
        elif isinstance(part, Opaque):
            self._receipt.note("dropped", at, f"responses have no {part.kind} here")

    def _think(self, part: Thinking, last: Thinking | None, at: str) -> None:
        if not self._own or part.origin:
            self._receipt.note("dropped", at, f"thoughts go back to {part.origin or 'their origin'} only")
            return
        kept = dict(part.extra.fields) if part.extra else {}
        full = _decode(kept.pop("type", b'""')) == TEXT_OF_THOUGHT
        if last is None or not _of_one_item(last, part):
            self._items.append(merge({"type": "reasoning", "summary": []}, Extra(NAME, kept), NAME))
        item = self._items[-1]
        if part.text or part.path[-1:] == ("text",):
            kind, field = (TEXT_OF_THOUGHT, "content") if full else ("summary_text", "summary")
            item.setdefault(field, []).append({"type": kind, "text": part.text})
        if part.opaque:
            item["encrypted_content"] = part.opaque

    def _result(self, result: ToolResult, at: str) -> None:
        self._note(result.extra, at)
        if result.error:
            self._receipt.note("dropped", f"{at}.error", "an output cannot say that its tool failed")
        content: list[Any] = []
        for n, part in enumerate(result.parts):
            self._note(part.extra, f"{at}.parts[{n}]")
            if (written := self._part(part, "user", f"{at}.parts[{n}]")) is not None:
                content.append(written)
        item: dict[str, Any] = {"type": "function_call_output", "call_id": result.call_id, "output": content}
        item = merge(item, result.extra, NAME)
        item["output"] = _shortened(content) if content else ""
        self._items.append(item)

    def _part(self, part: Part, role: str, at: str) -> Any:
        if isinstance(part, Text):
            kind = "output_text" if role == "assistant" else "input_text"
            return merge({"type": kind, "text": part.text}, part.extra, NAME)
        if isinstance(part, Refusal):
            if role == "assistant":
                return merge({"type": "refusal", "refusal": part.text}, part.extra, NAME)
            self._receipt.note("approximated", at, "said as text")
            return {"type": "input_text", "text": part.text}
        if isinstance(part, Media) and role != "assistant":
            written = self._media(part, at)
            return None if written is None else merge(written, part.extra, NAME)
        if isinstance(part, Opaque) and part.dialect == NAME:
            return part.raw
        kind = part.kind if isinstance(part, Opaque | Media) else type(part).__name__.lower()
        self._receipt.note("dropped", at, f"{role} items have no {kind.removeprefix(CONTENT)} here")
        return None

    def _media(self, media: Media, at: str) -> dict[str, Any] | None:
        """A file's id wins over its address, and that over its bytes."""
        url = media.url or (f"data:{media.media_type};base64,{media.inline}" if media.inline else "")
        if media.inline and not media.media_type and media.kind != "document":
            self._receipt.note("approximated", at, "its media type is unknown")
        if media.kind == "image" and (url or media.file_id):
            said = {"image_url": url, "file_id": media.file_id, "detail": media.detail}
            return {"type": "input_image", **{name: value for name, value in said.items() if value}}
        if media.kind == "audio" and media.inline:
            form = _AUDIO_FORMATS.get(media.media_type, media.media_type.removeprefix("audio/"))
            return {"type": "input_audio", "input_audio": {"data": media.inline, **({"format": form} if form else {})}}
        if media.kind == "document" or media.file_id:
            said = {"file_id": media.file_id, "filename": media.name, "file_url": media.url}
            said["file_data"] = (url if media.media_type else media.inline) if media.inline else ""
            return {"type": "input_file", **{name: value for name, value in said.items() if value}}
        self._receipt.note("dropped", at, f"responses take no {media.kind} here")
        return None

    def _note(self, extra: Extra | None, at: str) -> None:
        if extra is not None and extra.dialect != NAME:
            for name in extra.fields:
                self._receipt.note("dropped", f"{at}.{name}", f"known to {extra.dialect} only")


def _shortened(content: list[Any]) -> Any:
    """One plain text of a user is written as a string."""
    if len(content) == 1 and isinstance(content[0], dict) and content[0].keys() == {"type", "text"}:
        return content[0]["text"]
    return list(content)


def _of_one_item(first: Thinking, second: Thinking) -> bool:
    """Whether two thoughts stood in one item: it has a name, or else a place."""
    names = [bytes(part.extra.fields.get("id", b"")) if part.extra else b"" for part in (first, second)]
    if any(names):
        return names[0] == names[1]
    return bool(first.path) and first.path[:2] == second.path[:2]
