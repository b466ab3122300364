"""Asking a model once more: the same conversation, its answer, and what was wrong with it."""

from __future__ import annotations

from msgspec.structs import replace
from tollhouse import Request
from tollhouse.neutral import Chat, Message, Text

_MOST = 16_000
"""Characters of the wrong answer that are shown to the model."""


def corrected(request: Request, answer: str, wrong: str) -> Request:
    """The request with its wrong answer and a word about it at the end, in its own dialect."""
    body = request.body
    assert isinstance(body, Chat)
    words = f"This answer does not fit the JSON Schema: {wrong} Answer again with nothing but JSON that fits it."
    said = [Message(role="assistant", parts=[Text(text=answer[:_MOST])])] if answer else []
    chat = replace(body, messages=[*body.messages, *said, Message(role="user", parts=[Text(text=words)])])
    longer = Request(
        request.raw,
        dialect=request.dialect,
        route=request.route,
        model=request.model,
        stream=request.stream,
        wants_usage=request.wants_usage,
        max_output=request.max_output,
        n=request.n,
        tail=request.tail,
        body=chat,
    )
    raw, _ = request.dialect.encode(longer, request.model)
    return request.dialect.request(raw, request.route, request.tail)
