"""Reads one reply of a completion: classifies its frames cheaply, and decodes them when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct
from tollhouse import Edit, Frame, ProviderError, Usage
from tollhouse.framing import sse
from tollhouse.json_patch import patch
from tollhouse.neutral import End, Failed, Happening, Start, Used

from .errors import in_band
from .message import MIRRORS, read_message
from .parts import Parts
from .usage import read_usage

_NULL = Raw(b"null")


class _Delta(Struct):
    content: Any = None
    tool_calls: Raw = _NULL
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    audio: Raw = _NULL
    function_call: Raw = _NULL


class _Choice(Struct):
    index: int = 0
    delta: _Delta | None = None
    message: _Delta | None = None
    text: Any = None
    finish_reason: Any = None


class _Chunk(Struct):
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


class _Body(Struct):
    choices: list[Raw] | None = None
    object: Any = None
    usage: Raw = _NULL
    error: Raw = _NULL


_chunk = msgspec.json.Decoder(_Chunk)
_body = msgspec.json.Decoder(_Body)
_object = msgspec.json.Decoder(dict[str, Any])
_NOTHING = (b"null", b"[]", b"{}", b'""', b"false")


class ChatDecoder:
    """One reply. It is complete when `[DONE]` came, or when every choice that began has its finish reason: some
    hosts leave `[DONE]` out, none leaves out both."""

    def __init__(self) -> None:
        self._done = False
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self._started = False
        self._choices: dict[int, Parts] = {}

    def sniff(self, raw: bytes) -> Frame:
        """Classify one raw event; bytes that cannot be read are an error frame."""
        if raw.startswith(b"data: {"):
            try:
                return self._classify(raw, _chunk.decode(raw[6:]))
            except (msgspec.DecodeError, RecursionError):
                pass  # more than one line, or no chunk: read it properly
        data = sse.data(raw)
        if not data:
            return Frame(raw, "lifecycle")
        if data.startswith(b"[DONE]"):
            self._done = True
            return Frame(raw, "end")
        try:
            return self._classify(raw, _chunk.decode(data))
        except (msgspec.DecodeError, RecursionError):
            return Frame(raw, "error", error=_unreadable())

    def _classify(self, raw: bytes, chunk: _Chunk) -> Frame:
        if (chunk.error or chunk.choices is None) and (error := _error(sse.data(raw))):
            return Frame(raw, "error", error=error)
        content = False
        for choice in chunk.choices or ():
            self._begun.add(choice.index)
            if choice.finish_reason:
                self._finished.add(choice.index)
                content = True
            elif not content:
                content = bool(choice.text) or _says(choice.delta or choice.message)
        usage = _usage(sse.data(raw)) if chunk.usage else None
        if content:
            return Frame(raw, "content", usage)
        return Frame(raw, "usage" if usage and not chunk.choices else "lifecycle", usage)

    def feed(self, raw: bytes) -> list[Happening]:
        """The neutral events of one raw event."""
        data = sse.data(raw)
        if not data:
            return []
        out: list[Happening] = []
        if data.startswith(b"[DONE]"):
            self._done = True
            for parts in self._choices.values():
                parts.end(out)
            out.append(End())
            return out
        chunk = _read(data)
        if error := _error(data):
            return [Failed(error=error)]
        self._start(out, chunk)
        for place, choice in enumerate(_choices(chunk)):
            self._choice(out, place, choice)
        if isinstance(chunk.get("usage"), dict) and (usage := _usage(data)):
            out.append(Used(usage=usage))
        return out

    def finish(self) -> None:
        """The frames have ended. Raises `ProviderError(kind="cut")` unless the reply is complete."""
        if not self._done and not (self._finished and self._begun <= self._finished):
            raise ProviderError("the upstream ended its stream without its terminal event", kind="cut")

    def whole(self, raw: bytes) -> Frame:
        """Classify a whole body."""
        try:
            body = _body.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            raise _unreadable() from None
        if error := _error(raw):
            return Frame(raw, "error", error=error)
        if body.choices is None:
            raise ProviderError("the upstream's reply has no choices", kind="bad_reply")
        return Frame(raw, "end", read_usage(body.usage))

    def unfold(self, raw: bytes) -> list[Happening]:
        """The neutral events a whole body is the fold of."""
        body = _read(raw)
        if error := _error(raw):
            return [Failed(error=error)]
        out: list[Happening] = []
        self._start(out, body)
        for place, choice in enumerate(_choices(body)):
            self._choice(out, place, choice)
        for parts in self._choices.values():
            parts.end(out)
        if isinstance(body.get("usage"), dict) and (usage := _usage(raw)):
            out.append(Used(usage=usage))
        out.append(End())
        return out

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Apply edits to an event or a whole body. Fields that repeat an edited thought go, and log probabilities,
        which spell an edited text out."""
        edited = {edit.path for edit in edits}
        doubled = [
            Edit((*path[:-1], name), remove=True)
            for path in edited
            if path and path[-1] in MIRRORS
            for name in MIRRORS
            if (*path[:-1], name) not in edited
        ]
        data = sse.data(raw)
        if b'"logprobs"' in raw:
            numbers = {path[1] for path in edited if path[:1] == ("choices",)}
            doubled += [Edit(("choices", number, "logprobs")) for number in numbers]
        if not data:
            return patch(raw, [*edits, *doubled])
        return sse.with_data(raw, patch(data, [*edits, *doubled]))

    def _start(self, out: list[Happening], chunk: dict[str, Any]) -> None:
        if self._started or not (chunk.get("id") or chunk.get("choices")):
            return
        self._started = True
        id_, model, created = chunk.get("id"), chunk.get("model"), chunk.get("created")
        out.append(
            Start(
                id=id_ if isinstance(id_, str) else "",
                model=model if isinstance(model, str) else "",
                created=int(created) if isinstance(created, int | float) else 0,
            )
        )

    def _choice(self, out: list[Happening], place: int, choice: Any) -> None:
        if not isinstance(choice, dict):
            raise _unreadable()
        number = choice.get("index")
        if not isinstance(number, int) or not 0 <= number < 1024:
            number = place
        parts = self._choices.get(number)
        if parts is None:
            parts = self._choices[number] = Parts(number)
        self._begun.add(number)
        for name in ("message", "delta"):
            message = choice.get(name)
            if isinstance(message, dict):
                read_message(out, parts, message, ("choices", place, name))
                if name == "message":
                    break
        if isinstance(text := choice.get("text"), str):  # a plain completion
            parts.say(out, "text", text, ("choices", place, "text"))
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            self._finished.add(number)
            parts.finish(out, reason)


