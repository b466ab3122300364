"""How things are said in each API: tables of what a real gateway sent upstream, and of what its callers were told."""

import json

import answering
from answering import WHOLE
from asking import DIALECTS, SCHEMA, ask
from cells import PROVIDERS
from hearing import hear
from tollhouse.testing.upstream import Script

UPSTREAMS = {
    "chat": "chat completions, `gpt-5`",
    "openai": "responses, `gpt-5`",
    "anthropic": "`claude-sonnet-4-5`",
    "later_claude": "`claude-opus-4-8`",
    "bedrock": "`claude-sonnet-4-5` at Bedrock",
    "gemini": "`gemini-2.5-flash`",
    "later_gemini": "`gemini-3-pro-preview`",
}
"""Models whose APIs have words of their own."""

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
BUDGETS = (0, 1024, 4096, 16384, 50000)
CHOICES = {"auto": "auto", "none": "none", "required": "required", "one tool": {"type": "function", "name": "weather"}}

_PLACES = (
    ("reasoning_effort",),
    ("reasoning",),
    ("thinking",),
    ("output_config",),
    ("additionalModelRequestFields",),
    ("generationConfig", "thinkingConfig"),
    ("tool_choice",),
    ("toolConfig", "toolChoice"),
    ("toolConfig", "functionCallingConfig"),
    ("parallel_tool_calls",),
)


def efforts(stage):
    """What becomes of a word of OpenAI's for thinking. Asked in a response, whose word every provider is told."""
    rows = [(f"`{word}`", {"reasoning": {"effort": word}}) for word in EFFORTS]
    return _requests(stage, "effort asked for", rows, lambda body, more: body | more, 100_000)


def budgets(stage):
    """What becomes of a budget of Anthropic's."""
    rows = [(f"{n} tokens", {"type": "enabled", "budget_tokens": n} if n else {"type": "disabled"}) for n in BUDGETS]
    return _requests(
        stage, "budget asked for", rows, lambda body, more: body | {"thinking": more}, 100_000, caller="anthropic"
    )


def choices(stage):
    """What becomes of a choice among tools."""
    tools = {"tools": [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}]}
    rows = [(name, {"tool_choice": said}) for name, said in CHOICES.items()]
    rows.append(("one call at most", {"parallel_tool_calls": False}))
    return _requests(stage, "choice", rows, lambda body, more: body | tools | more, 5000)


def _requests(stage, title, rows, asked, limit, caller="openai_responses"):
    lines = [f"| {title} | {' | '.join(UPSTREAMS.values())} |", "|---" * (len(UPSTREAMS) + 1) + "|"]
    for name, more in rows:
        said = []
        for model in UPSTREAMS:
            # what asks for a chat completion is asked in one, so that its own API is the one that answers
            path, headers, body = ask(caller, "text", model)
            body["max_output_tokens" if caller == "openai_responses" else "max_tokens"] = limit
            response = stage.exchange(
                (path, headers, asked(body, more)), lambda request: answering.answer("text", request)
            )
            assert response.status == 200, response.body
            sent = stage.up.requests[0].json()
            found = {place[-1]: one for place in _PLACES if (one := _dig(sent, place)) is not None}
            said.append(", ".join(f"`{key}: {json.dumps(value)}`" for key, value in found.items()) or "not said")
        lines.append(f"| {name} | {' | '.join(said)} |")
    return "\n".join(lines)


def _dig(body, place):
    for key in place:
        body = body.get(key) if isinstance(body, dict) else None
    return body


