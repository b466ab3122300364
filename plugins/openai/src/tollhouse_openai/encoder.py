"""Writes the reply to a chat completion: chunks for a stream, one object for a body."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
from tollhouse import Frame, ProviderError, Rejected, Request, Usage
from tollhouse.framing import sse
from tollhouse.neutral import Answer, Delta, Failed, Finish, Happening, PartStart, Start, Used, fold

from .completion import write_completion
from .errors import error_event, error_object
from .reasons import write_reason
from .strip import without_null_usage
from .usage import write_usage

DONE = b"data: [DONE]\n\n"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode
_FIELDS = {"text": "content", "thinking": "reasoning_content", "refusal": "refusal"}
_Kind = Literal["text", "thinking", "tool_call", "refusal", "opaque"]


def encoder_of(request: Request, clock: Callable[[], float] = time.time) -> StreamEncoder | BodyEncoder:
    """The writer this caller's request asks for."""
    return StreamEncoder(request, clock) if request.stream else BodyEncoder(request, clock)


class BodyEncoder:
    """A whole `chat.completion`, written when the reply is complete; a forwarded body is its own."""

    content_type = "application/json"
    prefix = "chatcmpl-"

    def __init__(self, request: Request, clock: Callable[[], float] = time.time) -> None:
        self._request, self._clock = request, clock
        self._happenings: list[Happening] = []
        self._passed = False

    def passes(self, frame: Frame) -> bytes:
        """The upstream's body, untouched."""
        self._passed = True
        return frame.raw

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """Collect; a body is written at its end."""
        self._happenings.extend(happenings)
        return b""

    def finish(self) -> bytes:
        """The body; nothing when one was forwarded. Raises the error of a `Failed`."""
        if self._passed:
            return b""
        answer = fold(self._happenings)
        return self.write(
            answer,
            answer.id or f"{self.prefix}{int(self._clock() * 1e6):x}",
            answer.model or self._request.model,
            answer.created or int(self._clock()),
        )

    def write(self, answer: Answer, id_: str, model: str, created: int) -> bytes:
        """The body of a whole reply."""
        return write_completion(answer, id_=id_, model=model, created=created)

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """The error object: nothing of a body was sent before it but blanks."""
        return _encode({"error": error_object(error)})

    def keepalive(self) -> bytes:
        """A blank, which JSON allows before its value."""
        return b" "


