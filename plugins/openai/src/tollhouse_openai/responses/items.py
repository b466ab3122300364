"""Reads the input of a request: items of a conversation as messages, in their order."""

from __future__ import annotations

from typing import Literal, cast

import msgspec
from msgspec import Raw
from tollhouse import Rejected
from tollhouse.json_fields import Fields, convert
from tollhouse.json_patch import path_words
from tollhouse.neutral import Extra, Media, Message, Opaque, Part, Path, Text, Thinking, ToolCall, ToolResult

from .content import read_content
from .name import NAME
from .thoughts import unseal

TEXT_OF_THOUGHT = "reasoning_text"
"""The kind of a thought in full; a summary of one is the rule and not named."""

_Role = Literal["system", "developer", "user", "assistant"]
_ROLES = ("system", "developer", "user", "assistant")
_encode = msgspec.json.Encoder().encode


def read_input(fields: Fields) -> list[Message]:
    """The messages of `input`. Raises `Rejected` (400) naming the field."""
    raw = fields.raw("input")
    if raw is None:
        fields.need("input", str)
        return []
    if memoryview(raw)[0] == ord('"'):
        text = Text(text=convert(raw, str, ("input",)), path=("input",))
        return [Message(role="user", parts=[text], path=("input",))]
    fields.put_back("input", raw)
    turns = _Turns()
    for path, item in fields.items("input"):
        turns.take(path, item)
    return turns.messages


class _Turns:
    """Items as messages. What a model says in one go is several items and one message: its thoughts, one message
    item, its calls; the dialects that nest want to read them so."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._open: Message | None = None
        self._spoke = False
        """Whether the open message has a message item, or a call, behind which none may come."""

    def take(self, path: Path, raw: Raw) -> None:
        """One item. Raises `Rejected` (400) naming the field."""
        fields = Fields(raw, path)
        kind = fields.take("type", str) or ("message" if fields.has("role") else "item_reference")
        match kind:
            case "message":
                self._message(fields)
            case "function_call":
                self._model(path).parts.append(_call(fields))
                self._spoke = True
            case "reasoning":
                self._model(path).parts += _thoughts(fields)
            case "function_call_output":
                self._close(Message(role="tool", parts=[_result(fields)], path=path))
            case _ if kind.endswith("_output"):
                self._close(
                    Message(role="tool", parts=[Opaque(kind=kind, raw=raw, dialect=NAME, path=path)], path=path)
                )
            case _:
                self._model(path).parts.append(Opaque(kind=kind, raw=raw, dialect=NAME, path=path))

    def _message(self, fields: Fields) -> None:
        role = fields.need("role", str)
        if role not in _ROLES:
            at = path_words((*fields.path, "role"))
            raise Rejected(f"Unknown role {role[:40]!r} at `{at}`; known: {', '.join(_ROLES)}.", param=at)
        parts = read_content(fields, "content")
        _forget_completed(fields)
        if role != "assistant":
            message = Message(role=cast(_Role, role), parts=parts, path=fields.path)
            self._close(message)
        else:
            if self._spoke:
                self._open = None
            message = self._model(fields.path)
            message.parts += parts
            self._spoke = True
        message.extra = fields.extra_of(NAME)

    def _model(self, path: Path) -> Message:
        """The message that the model's items belong to."""
        if self._open is None:
            self._open = Message(role="assistant", parts=[], path=path)
            self._spoke = False
            self.messages.append(self._open)
        return self._open

    def _close(self, message: Message) -> None:
        self._open, self._spoke = None, False
        self.messages.append(message)


def _call(fields: Fields) -> ToolCall:
    call = ToolCall(
        id=fields.need("call_id", str),
        name=fields.need("name", str),
        arguments=fields.take("arguments", str) or "",
        path=(*fields.path, "arguments"),
    )
    _forget_completed(fields)
    call.extra = fields.extra_of(NAME)
    return call


def _result(fields: Fields) -> ToolResult:
    content = read_content(fields, "output")
    known = [part for part in content if isinstance(part, Text | Media)]
    result = ToolResult(call_id=fields.need("call_id", str), parts=known, path=fields.path)
    if unknown := [part.raw for part in content if isinstance(part, Opaque)]:
        fields.put_back("output", Raw(_encode(unknown)))
    _forget_completed(fields)
    result.extra = fields.extra_of(NAME)
    return result


def _thoughts(fields: Fields) -> list[Part]:
    """A part for each summary and each text; the last one bears what is encrypted, all of them the item's name."""
    parts: list[Thinking] = []
    for name in ("summary", "content"):
        for path, raw in fields.items(name):
            inner = Fields(raw, path)
            kind = inner.take("type", str)
            part = Thinking(text=inner.take("text", str) or "", path=(*path, "text"))
            if kind == TEXT_OF_THOUGHT:
                part.extra = Extra(NAME, {"type": Raw(_encode(kind))})
            parts.append(part)
    parts = parts or [Thinking(path=fields.path)]
    _unseal(parts[-1], fields.take("encrypted_content", str) or "")
    _forget_completed(fields)
    for part in parts:
        own = part.extra.fields if part.extra else {}
        part.extra = Extra(NAME, {**own, **fields.left()}) if own or fields.left() else None
    return list(parts)


def _unseal(part: Thinking, said: str) -> None:
    """What is encrypted: OpenAI's own, or what makes the thought of another's model valid there."""
    sealed = unseal(said)
    if sealed is None:
        part.opaque = said
    else:
        part.signature, part.opaque, part.origin = sealed.signature, sealed.opaque, sealed.origin


def _forget_completed(fields: Fields) -> None:
    """An item of a history is complete; only another status says something."""
    if (status := fields.raw("status")) is not None and bytes(status) != b'"completed"':
        fields.put_back("status", status)
