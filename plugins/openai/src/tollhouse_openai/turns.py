"""Writes messages of any dialect as OpenAI's: one message a tool result, calls and refusals beside the content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tollhouse import Receipt
from tollhouse.json_fields import merge
from tollhouse.neutral import Extra, Media, Message, Opaque, Part, Refusal, Text, Thinking, ToolCall, ToolResult

from .content import AUDIO_TYPES, THOUGHTS
from .name import NAME

_AUDIO_FORMATS = {media_type: form for form, media_type in AUDIO_TYPES.items()}


def write_messages(messages: list[Message], own: bool, receipt: Receipt) -> list[dict[str, Any]]:
    """The messages as dicts to encode. `own` says that they came in this dialect, whose thoughts may go back."""
    return [
        turn for n, message in enumerate(messages) for turn in _Turn(message, f"messages[{n}]", own, receipt).write()
    ]


class _Turn:
    """One neutral message on its way to one or several of OpenAI's."""

    def __init__(self, message: Message, at: str, own: bool, receipt: Receipt) -> None:
        self.message, self.at, self.own, self.receipt = message, at, own, receipt
        self.moved: list[dict[str, Any]] = []

    def write(self) -> list[dict[str, Any]]:
        """Tool results first, each a message of its own; then the rest, if there is any or nothing else was."""
        message = self.message
        self._note_extra(message.extra, self.at)
        turns = [
            self._result(part, f"{self.at}.parts[{n}]")
            for n, part in enumerate(message.parts)
            if isinstance(part, ToolResult)
        ]
        rest = [(n, part) for n, part in enumerate(message.parts) if not isinstance(part, ToolResult)]
        if message.role == "tool" and len(turns) == 1 and not rest:
            turns[0] = merge(self._named(turns[0]), message.extra, NAME)
            if message.extra is not None and message.extra.dialect == NAME and "role" in message.extra.fields:
                turns[0]["role"] = message.extra.fields["role"]
        elif rest or not turns or self.moved:
            role = "user" if message.role == "tool" else message.role
            turn = self._named(self._plain(role, rest))
            empty = not turn["content"] and turn.keys() <= {"role", "content", "name"}
            if empty and rest and not self.own and message.role in ("assistant", "tool"):
                self.receipt.note("dropped", self.at, "nothing is left of it")
            else:
                turns.append(merge(turn, message.extra, NAME))
            self.moved = []
        if self.moved:
            turns.append({"role": "user", "content": self.moved})
        return turns

    def _named(self, turn: dict[str, Any]) -> dict[str, Any]:
        return {**turn, "name": self.message.name} if self.message.name else turn

    def _plain(self, role: str, parts: Sequence[tuple[int, Part]]) -> dict[str, Any]:
        turn: dict[str, Any] = {"role": role}
        content: list[Any] = list(self.moved)
        calls: list[Any] = []
        refusals = [n for n, part in parts if isinstance(part, Refusal)]
        for n, part in parts:
            at = f"{self.at}.parts[{n}]"
            if isinstance(part, Thinking):
                self._think(turn, part, at)
                continue
            self._note_extra(part.extra, at)
            if isinstance(part, ToolCall):
                function = {"name": part.name, "arguments": part.arguments}
                calls.append(merge({"id": part.id, "type": "function", "function": function}, part.extra, NAME))
            elif isinstance(part, Opaque) and part.dialect == NAME and part.kind.startswith("tool_call."):
                calls.append(part.raw)
            elif isinstance(part, Refusal) and role == "assistant" and refusals == [n] and part.extra is None:
                turn["refusal"] = part.text
            elif (written := self._part(part, at)) is not None:
                if calls:
                    self.receipt.note("approximated", at, "moved before the tool calls of its message")
                content.append(written)
        nothing = None if role == "assistant" else ""
        turn["content"] = content[0]["text"] if _is_text(content) else content or nothing
        if calls:
            turn["tool_calls"] = calls
        return turn

    def _think(self, turn: dict[str, Any], part: Thinking, at: str) -> None:
        if not self.own or part.signature or part.opaque:
            self.receipt.note("dropped", at, f"thoughts go back to {part.origin or 'their origin'} only")
            return
        field = part.path[-1] if part.path and part.path[-1] in THOUGHTS else THOUGHTS[0]
        turn[str(field)] = turn.get(str(field), "") + part.text

    def _part(self, part: Part, at: str) -> Any:
        if isinstance(part, Text):
            return merge({"type": "text", "text": part.text}, part.extra, NAME)
        if isinstance(part, Refusal):
            return merge({"type": "refusal", "refusal": part.text}, part.extra, NAME)
        if isinstance(part, Media):
            written = self._media(part, at)
            return None if written is None else merge(written, part.extra, NAME)
        if isinstance(part, Opaque) and part.dialect == NAME:
            return part.raw
        kind = part.kind if isinstance(part, Opaque) else type(part).__name__
        self.receipt.note("dropped", at, f"chat completions have no {kind} here")
        return None

    def _media(self, media: Media, at: str) -> dict[str, Any] | None:
        """OpenAI's part for a medium; a file's id wins over its address, and that over its bytes."""
        url = media.url or (f"data:{media.media_type};base64,{media.inline}" if media.inline else "")
        if media.inline and not media.media_type and media.kind != "document":
            self.receipt.note("approximated", at, "its media type is unknown")
        if media.kind in ("image", "video") and url:
            field = f"{media.kind}_url"
            return {"type": field, field: {"url": url, **({"detail": media.detail} if media.detail else {})}}
        if media.kind == "audio" and media.inline:
            form = _AUDIO_FORMATS.get(media.media_type, media.media_type.removeprefix("audio/"))
            said = {"data": media.inline, **({"format": form} if form else {})}
            return {"type": "input_audio", "input_audio": said}
        if media.file_id or media.inline:
            file = {"file_id": media.file_id, "filename": media.name}
            file["file_data"] = url if media.media_type else media.inline
            return {"type": "file", "file": {name: value for name, value in file.items() if value}}
        self.receipt.note("dropped", at, f"chat completions take no {media.kind} by address")
        return None

    def _result(self, result: ToolResult, at: str) -> dict[str, Any]:
        self._note_extra(result.extra, at)
        if result.error:
            self.receipt.note("dropped", f"{at}.error", "a tool message cannot say that its tool failed")
        content: list[Any] = []
        for n, part in enumerate(result.parts):
            self._note_extra(part.extra, f"{at}.parts[{n}]")
            written = self._part(part, f"{at}.parts[{n}]")
            if isinstance(part, Media) and not self.own and written is not None:
                self.receipt.note("approximated", f"{at}.parts[{n}]", "moved behind its tool message")
                self.moved.append(written)
            elif written is not None:
                content.append(written)
        turn: dict[str, Any] = {"role": "tool", "content": content}
        if result.call_id:
            turn["tool_call_id"] = result.call_id
        turn = merge(turn, result.extra, NAME)
        if _is_text(content) or not content:
            turn["content"] = content[0]["text"] if content else ""
        return turn

    def _note_extra(self, extra: Extra | None, at: str) -> None:
        if extra is not None and extra.dialect != NAME:
            for name in extra.fields:
                self.receipt.note("dropped", f"{at}.{name}", f"known to {extra.dialect} only")


def _is_text(content: list[Any]) -> bool:
    """Whether this is one plain text, which is written as a string."""
    return len(content) == 1 and isinstance(content[0], dict) and set(content[0]) == {"type", "text"}
