"""The same reply on every dialect's wire, and what a caller reads of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from tollhouse.framing import sse
from tollhouse.neutral import Answer, Text, ToolCall, fold
from tollhouse.testing import sse as lines

encode = msgspec.json.encode

DIALECTS = ("openai", "responses", "anthropic", "gemini")
PATHS = {
    "openai": "/v1/chat/completions",
    "responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/m:generateContent",
}


def config(url: str, rules: str, more: str = "", providers: str = "") -> str:
    """Every dialect's provider at one upstream; the model `m` goes to `dialect`'s own host in `asked`."""
    return f"""
plugins = ["moderation", "openai", "anthropic", "gemini"]
{providers}
[providers.openai]
base_url = "{url}/v1"
api_key = "sk-fake-openai"
[providers.anthropic]
base_url = "{url}"
api_key = "sk-fake-anthropic"
[providers.gemini]
base_url = "{url}"
api_key = "fake-gemini"
[providers.simulator]
ttft = "off"
tokens_per_second = 0
[models]
openai = ["openai/m"]
responses = ["openai/m"]
anthropic = ["anthropic/m"]
gemini = ["gemini/m"]
echo = ["simulator/echo"]
[defaults]
moderation = [{rules}]
[moderation]
{more}
"""


def path(dialect: str, stream: bool, model: str = "") -> str:
    if dialect != "gemini":
        return PATHS[dialect]
    return f"/v1beta/models/{model or dialect}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")


def asked(dialect: str, say: str = "hi", stream: bool = True, model: str = "", **more: Any) -> dict[str, Any]:
    model = model or dialect
    if dialect == "gemini":
        return {"contents": [{"role": "user", "parts": [{"text": say}]}], **more}
    if dialect == "responses":
        return {"model": model, "stream": stream, "input": say, **more}
    limit = {"max_tokens": 100} if dialect == "anthropic" else {}
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": say}], **limit, **more}


def stream(dialect: str, pieces: Sequence[str]) -> list[bytes]:
    """A stream that says the pieces, one frame each."""
    return {"openai": _openai, "responses": _responses, "anthropic": _anthropic, "gemini": _gemini}[dialect](pieces)


def called(dialect: str, pieces: Sequence[str]) -> list[bytes]:
    """A stream that calls the tool `mail` with arguments in these pieces."""
    if dialect == "openai":
        first = {"index": 0, "id": "c1", "type": "function", "function": {"name": "mail", "arguments": ""}}
        calls = [[first], *([{"index": 0, "function": {"arguments": piece}}] for piece in pieces)]
        chunks = [_chunk({"tool_calls": call}) for call in calls]
        return [*(lines(one, done=False) for one in (*chunks, _chunk({}, "tool_calls"))), b"data: [DONE]\n\n"]
    if dialect == "anthropic":
        block = {"type": "tool_use", "id": "t1", "name": "mail", "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        return _blocks(block, deltas, "tool_use")
    if dialect == "gemini":
        part = {"functionCall": {"name": "mail", "args": msgspec.json.decode("".join(pieces))}}
        return [lines(_candidate([part], "STOP"), done=False)]
    item = {"type": "function_call", "id": "f1", "call_id": "c1", "name": "mail", "arguments": "", "status": "x"}
    whole = {**item, "arguments": "".join(pieces)}
    where = {"item_id": "f1", "output_index": 0}
    return _numbered(
        [
            ("response.output_item.added", {"output_index": 0, "item": item}),
            *(("response.function_call_arguments.delta", {**where, "delta": piece}) for piece in pieces),
            ("response.function_call_arguments.done", {**where, "arguments": "".join(pieces)}),
            ("response.output_item.done", {"output_index": 0, "item": whole}),
        ],
        [whole],
    )


def body(dialect: str, text: str) -> dict[str, Any]:
    """A whole reply that says the text."""
    if dialect == "openai":
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    if dialect == "anthropic":
        return {**_message([{"type": "text", "text": text}]), "stop_reason": "end_turn"}
    if dialect == "gemini":
        return _candidate([{"text": text}], "STOP")
    return _response([_item(text)], "completed")


def answer(made: Any, dialect: str, raw: bytes, *, streamed: bool) -> Answer:
    """What a caller of this dialect reads. Raises the error inside a stream."""
    decoder = made.edition.dialects["openai_responses" if dialect == "responses" else dialect].decoder("chat")
    if not streamed:
        return fold(decoder.unfold(raw))
    frames = [frame + b"\n\n" for frame in raw.split(b"\n\n") if frame.strip()]
    return fold(happening for frame in frames for happening in decoder.feed(frame))


def said(answer: Answer) -> str:
    return "".join(part.text for choice in answer.choices for part in choice.parts if isinstance(part, Text))


def arguments(answer: Answer) -> str:
    return "".join(p.arguments for choice in answer.choices for p in choice.parts if isinstance(p, ToolCall))


def _chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def _openai(pieces: Sequence[str]) -> list[bytes]:
    chunks = [_chunk({"role": "assistant", "content": ""}), *(_chunk({"content": piece}) for piece in pieces)]
    return [*(lines(chunk, done=False) for chunk in (*chunks, _chunk({}, "stop"))), b"data: [DONE]\n\n"]


def _message(content: list[Any]) -> dict[str, Any]:
    usage = {"input_tokens": 3, "output_tokens": 1}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _event(name: str, **fields: Any) -> bytes:
    return sse.frame(encode({"type": name, **fields}), name)


def _blocks(block: dict[str, Any], deltas: list[dict[str, Any]], reason: str) -> list[bytes]:
    return [
        _event("message_start", message=_message([])),
        _event("content_block_start", index=0, content_block=block),
        *(_event("content_block_delta", index=0, delta=delta) for delta in deltas),
        _event("content_block_stop", index=0),
        _event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 9}),
        _event("message_stop"),
    ]


def _anthropic(pieces: Sequence[str]) -> list[bytes]:
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return _blocks({"type": "text", "text": ""}, deltas, "end_turn")


def _candidate(parts: list[Any], reason: str = "") -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "modelVersion": "m", "responseId": "r"}


def _gemini(pieces: Sequence[str]) -> list[bytes]:
    last = len(pieces) - 1
    return [
        lines(_candidate([{"text": piece}], "STOP" if n == last else ""), done=False) for n, piece in enumerate(pieces)
    ]


def _item(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "i1", "role": "assistant", "status": "completed", "content": [part]}


def _response(output: list[Any], status: str) -> dict[str, Any]:
    base = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": status, "error": None}
    return {**base, "output": output, "usage": None, "incomplete_details": None}


def _numbered(events: list[tuple[str, dict[str, Any]]], output: list[Any]) -> list[bytes]:
    begun = ("response.created", {"response": _response([], "in_progress")})
    ended = ("response.completed", {"response": _response(output, "completed")})
    every = enumerate([begun, *events, ended])
    return [_event(name, sequence_number=number, **fields) for number, (name, fields) in every]


def _responses(pieces: Sequence[str]) -> list[bytes]:
    text = "".join(pieces)
    where = {"item_id": "i1", "output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": "", "annotations": []}
    return _numbered(
        [
            ("response.output_item.added", {"output_index": 0, "item": {**_item(""), "content": []}}),
            ("response.content_part.added", {**where, "part": part}),
            *(("response.output_text.delta", {**where, "delta": piece}) for piece in pieces),
            ("response.output_text.done", {**where, "text": text}),
            ("response.content_part.done", {**where, "part": {**part, "text": text}}),
            ("response.output_item.done", {"output_index": 0, "item": _item(text)}),
        ],
        [_item(text)],
    )
