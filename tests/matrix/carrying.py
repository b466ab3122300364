"""Whether an upstream was asked for what a row is about, in its own API's words."""

import json

from answering import SIGNATURE
from asking import CAT, FORM, PDF, PNG, SCHEMA, WAV


def carries(row, dialect, body):
    """Whether the upstream was asked for what the row is about, in its own words."""
    if row in ("text", "usage", "length", "filter", "embeddings", "count"):
        return "Hello?" in json.dumps(body) or "embed" in row
    if row == "parallel_calls":
        row = "tools"
    return bool(_CARRIES[dialect][row](body))


def _within(value, key):
    """Every value of a key, anywhere in a document."""
    if isinstance(value, dict):
        for name, one in value.items():
            if name == key:
                yield one
            yield from _within(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from _within(one, key)


def _has(key, *values):
    return lambda body: any(one in values for one in _within(body, key))


def _at(*path, is_=None):
    def found(body):
        for step in path:
            try:
                body = body[step]
            except (KeyError, IndexError, TypeError):
                return False
        return body == is_ if is_ is not None else body is not None

    return found


def _is(block, kind):
    return isinstance(block, dict) and block.get("type") == kind


def _turned(body):
    """The texts of the turns, in their order."""
    said = json.dumps(body)
    places = [said.find(text) for text in ("One.", "Two.", "Hello?")]
    return -1 not in places and places == sorted(places)


def _paired(calls, results):
    """A call and its result with the same id, and the words of the result."""

    def found(body):
        ids = set(calls(body))
        return ids and ids == set(results(body)) and "sunny" in json.dumps(body) and "Oslo" in json.dumps(body)

    return found


def _roles(role):
    return lambda body: any(m["role"] == role and "Be brief." in json.dumps(m) for m in body["messages"])


_PNG_URL = f"data:image/png;base64,{PNG}"
_PDF_URL = f"data:application/pdf;base64,{PDF}"

_CARRIES = {
    "openai": {
        "system": _roles("system"),
        "turns": _turned,
        "tools": _at("tools", 0, "function", "parameters", is_=SCHEMA),
        "tool_results": _paired(
            lambda b: [c["id"] for calls in _within(b, "tool_calls") for c in calls],
            lambda b: _within(b, "tool_call_id"),
        ),
        "tool_choice": _at("tool_choice", "function", "name", is_="weather"),
        "one_call": _at("parallel_tool_calls", is_=False),
        "image": _has("url", _PNG_URL),
        "image_url": _has("url", CAT),
        "document": _has("file_data", _PDF_URL),
        "audio": _has("data", WAV),
        "thinking": _at("reasoning_effort"),
        "thoughts_back": lambda body: SIGNATURE in json.dumps(body),
        "json_schema": _at("response_format", "json_schema", "schema", is_=FORM),
        "json_object": _at("response_format", "type", is_="json_object"),
        "stop": _at("stop", is_=["END"]),
        "temperature": _at("temperature", is_=0.5),
        "top_k": _at("top_k", is_=5),
        "seed": _at("seed", is_=5),
        "n": _at("n", is_=2),
        "cache": lambda body: any(_within(body, "cache_control")),
        "user": _at("user", is_="u-1"),
    },
    "openai_completions": {
        "stop": _at("stop", is_=["END"]),
        "temperature": _at("temperature", is_=0.5),
        "seed": _at("seed", is_=5),
        "n": _at("n", is_=2),
        "user": _at("user", is_="u-1"),
    },
    "openai_responses": {
        "system": lambda body: "Be brief." in json.dumps(body),
        "turns": _turned,
        "tools": _at("tools", 0, "parameters", is_=SCHEMA),
        "tool_results": _paired(
            lambda b: [i["call_id"] for i in b["input"] if i.get("type") == "function_call"],
            lambda b: [i["call_id"] for i in b["input"] if i.get("type") == "function_call_output"],
        ),
        "tool_choice": _at("tool_choice", "name", is_="weather"),
        "one_call": _at("parallel_tool_calls", is_=False),
        "image": _has("image_url", _PNG_URL),
        "image_url": _has("image_url", CAT),
        "document": _has("file_data", _PDF_URL),
        "audio": _has("data", WAV),
        "thinking": _at("reasoning", "effort"),
        "thoughts_back": _has("encrypted_content", SIGNATURE),
        "json_schema": _at("text", "format", "schema", is_=FORM),
        "json_object": _at("text", "format", "type", is_="json_object"),
        "stop": lambda body: False,
        "temperature": _at("temperature", is_=0.5),
        "top_k": lambda body: False,
        "seed": lambda body: False,
        "n": lambda body: False,
        "cache": lambda body: any(_within(body, "cache_control")),
        "user": _at("user", is_="u-1"),
    },
    "anthropic": {
        "system": lambda body: "Be brief." in json.dumps(body.get("system")),
        "turns": _turned,
        "tools": _at("tools", 0, "input_schema", is_=SCHEMA),
        "tool_results": _paired(
            lambda b: [c["id"] for content in _within(b, "content") for c in content if _is(c, "tool_use")],
            lambda b: _within(b, "tool_use_id"),
        ),
        "tool_choice": _at("tool_choice", "name", is_="weather"),
        "one_call": _at("tool_choice", "disable_parallel_tool_use", is_=True),
        "image": _has("data", PNG),
        "image_url": _has("url", CAT),
        "document": _has("data", PDF),
        "audio": _has("data", WAV),
        "thinking": _at("thinking", "type", is_="enabled"),
        "thoughts_back": _has("signature", SIGNATURE),
        "json_schema": _at("output_config", "format", "schema", is_=FORM),
        "json_object": lambda body: False,
        "stop": _at("stop_sequences", is_=["END"]),
        "temperature": _at("temperature", is_=0.5),
        "top_k": _at("top_k", is_=5),
        "seed": lambda body: False,
        "n": lambda body: False,
        "cache": lambda body: any(_within(body, "cache_control")),
        "user": _has("user_id", "u-1"),
    },
    "gemini": {
        "system": lambda body: "Be brief." in json.dumps(body.get("systemInstruction")),
        "turns": _turned,
        "tools": _at("tools", 0, "functionDeclarations", 0, "parametersJsonSchema", is_=SCHEMA),
        "tool_results": lambda body: (
            all(any(_within(body, k)) for k in ("functionCall", "functionResponse")) and "sunny" in json.dumps(body)
        ),
        "tool_choice": _at("toolConfig", "functionCallingConfig", "allowedFunctionNames", is_=["weather"]),
        "one_call": lambda body: False,
        "image": _has("data", PNG),
        "image_url": _has("fileUri", CAT),
        "document": _has("data", PDF),
        "audio": _has("data", WAV),
        "thinking": _at("generationConfig", "thinkingConfig", "includeThoughts", is_=True),
        "thoughts_back": _has("thoughtSignature", SIGNATURE),
        "json_schema": _at("generationConfig", "responseJsonSchema", is_=FORM),
        "json_object": _at("generationConfig", "responseMimeType", is_="application/json"),
        "stop": _at("generationConfig", "stopSequences", is_=["END"]),
        "temperature": _at("generationConfig", "temperature", is_=0.5),
        "top_k": _at("generationConfig", "topK", is_=5),
        "seed": _at("generationConfig", "seed", is_=5),
        "n": _at("generationConfig", "candidateCount", is_=2),
        "cache": lambda body: any(_within(body, "cache_control")),
        "user": lambda body: "u-1" in json.dumps(body),
    },
    "bedrock": {
        "system": lambda body: "Be brief." in json.dumps(body.get("system")),
        "turns": _turned,
        "tools": _at("toolConfig", "tools", 0, "toolSpec", "inputSchema", "json", is_=SCHEMA),
        "tool_results": _paired(
            lambda b: [c["toolUseId"] for c in _within(b, "toolUse")],
            lambda b: [c["toolUseId"] for c in _within(b, "toolResult")],
        ),
        "tool_choice": _at("toolConfig", "toolChoice", "tool", "name", is_="weather"),
        "one_call": lambda body: False,
        "image": _has("bytes", PNG),
        "image_url": lambda body: CAT in json.dumps(body),
        "document": _has("bytes", PDF),
        "audio": _has("bytes", WAV),
        "thinking": _at("additionalModelRequestFields", "thinking", "type", is_="enabled"),
        "thoughts_back": _has("signature", SIGNATURE),
        "json_schema": lambda body: any(json.loads(s) == FORM for s in _within(body, "schema")),
        "json_object": lambda body: False,
        "stop": _at("inferenceConfig", "stopSequences", is_=["END"]),
        "temperature": _at("inferenceConfig", "temperature", is_=0.5),
        "top_k": _has("top_k", 5),
        "seed": lambda body: False,
        "n": lambda body: False,
        "cache": lambda body: any(_within(body, "cachePoint")),
        "user": lambda body: "u-1" in json.dumps(body),
    },
}
