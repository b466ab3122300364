"""What upstreams of both dialects say in the journeys."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.framing import sse
from tollhouse.testing import sse as lines

ASK: dict[str, Any] = {
    "model": "claude/m",
    "max_tokens": 50,
    "messages": [{"role": "user", "content": "hello"}],
}
BODY: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-m",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 1},
}


def event(name: str, **fields: Any) -> bytes:
    """An event as Anthropic writes it, with its trailing blanks."""
    return sse.frame(msgspec.json.encode({"type": name, **fields})[:-1] + b"    }", name)


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    """The events of one block."""
    return b"".join(
        [
            event("content_block_start", index=index, content_block=start),
            *(event("content_block_delta", index=index, delta=delta) for delta in deltas),
            event("content_block_stop", index=index),
        ]
    )


def begun() -> bytes:
    return event("message_start", message={**BODY, "content": [], "stop_reason": None}) + event("ping")


def ended(reason: str = "end_turn", output: int = 9) -> bytes:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return event("message_delta", delta=delta, usage={"output_tokens": output}) + event("message_stop")


STREAM = b"".join(
    [
        begun(),
        block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "hm"},
            {"type": "signature_delta", "signature": "sig"},
        ),
        block(
            1,
            {"type": "text", "text": ""},
            {"type": "text_delta", "text": "he"},
            {"type": "text_delta", "text": "llo"},
        ),
        block(
            2,
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"a":'},
            {"type": "input_json_delta", "partial_json": " 1}"},
        ),
        block(3, {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}}),
        ended("tool_use"),
    ]
)


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of OpenAI's."""
    choices = [{"index": 0, "delta": delta, "finish_reason": reason}]
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "gpt-m",
        "choices": choices,
        **more,
    }


FUNCTION = {"name": "f", "arguments": '{"a": 1}'}
CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 7,
    "model": "gpt-m",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "hi",
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 6},
    },
}


def sse_of(*deltas: dict[str, Any], reason: str) -> bytes:
    """A stream of OpenAI's that says these deltas."""
    return lines(*(chunk(delta) for delta in deltas), chunk({}, reason))