class StreamEncoder:
    """Chunks, in an order that cannot be wrong: a choice's role comes first, a tool call's id and name once, and
    finish reasons, usage and `[DONE]` only when the reply is complete.

    Frames may be forwarded and events made by relays written between them, under the frames' own id. A delta of
    a part whose beginning was forwarded is text, unless its path says otherwise.
    """

    content_type = "text/event-stream; charset=utf-8"
    prefix = "chatcmpl-"
    object = "chat.completion.chunk"

    def __init__(self, request: Request, clock: Callable[[], float] = time.time) -> None:
        self.request, self._clock = request, clock
        self._forwarded: bytes | None = None
        self._calls_forwarded: bytes | None = None
        self._head: dict[str, Any] = {}
        self._start = Start()
        self._kinds: dict[tuple[int, int], _Kind] = {}
        self._tools: dict[tuple[int, int], int] = {}
        self._spoken: set[int] = set()
        self._finishes: dict[int, Finish] = {}
        self._usage: Usage | None = None
        self._closed = False

    def passes(self, frame: Frame) -> bytes:
        """The event as it came, less the usage that the caller did not ask for."""
        raw = frame.raw
        if frame.kind == "end":
            self._closed = True
            return raw
        if self._forwarded is None and frame.kind != "lifecycle":
            self._forwarded = raw
        if frame.kind == "content" and b'"tool_calls"' in raw:
            self._calls_forwarded = raw
        if self.request.wants_usage:
            return raw
        if frame.kind == "usage":
            return b""
        return raw if frame.usage is not None else without_null_usage(raw)

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """The chunks of these events. Raises the error of a `Failed`."""
        out: list[bytes] = []
        for happening in happenings:
            match happening:
                case Start():
                    self._start = happening
                case PartStart(kind="tool_call"):
                    out.append(self._call(happening))
                case PartStart():
                    self._kinds[happening.choice, happening.index] = happening.kind
                case Delta():
                    out.append(self._delta(happening))
                case Finish():
                    self._finishes.setdefault(happening.choice, happening)
                case Used(usage=usage):
                    self._usage = self._usage.merged(usage) if self._usage else usage
                case Failed(error=error):
                    raise error
                case _:
                    pass
        return b"".join(out)

    def finish(self) -> bytes:
        """Finish reasons, usage if asked for, `[DONE]`; nothing twice, and no reason that nobody gave."""
        if self._closed:
            return b""
        self._closed = True
        out = []
        for choice, said in sorted(self._finishes.items()):
            if (reason := write_reason(said.reason, said.raw)) is not None:
                out.append(self.chunk(choice, {}, reason))
        if self._usage is not None and self.request.wants_usage:
            out.append(sse.frame(_encode({**self.headed(), "choices": [], "usage": write_usage(self._usage)})))
        return b"".join([*out, DONE])

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """An error event, after which nothing comes: neither a finish reason nor `[DONE]`."""
        if self._closed:
            return b""
        self._closed = True
        return sse.frame(error_event(error))

    def keepalive(self) -> bytes:
        """A comment."""
        return b": keepalive\n\n"

    def _delta(self, delta: Delta) -> bytes:
        if not delta.text:
            return b""
        place = delta.choice, delta.index
        kind = self._kinds.get(place) or self._forwarded_kind(delta)
        if kind == "tool_call":
            return self.chunk(
                delta.choice, {"tool_calls": [{"index": self._tools[place], "function": {"arguments": delta.text}}]}
            )
        field = _FIELDS.get(kind)
        return self.chunk(delta.choice, {field: delta.text}) if field else b""

    def _call(self, start: PartStart) -> bytes:
        place = start.choice, start.index
        if place in self._tools:
            return b""
        self._kinds[place] = "tool_call"
        self._tools[place] = sum(choice == start.choice for choice, _ in self._tools)
        function = {"name": start.name, "arguments": ""}
        call = {"index": self._tools[place], "id": start.id, "type": "function", "function": function}
        return self.chunk(start.choice, {"tool_calls": [call]})

    def chunk(self, choice: int, delta: dict[str, Any], reason: str | None = None) -> bytes:
        """One chunk of one choice."""
        if choice not in self._spoken and self._forwarded is None:
            self._spoken.add(choice)
            delta = {"role": "assistant", "content": None if "tool_calls" in delta else "", **delta}
        said = {"index": choice, "delta": delta, "logprobs": None, "finish_reason": reason}
        chunk = {**self.headed(), "choices": [said]}
        if self.request.wants_usage:
            chunk["usage"] = None
        return sse.frame(_encode(chunk))

    def headed(self) -> dict[str, Any]:
        """What every chunk of the stream repeats, in the words of the forwarded chunks if there are any."""
        if not self._head:
            known = _decode(sse.data(self._forwarded)) if self._forwarded else {}
            start = self._start
            self._head = {
                "id": known.get("id") or start.id or f"{self.prefix}{int(self._clock() * 1e6):x}",
                "object": self.object,
                "created": known.get("created") or start.created or int(self._clock()),
                "model": known.get("model") or start.model or self.request.model,
            }
        return self._head

    def _forwarded_kind(self, delta: Delta) -> _Kind:
        """What a part is whose beginning was forwarded, told by where its delta stood."""
        place, kind = (delta.choice, delta.index), "text"
        if "tool_calls" in delta.path and self._calls_forwarded is not None:
            kind = "tool_call"
            self._tools[place] = _last_index(self._calls_forwarded)
        elif delta.path and delta.path[-1] in ("reasoning_content", "reasoning"):
            kind = "thinking"
        elif delta.path and delta.path[-1] == "refusal":
            kind = "refusal"
        self._kinds[place] = kind  # type: ignore[assignment]
        return self._kinds[place]


def _last_index(raw: bytes) -> int:
    """The index of the last tool call of a forwarded chunk."""
    for choice in reversed(_decode(sse.data(raw)).get("choices") or []):
        for call in reversed(choice.get("delta", {}).get("tool_calls") or []):
            return int(call.get("index") or 0)
    return 0
