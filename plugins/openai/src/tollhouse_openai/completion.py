"""A whole chat completion, written from the fold of its events."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.neutral import Answer, Choice, Refusal, Text, Thinking, ToolCall

from .reasons import write_reason
from .usage import write_usage

_encode = msgspec.json.Encoder().encode


def write_completion(answer: Answer, *, id_: str, model: str, created: int) -> bytes:
    """The body of a `chat.completion`. Parts only another dialect understands are left out."""
    body: dict[str, Any] = {
        "id": id_,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": [_choice(number, choice) for number, choice in enumerate(answer.choices)],
    }
    if answer.usage is not None:
        body["usage"] = write_usage(answer.usage)
    return _encode(body)


def _choice(number: int, choice: Choice) -> dict[str, Any]:
    texts = [part.text for part in choice.parts if isinstance(part, Text)]
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else None}
    refusals = [part.text for part in choice.parts if isinstance(part, Refusal)]
    message["refusal"] = "".join(refusals) if refusals else None
    if thoughts := [part.text for part in choice.parts if isinstance(part, Thinking) and part.text]:
        message["reasoning_content"] = "".join(thoughts)
    if calls := [part for part in choice.parts if isinstance(part, ToolCall)]:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    return {
        "index": number,
        "message": message,
        "logprobs": None,
        "finish_reason": write_reason(choice.finish, choice.finish_raw),
    }