def _says(delta: _Delta | None) -> bool:
    if delta is None:
        return False
    if delta.content or delta.reasoning_content or delta.reasoning or delta.refusal:
        return True
    return any(raw is not _NULL and _full(raw) for raw in (delta.tool_calls, delta.audio, delta.function_call))


def _full(raw: Raw) -> bool:
    return bytes(raw) not in _NOTHING


def _error(data: bytes) -> ProviderError | None:
    """The error an `error` field tells, or one told by the object itself (`{"object": "error", ...}`)."""
    if b'"error"' not in data:
        return None
    try:
        head = _body.decode(data)
    except msgspec.DecodeError:
        raise _unreadable() from None
    if _full(head.error):
        return in_band(head.error)
    return in_band(data) if head.object == "error" else None


def _read(data: bytes) -> dict[str, Any]:
    try:
        return _object.decode(data)
    except (msgspec.DecodeError, RecursionError):
        raise _unreadable() from None


def _choices(chunk: dict[str, Any]) -> list[Any]:
    choices = chunk.get("choices")
    if not isinstance(choices, list | None):
        raise _unreadable()
    return choices or []


def _usage(data: bytes) -> Usage | None:
    return read_usage(_body.decode(data).usage)


def _unreadable() -> ProviderError:
    return ProviderError("the upstream sent bytes that are not a chat completion", kind="bad_reply")