ENDS = {
    "openai": ("stop", "length", "tool_calls", "content_filter"),
    "anthropic": ("end_turn", "stop_sequence", "max_tokens", "model_context_window_exceeded", "tool_use", "refusal"),
    "gemini": ("STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "PROHIBITED_CONTENT", "MALFORMED_FUNCTION_CALL"),
    "bedrock": ("end_turn", "stop_sequence", "max_tokens", "tool_use", "content_filtered", "guardrail_intervened"),
}
_FIELDS = {"openai": "finish_reason", "anthropic": "stop_reason", "gemini": "finishReason", "bedrock": "stopReason"}
_ASKED = {"openai": "chat", "anthropic": "anthropic", "gemini": "gemini", "bedrock": "bedrock"}


def ends(stage):
    """The word a caller's SDK reads for each word of an upstream."""
    lines = [f"| said by | {' | '.join(DIALECTS.values())} |", "|---" * (len(DIALECTS) + 1) + "|"]
    for own, words in ENDS.items():
        for word in words:
            called = word in ("tool_calls", "tool_use")
            parts = [("call", "weather", {"city": "Oslo"})] if called else [("text", "Hello!")]
            plain = json.dumps(WHOLE[own](parts, "tool_calls" if called else "stop", 1))
            old = {"openai": "stop", "gemini": "STOP"}.get(own, "end_turn")
            old = {"openai": "tool_calls"}.get(own, "tool_use") if called else old
            reply = plain.replace(f'"{_FIELDS[own]}": "{old}"', f'"{_FIELDS[own]}": "{word}"')
            said = [_end(stage, dialect, own, reply) for dialect in DIALECTS]
            lines.append(f"| {PROVIDERS[_ASKED[own]]}: `{word}` | {' | '.join(said)} |")
    return "\n".join(lines)


def _end(stage, dialect, own, reply):
    script = Script(200, {"content-type": "application/json"}, reply.encode())
    response = stage.exchange(ask(dialect, "text", _ASKED[own]), lambda request: script)
    heard = hear(dialect, response.body, status=response.status, headers=response.headers)
    return "an error" if heard.error else f"`{heard.finish}`" if heard.finish else "none"


NUMBERS = {
    "fresh input": 1000,
    "read from the cache": 300,
    "written to the cache": 20,
    "output": 5000,
}
REASONED = {"fresh input": 1000, "read from the cache": 300, "output": 4000, "thinking": 600}


def usages(stage):
    """The fields in which a caller is told each bucket: all but thinking as Claude tells them, thinking as GPT does."""
    claude = WHOLE["anthropic"]([("text", "Hello!")], "stop", 1)
    claude["usage"] = {
        "input_tokens": NUMBERS["fresh input"],
        "cache_read_input_tokens": NUMBERS["read from the cache"],
        "cache_creation_input_tokens": NUMBERS["written to the cache"],
        "output_tokens": NUMBERS["output"],
    }
    gpt = WHOLE["openai"]([("text", "Hello!")], "stop", 1)
    gpt["usage"] = {
        "prompt_tokens": REASONED["fresh input"] + REASONED["read from the cache"],
        "completion_tokens": REASONED["output"] + REASONED["thinking"],
        "total_tokens": sum(REASONED.values()),
        "prompt_tokens_details": {"cached_tokens": REASONED["read from the cache"]},
        "completion_tokens_details": {"reasoning_tokens": REASONED["thinking"]},
    }
    lines = [f"| bucket | {' | '.join(DIALECTS.values())} |", "|---" * (len(DIALECTS) + 1) + "|"]
    told = {d: _sums(stage, d, "anthropic", claude, NUMBERS) for d in DIALECTS}
    thought = {d: _sums(stage, d, "chat", gpt, REASONED) for d in DIALECTS}
    for bucket in (*NUMBERS, "thinking"):
        source = thought if bucket == "thinking" else told
        lines.append(f"| {bucket} | {' | '.join(_fields(source[d], bucket) for d in DIALECTS)} |")
    return "\n".join(lines)


def _fields(sums, bucket):
    return ", ".join(f"`{path}`" for path, buckets in sums.items() if bucket in buckets) or "not told"


def _sums(stage, dialect, model, reply, numbers):
    """Every number of the caller's usage, as the buckets it is the sum of. Fails for a number that is none."""
    script = Script(200, {"content-type": "application/json"}, json.dumps(reply).encode())
    response = stage.exchange(ask(dialect, "text", model), lambda request: script)
    body = json.loads(response.body)
    found = {}
    for path, value in _flat(body.get("usage") or body.get("usageMetadata")):
        names = list(numbers)
        subsets = [[n for k, n in enumerate(names) if mask >> k & 1] for mask in range(1, 1 << len(names))]
        buckets = [subset for subset in subsets if sum(numbers[n] for n in subset) == value]
        assert buckets or not value, f"{path} of {dialect} is {value}, the sum of no buckets"
        if buckets:
            found[path] = buckets[0]
    return found


def _flat(value, path=""):
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _flat(one, f"{path}.{key}" if path else key)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield path, value


TABLES = {
    "Thinking, asked for as an effort": efforts,
    "Thinking, asked for as a budget": budgets,
    "Choice of tools": choices,
    "Ends": ends,
    "Usage": usages,
}
