"""The upstreams: what each says to a row's request, as its own API spells it."""

import json
import re

from asking import ARGS
from hearing import aws_event
from tollhouse.testing.upstream import Script

INPUT, CACHED, OUTPUT = 11, 4, 7
SIGNATURE = "c2lnbmF0dXJl"

SAYS = {
    "tools": [("call", "weather", ARGS)],
    "tool_choice": [("call", "weather", ARGS)],
    "one_call": [("call", "weather", ARGS)],
    "parallel_calls": [("call", "weather", ARGS), ("call", "weather", {"city": "Rome"})],
    "thinking": [("thought", "Hmm."), ("text", "Hello!")],
    "thoughts_back": [("thought", "Hmm."), ("text", "Hello!")],
    "json_schema": [("text", '{"n": 7}')],
    "json_object": [("text", '{"n": 7}')],
    "length": [("text", "Hel")],
    "filter": [("text", "Hel")],
}
"""The parts of a row's reply; text where nothing is said here."""


def says(row):
    """What the upstream answers to a row."""
    return SAYS.get(row, [("text", "Hello!")])


def spoken(path):
    """The API a path belongs to: its dialect, what it asks for, and whether as a stream where the path tells."""
    for pattern, dialect in (
        (r"/chat/completions$", "openai"),
        (r"/embeddings$", "openai"),
        (r"/completions$", "openai_completions"),
        (r"/responses(/input_tokens)?$", "openai_responses"),
        (r"/v1/messages(/count_tokens)?(\?.*)?$", "anthropic"),
        (r"/v1beta/models/", "gemini"),
        (r"/model/", "bedrock"),
    ):
        if re.search(pattern, path):
            return dialect
    raise AssertionError(f"no upstream knows {path}")


def answer(row, request):
    """The upstream's answer, whichever of its APIs was asked."""
    dialect, path, body = spoken(request.path), request.path, request.json()
    if re.search(r"mbed", path):
        return _json(VECTORS[dialect])
    if re.search(r"input_tokens|count_tokens|countTokens|count-tokens", path):
        return _json(COUNTS[dialect])
    streamed = bool(body.get("stream")) or "streamGenerate" in path or path.endswith("converse-stream")
    parts, finish = says(row), {"length": "length", "filter": "filter"}.get(row, "stop")
    if parts[-1][0] == "call":
        finish = "tool_calls"
    choices = 2 if row == "n" else 1
    if not streamed:
        return _json(WHOLE[dialect](parts, finish, choices))
    kind = "application/vnd.amazon.eventstream" if dialect == "bedrock" else "text/event-stream"
    return Script(200, {"content-type": kind}, STREAM[dialect](parts, finish, choices))


def _json(body):
    return Script(200, {"content-type": "application/json"}, json.dumps(body).encode())


def _data(*events, named=False, done=False):
    said = []
    for event in events:
        said.append((f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n")
    return "".join(said).encode() + (b"data: [DONE]\n\n" if done else b"")


_USED = {
    "prompt_tokens": INPUT,
    "completion_tokens": OUTPUT,
    "total_tokens": INPUT + OUTPUT,
    "prompt_tokens_details": {"cached_tokens": CACHED},
}
_CHAT_FINISH = {"filter": "content_filter"}


def _call(n, part):
    return {"id": f"call_{n}", "type": "function", "function": {"name": part[1], "arguments": json.dumps(part[2])}}


def _chat(parts, finish, choices):
    calls = [_call(n, part) for n, part in enumerate(parts) if part[0] == "call"]
    text = "".join(part[1] for part in parts if part[0] == "text")
    thought = "".join(part[1] for part in parts if part[0] == "thought")
    said = {"role": "assistant", "content": text or None} | ({"tool_calls": calls} if calls else {})
    said |= {"reasoning_content": thought} if thought else {}
    reason = _CHAT_FINISH.get(finish, finish)
    one = [{"index": n, "message": said, "finish_reason": reason} for n in range(choices)]
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "up", "choices": one, "usage": _USED}


def _chat_stream(parts, finish, choices):
    def chunk(delta, n, reason=None):
        one = [{"index": n, "delta": delta, "finish_reason": reason}]
        return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": one}

    events = []
    for n in range(choices):
        events.append(chunk({"role": "assistant"}, n))
        calls = 0
        for part in parts:
            if part[0] == "call":
                call = _call(calls, part)
                function = call["function"]
                head = {"index": calls, **call, "function": {"name": function["name"], "arguments": ""}}
                events.append(chunk({"tool_calls": [head]}, n))
                for piece in (function["arguments"][:4], function["arguments"][4:]):
                    events.append(chunk({"tool_calls": [{"index": calls, "function": {"arguments": piece}}]}, n))
                calls += 1
            else:
                field = "content" if part[0] == "text" else "reasoning_content"
                events += [chunk({field: piece}, n) for piece in (part[1][:2], part[1][2:])]
        events.append(chunk({}, n, _CHAT_FINISH.get(finish, finish)))
    last = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "up", "choices": [], "usage": _USED}
    return _data(*events, last, done=True)


