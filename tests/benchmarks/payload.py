"""What is asked and answered: the bytes that the upstream and the load generator agree on."""

from __future__ import annotations

import json
from typing import Any

EVENTS = 64
"""Events of a stream, before its [DONE]."""

SENTENCE = "The toll is paid. "
"""Every event says it once, a whole answer says it TIMES."""

TIMES = 20

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\nx-request-id: req-1\r\n%b\r\n\r\n"


def question(gap: float = 0.0) -> bytes:
    """A request of about 1 KB; with a gap, one for a stream whose events are so many milliseconds apart."""
    said = f"every {gap:g} ms " + "hello world " * 70
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": said}]}
    if gap:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return _json(body)


def answer() -> bytes:
    """The whole answer's body, about 640 B."""
    message = {"role": "assistant", "content": SENTENCE * TIMES, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _json({**_start("chat.completion"), "choices": [choice], "usage": _usage()})


def events() -> list[bytes]:
    """The stream's events as they are written."""
    made = []
    for number in range(1, EVENTS + 1):
        last = number == EVENTS
        choice = {"index": 0, "delta": {"content": SENTENCE}, "finish_reason": "stop" if last else None}
        more = {"usage": _usage()} if last else {}
        made.append(b"data: %b\n\n" % _json({**_start("chat.completion.chunk"), "choices": [choice], **more}))
    return [*made, b"data: [DONE]\n\n"]


def _start(kind: str) -> dict[str, Any]:
    return {"id": "chatcmpl-0123456789", "object": kind, "created": 1700000000, "model": "x"}


def _usage() -> dict[str, int]:
    return {"prompt_tokens": 150, "completion_tokens": EVENTS, "total_tokens": 150 + EVENTS}


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
