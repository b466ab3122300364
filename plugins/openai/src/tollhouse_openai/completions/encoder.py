"""Writes the reply to a plain completion: its text alone, in chunks or as one body."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
from tollhouse import Request
from tollhouse.framing import sse
from tollhouse.neutral import Answer, Choice, Refusal, Text

from ..encoder import BodyEncoder, StreamEncoder
from ..reasons import write_reason
from ..usage import write_usage

_encode = msgspec.json.Encoder().encode


def encoder_of(request: Request, clock: Callable[[], float] = time.time) -> StreamEncoder | BodyEncoder:
    """The writer this caller's request asks for."""
    return _Stream(request, clock) if request.stream else _Body(request, clock)


class _Body(BodyEncoder):
    prefix = "cmpl-"

    def write(self, answer: Answer, id_: str, model: str, created: int) -> bytes:
        """The body of a `text_completion`. Thoughts and calls are left out."""
        body: dict[str, Any] = {
            "id": id_,
            "object": "text_completion",
            "created": created,
            "model": model,
            "choices": [_choice(number, choice) for number, choice in enumerate(answer.choices)],
        }
        if answer.usage is not None:
            body["usage"] = write_usage(answer.usage)
        return _encode(body)


class _Stream(StreamEncoder):
    prefix = "cmpl-"
    object = "text_completion"

    def chunk(self, choice: int, delta: dict[str, Any], reason: str | None = None) -> bytes:
        """A chunk of text; nothing for a delta that is none."""
        text = delta.get("content") or delta.get("refusal") or ""
        if not text and reason is None:
            return b""
        said = {"text": text, "index": choice, "logprobs": None, "finish_reason": reason}
        chunk = {**self.headed(), "choices": [said]}
        if self.request.wants_usage:
            chunk["usage"] = None
        return sse.frame(_encode(chunk))


def _choice(number: int, choice: Choice) -> dict[str, Any]:
    text = "".join(part.text for part in choice.parts if isinstance(part, Text | Refusal))
    reason = write_reason(choice.finish, choice.finish_raw)
    return {"text": text, "index": number, "logprobs": None, "finish_reason": reason}