def _completion(parts, finish, choices):
    reason = _CHAT_FINISH.get(finish, finish)
    one = [{"index": n, "text": parts[-1][1], "finish_reason": reason, "logprobs": None} for n in range(choices)]
    return {"id": "c1", "object": "text_completion", "created": 1, "model": "up", "choices": one, "usage": _USED}


def _completion_stream(parts, finish, choices):
    whole = _completion(parts, finish, choices)
    used = {**whole, "choices": []}
    del whole["usage"]
    return _data(whole, used, done=True)


def _output(parts):
    for n, part in enumerate(parts):
        if part[0] == "text":
            content = [{"type": "output_text", "text": part[1], "annotations": [], "logprobs": []}]
            yield {"id": f"i{n}", "type": "message", "role": "assistant", "status": "completed", "content": content}
        elif part[0] == "call":
            call = {"call_id": f"call_{n}", "name": part[1], "arguments": json.dumps(part[2])}
            yield {"id": f"i{n}", "type": "function_call", "status": "completed", **call}
        else:
            summary = [{"type": "summary_text", "text": part[1]}]
            yield {"id": f"i{n}", "type": "reasoning", "summary": summary, "encrypted_content": SIGNATURE}


def _response(parts, finish, choices, output=None):
    reason = {"length": "max_output_tokens", "filter": "content_filter"}.get(finish)
    usage = {"input_tokens": INPUT, "output_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT}
    usage |= {"input_tokens_details": {"cached_tokens": CACHED}, "output_tokens_details": {"reasoning_tokens": 0}}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "up",
        "status": "incomplete" if reason else "completed",
        "incomplete_details": {"reason": reason} if reason else None,
        "error": None,
        "output": list(_output(parts)) if output is None else output,
        "usage": usage,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }


def _response_stream(parts, finish, choices):
    begun = {**_response(parts, "stop", 1, []), "status": "in_progress", "usage": None}
    events = [{"type": "response.created", "response": begun}]
    for n, item in enumerate(_output(parts)):
        at = {"item_id": item["id"], "output_index": n}
        empty = {**item, **{k: v for k, v in (("content", []), ("summary", []), ("arguments", "")) if k in item}}
        empty.pop("encrypted_content", None)
        events.append({"type": "response.output_item.added", "output_index": n, "item": empty})
        if item["type"] == "message":
            part = item["content"][0]
            at |= {"content_index": 0}
            events.append({"type": "response.content_part.added", **at, "part": {**part, "text": ""}})
            events.append({"type": "response.output_text.delta", **at, "delta": part["text"], "logprobs": []})
            events.append({"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []})
            events.append({"type": "response.content_part.done", **at, "part": part})
        elif item["type"] == "function_call":
            named = "response.function_call_arguments"
            events.append({"type": f"{named}.delta", **at, "delta": item["arguments"]})
            events.append({"type": f"{named}.done", **at, "arguments": item["arguments"]})
        else:
            part = item["summary"][0]
            at |= {"summary_index": 0}
            named = "response.reasoning_summary_text"
            empty_part = {**part, "text": ""}
            events.append({"type": "response.reasoning_summary_part.added", **at, "part": empty_part})
            events.append({"type": f"{named}.delta", **at, "delta": part["text"]})
            events.append({"type": f"{named}.done", **at, "text": part["text"]})
            events.append({"type": "response.reasoning_summary_part.done", **at, "part": part})
        events.append({"type": "response.output_item.done", "output_index": n, "item": item})
    whole = _response(parts, finish, choices)
    events.append({"type": f"response.{whole['status']}", "response": whole})
    return _data(*({**event, "sequence_number": n} for n, event in enumerate(events)), named=True)


_ANTHROPIC_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "filter": "refusal"}


def _blocks(parts):
    for n, part in enumerate(parts):
        if part[0] == "text":
            yield {"type": "text", "text": part[1]}
        elif part[0] == "call":
            yield {"type": "tool_use", "id": f"toolu_{n}", "name": part[1], "input": part[2]}
        else:
            yield {"type": "thinking", "thinking": part[1], "signature": SIGNATURE}


def _message(parts, finish, choices):
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "up",
        "content": list(_blocks(parts)),
        "stop_reason": _ANTHROPIC_FINISH[finish],
        "stop_sequence": None,
        "usage": {
            "input_tokens": INPUT - CACHED,
            "cache_read_input_tokens": CACHED,
            "cache_creation_input_tokens": 0,
            "output_tokens": OUTPUT,
        },
    }


