"""What a caller of each dialect sends to ask for one thing. None where the dialect has no word for it."""

import json

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
PDF = "JVBERi0xLjQKJWZha2UK"
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEA"
CAT = "https://example.com/cat.png"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FORM = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
ARGS = {"city": "Oslo"}
CALL_ID = "call_1"
CACHE = {"type": "ephemeral"}

ROWS = {
    "text": "text in, text out",
    "usage": "usage, cached tokens within it",
    "system": "system text",
    "turns": "earlier turns",
    "tools": "tools, and a call",
    "parallel_calls": "several calls in one reply",
    "tool_results": "a call and its result sent back",
    "tool_choice": "a tool that must be called",
    "one_call": "one call at most",
    "image": "image, inline",
    "image_url": "image, by address",
    "document": "document, inline",
    "audio": "audio, inline",
    "thinking": "thinking asked for, and told",
    "thoughts_back": "thoughts sent back with their signature",
    "json_schema": "structured output by a schema",
    "json_object": "JSON without a schema",
    "stop": "stop sequences",
    "temperature": "temperature",
    "top_k": "top_k",
    "seed": "seed",
    "n": "several choices",
    "cache": "cache marks",
    "user": "end user",
    "length": "finish reason: length",
    "filter": "finish reason: filter",
    "embeddings": "embeddings",
    "count": "tokens counted",
}
"""What is asked for, and how the table calls it."""

DIALECTS = {
    "openai": "OpenAI chat completions",
    "openai_responses": "OpenAI responses",
    "openai_completions": "OpenAI completions",
    "anthropic": "Anthropic messages",
    "gemini": "Gemini",
    "bedrock": "Bedrock Converse",
}
"""The callers."""

TELLS = ("text", "usage", "length", "filter")
"""Rows that ask for nothing but text; what counts is the reply."""


def ask(dialect, row, model, streamed=False, thought=None):
    """Path, headers and body of a request. `thought` is the caller's own earlier reply with a thought in it."""
    if row in TELLS:
        row = "text"
    if row in ("embeddings", "count"):
        return _OTHER[row].get(dialect, lambda _: None)(model)
    return _ASKS[dialect](row, model, streamed, thought)


def _chat(row, model, streamed, thought):
    content, body, turns = "Hello?", {}, []
    tool = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
    match row:
        case "system":
            turns = [{"role": "system", "content": "Be brief."}]
        case "turns":
            turns = [{"role": "user", "content": "One."}, {"role": "assistant", "content": "Two."}]
        case "tools" | "parallel_calls":
            body = {"tools": [tool]}
        case "tool_choice":
            body = {"tools": [tool], "tool_choice": {"type": "function", "function": {"name": "weather"}}}
        case "one_call":
            body = {"tools": [tool], "parallel_tool_calls": False}
        case "tool_results":
            call = {"id": CALL_ID, "type": "function", "function": {"name": "weather", "arguments": json.dumps(ARGS)}}
            said = {"role": "assistant", "content": None, "tool_calls": [call]}
            result = {"role": "tool", "tool_call_id": CALL_ID, "content": "sunny"}
            return _post(
                "/v1/chat/completions",
                model,
                streamed,
                _options(streamed),
                messages=[_user(), said, result],
                max_tokens=5000,
                tools=[tool],
            )
        case "image" | "image_url":
            url = CAT if row == "image_url" else f"data:image/png;base64,{PNG}"
            content = [{"type": "text", "text": "Hello?"}, {"type": "image_url", "image_url": {"url": url}}]
        case "document":
            file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
            content = [{"type": "text", "text": "Hello?"}, {"type": "file", "file": file}]
        case "audio":
            audio = {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}
            content = [{"type": "text", "text": "Hello?"}, audio]
        case "thinking":
            body = {"reasoning_effort": "medium"}
        case "json_schema":
            body = {
                "response_format": {"type": "json_schema", "json_schema": {"name": "f", "schema": FORM, "strict": True}}
            }
        case "json_object":
            body = {"response_format": {"type": "json_object"}}
        case "cache":
            content = [{"type": "text", "text": "Hello?", "cache_control": CACHE}]
        case "stop":
            body = {"stop": ["END"]}
        case "temperature" | "seed" | "n":
            body = {row: {"temperature": 0.5, "seed": 5, "n": 2}[row]}
        case "user":
            body = {"user": "u-1"}
        case "top_k" | "thoughts_back":
            return None
    messages = [*turns, {"role": "user", "content": content}]
    return _post(
        "/v1/chat/completions", model, streamed, _options(streamed), messages=messages, max_tokens=5000, **body
    )


def _options(streamed):
    return {"stream_options": {"include_usage": True}} if streamed else {}


def _user():
    return {"role": "user", "content": "Hello?"}


def _post(path, model, streamed, more, **body):
    body = {"model": model, **body, **more} | ({"stream": True} if streamed else {})
    return path, {}, body


def _responses(row, model, streamed, thought):
    content, body, items = "Hello?", {}, []
    tool = {"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}
    match row:
        case "system":
            body = {"instructions": "Be brief."}
        case "turns":
            items = [{"role": "user", "content": "One."}, {"role": "assistant", "content": "Two."}]
        case "tools" | "parallel_calls":
            body = {"tools": [tool]}
        case "tool_choice":
            body = {"tools": [tool], "tool_choice": {"type": "function", "name": "weather"}}
        case "one_call":
            body = {"tools": [tool], "parallel_tool_calls": False}
        case "tool_results":
            call = {"type": "function_call", "call_id": CALL_ID, "name": "weather", "arguments": json.dumps(ARGS)}
            result = {"type": "function_call_output", "call_id": CALL_ID, "output": "sunny"}
            return _post(
                "/v1/responses",
                model,
                streamed,
                {},
                input=[_user(), call, result],
                tools=[tool],
                max_output_tokens=5000,
                store=False,
            )
        case "image" | "image_url":
            url = CAT if row == "image_url" else f"data:image/png;base64,{PNG}"
            content = [{"type": "input_text", "text": "Hello?"}, {"type": "input_image", "image_url": url}]
        case "document":
            file = {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
            content = [{"type": "input_text", "text": "Hello?"}, file]
        case "audio":
            audio = {"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}
            content = [{"type": "input_text", "text": "Hello?"}, audio]
        case "thinking":
            body = {"reasoning": {"effort": "medium"}}
        case "thoughts_back":
            items = [_user(), *thought["output"]]
            body = {"reasoning": {"effort": "medium"}, "include": ["reasoning.encrypted_content"]}
        case "json_schema":
            body = {"text": {"format": {"type": "json_schema", "name": "f", "schema": FORM, "strict": True}}}
        case "json_object":
            body = {"text": {"format": {"type": "json_object"}}}
        case "temperature":
            body = {"temperature": 0.5}
        case "user":
            body = {"user": "u-1"}
        case "top_k" | "stop" | "seed" | "n" | "cache":
            return None
    asked = [*items, {"role": "user", "content": content}]
    return _post("/v1/responses", model, streamed, {}, input=asked, max_output_tokens=5000, store=False, **body)


def _completions(row, model, streamed, thought):
    match row:
        case "text":
            body = {}
        case "stop":
            body = {"stop": ["END"]}
        case "temperature" | "seed" | "n":
            body = {row: {"temperature": 0.5, "seed": 5, "n": 2}[row]}
        case "user":
            body = {"user": "u-1"}
        case _:
            return None
    return _post("/v1/completions", model, streamed, _options(streamed), prompt="Hello?", max_tokens=5000, **body)


def _messages(row, model, streamed, thought):
    content, body, turns = "Hello?", {}, []
    tool = {"name": "weather", "input_schema": SCHEMA}
    match row:
        case "system":
            body = {"system": "Be brief."}
        case "turns":
            turns = [{"role": "user", "content": "One."}, {"role": "assistant", "content": "Two."}]
        case "tools" | "parallel_calls":
            body = {"tools": [tool]}
        case "tool_choice":
            body = {"tools": [tool], "tool_choice": {"type": "tool", "name": "weather"}}
        case "one_call":
            body = {"tools": [tool], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}
        case "tool_results":
            call = {"type": "tool_use", "id": CALL_ID, "name": "weather", "input": ARGS}
            result = {"type": "tool_result", "tool_use_id": CALL_ID, "content": "sunny"}
            turns, content = [_user(), {"role": "assistant", "content": [call]}], [result]
            body = {"tools": [tool]}
        case "image" | "image_url":
            inline = {"type": "base64", "media_type": "image/png", "data": PNG}
            source = {"type": "url", "url": CAT} if row == "image_url" else inline
            content = [{"type": "text", "text": "Hello?"}, {"type": "image", "source": source}]
        case "document":
            source = {"type": "base64", "media_type": "application/pdf", "data": PDF}
            content = [{"type": "text", "text": "Hello?"}, {"type": "document", "source": source}]
        case "thinking":
            body = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
        case "thoughts_back":
            turns = [_user(), {"role": "assistant", "content": thought["content"]}]
            body = {"thinking": {"type": "enabled", "budget_tokens": 2048}}
        case "json_schema":
            body = {"output_config": {"format": {"type": "json_schema", "schema": FORM}}}
        case "cache":
            content = [{"type": "text", "text": "Hello?", "cache_control": CACHE}]
        case "stop":
            body = {"stop_sequences": ["END"]}
        case "temperature" | "top_k":
            body = {row: {"temperature": 0.5, "top_k": 5}[row]}
        case "user":
            body = {"metadata": {"user_id": "u-1"}}
        case "seed" | "n" | "audio" | "json_object":
            return None
    messages = [*turns, {"role": "user", "content": content}]
    path, _, body = _post("/v1/messages", model, streamed, {}, messages=messages, max_tokens=5000, **body)
    return path, {"anthropic-version": "2023-06-01"}, body


def _gemini(row, model, streamed, thought):
    parts, body, config, turns = [{"text": "Hello?"}], {}, {}, []
    tools = [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": SCHEMA}]}]
    match row:
        case "system":
            body = {"systemInstruction": {"parts": [{"text": "Be brief."}]}}
        case "turns":
            turns = [_said("user", {"text": "One."}), _said("model", {"text": "Two."})]
        case "tools" | "parallel_calls":
            body = {"tools": tools}
        case "tool_choice":
            calling = {"mode": "ANY", "allowedFunctionNames": ["weather"]}
            body = {"tools": tools, "toolConfig": {"functionCallingConfig": calling}}
        case "tool_results":
            call = {"functionCall": {"id": CALL_ID, "name": "weather", "args": ARGS}}
            turns = [_said("user", *parts), _said("model", call)]
            parts = [{"functionResponse": {"id": CALL_ID, "name": "weather", "response": {"output": "sunny"}}}]
            body = {"tools": tools}
        case "image" | "document" | "audio":
            kind, data = {
                "image": ("image/png", PNG),
                "document": ("application/pdf", PDF),
                "audio": ("audio/wav", WAV),
            }[row]
            parts = [*parts, {"inlineData": {"mimeType": kind, "data": data}}]
        case "image_url":
            parts = [*parts, {"fileData": {"mimeType": "image/png", "fileUri": CAT}}]
        case "thinking":
            config = {"thinkingConfig": {"thinkingBudget": 2048, "includeThoughts": True}}
        case "thoughts_back":
            turns = [_said("user", *parts), thought["candidates"][0]["content"]]
            config = {"thinkingConfig": {"thinkingBudget": 2048, "includeThoughts": True}}
        case "json_schema":
            config = {"responseMimeType": "application/json", "responseJsonSchema": FORM}
        case "json_object":
            config = {"responseMimeType": "application/json"}
        case "stop":
            config = {"stopSequences": ["END"]}
        case "temperature" | "seed":
            config = {row: {"temperature": 0.5, "seed": 5}[row]}
        case "top_k":
            config = {"topK": 5}
        case "n":
            config = {"candidateCount": 2}
        case "one_call" | "cache" | "user":
            return None
    body |= {"contents": [*turns, _said("user", *parts)], "generationConfig": {"maxOutputTokens": 5000, **config}}
    method = "streamGenerateContent?alt=sse" if streamed else "generateContent"
    return f"/v1beta/models/{model}:{method}", {"x-goog-api-key": "sk-fake-caller"}, body


def _said(role, *parts):
    return {"role": role, "parts": list(parts)}


def _converse(row, model, streamed, thought):
    content, body, config, turns = [{"text": "Hello?"}], {}, {}, []
    tools = {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": SCHEMA}}}]}
    match row:
        case "system":
            body = {"system": [{"text": "Be brief."}]}
        case "turns":
            turns = [_told("user", {"text": "One."}), _told("assistant", {"text": "Two."})]
        case "tools" | "parallel_calls":
            body = {"toolConfig": tools}
        case "tool_choice":
            body = {"toolConfig": {**tools, "toolChoice": {"tool": {"name": "weather"}}}}
        case "tool_results":
            call = {"toolUse": {"toolUseId": CALL_ID, "name": "weather", "input": ARGS}}
            turns = [_told("user", *content), _told("assistant", call)]
            content = [{"toolResult": {"toolUseId": CALL_ID, "content": [{"text": "sunny"}]}}]
            body = {"toolConfig": tools}
        case "image":
            content = [*content, {"image": {"format": "png", "source": {"bytes": PNG}}}]
        case "document":
            content = [*content, {"document": {"format": "pdf", "name": "a", "source": {"bytes": PDF}}}]
        case "audio":
            content = [*content, {"audio": {"format": "wav", "source": {"bytes": WAV}}}]
        case "thinking":
            body = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2048}}}
        case "thoughts_back":
            turns = [_told("user", *content), thought["output"]["message"]]
            body = {"additionalModelRequestFields": {"thinking": {"type": "enabled", "budget_tokens": 2048}}}
        case "json_schema":
            schema = {"schema": json.dumps(FORM), "name": "f"}
            body = {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}}
        case "cache":
            content = [*content, {"cachePoint": {"type": "default"}}]
        case "stop":
            config = {"stopSequences": ["END"]}
        case "temperature":
            config = {"temperature": 0.5}
        case "top_k":
            body = {"additionalModelRequestFields": {"top_k": 5}}
        case "image_url" | "seed" | "n" | "user" | "one_call" | "json_object":
            return None
    body |= {"messages": [*turns, _told("user", *content)], "inferenceConfig": {"maxTokens": 5000, **config}}
    return f"/model/{model}/converse{'-stream' if streamed else ''}", {}, body


def _told(role, *content):
    return {"role": role, "content": list(content)}


def _gemini_vectors(model):
    requests = [{"model": f"models/{model}", "content": {"parts": [{"text": text}]}} for text in ("a", "b")]
    return f"/v1beta/models/{model}:batchEmbedContents", {"x-goog-api-key": "sk-fake-caller"}, {"requests": requests}


def _count(dialect):
    def made(model):
        path, headers, body = _ASKS[dialect]("text", model, False, None)
        match dialect:
            case "openai_responses":
                return "/v1/responses/input_tokens", headers, {"model": model, "input": "Hello?"}
            case "anthropic":
                return f"{path}/count_tokens", headers, {"model": model, "messages": body["messages"]}
            case "gemini":
                return path.replace("generateContent", "countTokens"), headers, {"contents": body["contents"]}
        return (
            path.replace("converse", "count-tokens"),
            headers,
            {"input": {"converse": {"messages": body["messages"]}}},
        )

    return made


_ASKS = {
    "openai": _chat,
    "openai_responses": _responses,
    "openai_completions": _completions,
    "anthropic": _messages,
    "gemini": _gemini,
    "bedrock": _converse,
}
_OTHER = {
    "embeddings": {
        "openai": lambda model: ("/v1/embeddings", {}, {"model": model, "input": ["a", "b"]}),
        "gemini": _gemini_vectors,
    },
    "count": {dialect: _count(dialect) for dialect in ("openai_responses", "anthropic", "gemini", "bedrock")},
}