def _message_stream(parts, finish, choices):
    whole = _message(parts, finish, choices)
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    events = [{"type": "message_start", "message": begun}]
    for n, block in enumerate(whole["content"]):
        match block["type"]:
            case "text":
                empty, deltas = {**block, "text": ""}, [{"type": "text_delta", "text": block["text"]}]
            case "tool_use":
                text = json.dumps(block["input"])
                empty = {**block, "input": {}}
                deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", text[:3], text[3:])]
            case _:
                empty = {"type": "thinking", "thinking": "", "signature": ""}
                deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}]
                deltas.append({"type": "signature_delta", "signature": SIGNATURE})
        events.append({"type": "content_block_start", "index": n, "content_block": empty})
        events += [{"type": "content_block_delta", "index": n, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": n})
    delta = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
    events.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": OUTPUT}})
    return _data(*events, {"type": "message_stop"}, named=True)


_GEMINI_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "filter": "SAFETY"}


def _parts(parts):
    for part in parts:
        if part[0] == "text":
            yield {"text": part[1]}
        elif part[0] == "call":
            yield {"functionCall": {"name": part[1], "args": part[2]}}
        else:
            yield {"text": part[1], "thought": True}


def _signed(parts):
    """Gemini signs the part behind its thoughts."""
    made = list(_parts(parts))
    if parts[0][0] == "thought":
        made[-1]["thoughtSignature"] = SIGNATURE
    return made


def _gemini(parts, finish, choices):
    used = {"promptTokenCount": INPUT, "cachedContentTokenCount": CACHED, "candidatesTokenCount": OUTPUT}
    content = {"role": "model", "parts": _signed(parts)}
    one = [{"index": n, "content": content, "finishReason": _GEMINI_FINISH[finish]} for n in range(choices)]
    return {
        "candidates": one,
        "usageMetadata": {**used, "totalTokenCount": INPUT + OUTPUT},
        "modelVersion": "up",
        "responseId": "r1",
    }


def _gemini_stream(parts, finish, choices):
    whole = _gemini(parts, finish, choices)
    events = []
    for candidate in whole["candidates"]:
        for part in candidate["content"]["parts"]:
            one = {"index": candidate["index"], "content": {"role": "model", "parts": [part]}}
            events.append({**whole, "candidates": [one]})
        last = {"index": candidate["index"], "content": {"role": "model", "parts": [{"text": ""}]}}
        events.append({**whole, "candidates": [{**last, "finishReason": candidate["finishReason"]}]})
    return _data(*events)


_BEDROCK_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "filter": "content_filtered"}
_AWS_USED = {
    "inputTokens": INPUT - CACHED,
    "outputTokens": OUTPUT,
    "totalTokens": INPUT + OUTPUT,
    "cacheReadInputTokens": CACHED,
    "cacheWriteInputTokens": 0,
}


def _converse(parts, finish, choices):
    content = []
    for n, part in enumerate(parts):
        if part[0] == "text":
            content.append({"text": part[1]})
        elif part[0] == "call":
            content.append({"toolUse": {"toolUseId": f"tooluse_{n}", "name": part[1], "input": part[2]}})
        else:
            content.append({"reasoningContent": {"reasoningText": {"text": part[1], "signature": SIGNATURE}}})
    said = {"message": {"role": "assistant", "content": content}}
    return {"output": said, "stopReason": _BEDROCK_FINISH[finish], "usage": _AWS_USED, "metrics": {"latencyMs": 1}}


def _converse_stream(parts, finish, choices):
    events = [("messageStart", {"role": "assistant"})]
    for n, part in enumerate(parts):
        at = {"contentBlockIndex": n}
        if part[0] == "call":
            start = {"toolUse": {"toolUseId": f"tooluse_{n}", "name": part[1]}}
            events.append(("contentBlockStart", {**at, "start": start}))
            deltas = [{"toolUse": {"input": json.dumps(part[2])}}]
        elif part[0] == "text":
            deltas = [{"text": part[1]}]
        else:
            deltas = [{"reasoningContent": {"text": part[1]}}, {"reasoningContent": {"signature": SIGNATURE}}]
        events += [("contentBlockDelta", {**at, "delta": delta}) for delta in deltas]
        events.append(("contentBlockStop", at))
    events.append(("messageStop", {"stopReason": _BEDROCK_FINISH[finish]}))
    events.append(("metadata", {"usage": _AWS_USED, "metrics": {"latencyMs": 1}}))
    return b"".join(aws_event(kind, body) for kind, body in events)


WHOLE = {
    "openai": _chat,
    "openai_completions": _completion,
    "openai_responses": _response,
    "anthropic": _message,
    "gemini": _gemini,
    "bedrock": _converse,
}
STREAM = {
    "openai": _chat_stream,
    "openai_completions": _completion_stream,
    "openai_responses": _response_stream,
    "anthropic": _message_stream,
    "gemini": _gemini_stream,
    "bedrock": _converse_stream,
}
VECTORS = {
    "openai": {
        "object": "list",
        "model": "up",
        "data": [{"object": "embedding", "index": n, "embedding": [0.5, float(n)]} for n in range(2)],
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    },
    "gemini": {"embeddings": [{"values": [0.5, float(n)]} for n in range(2)]},
}
COUNTS = {
    "openai_responses": {"object": "response.input_tokens", "input_tokens": 5},
    "anthropic": {"input_tokens": 5},
    "gemini": {"totalTokens": 5},
    "bedrock": {"inputTokens": 5},
}
