"""What the official SDK of each dialect makes of a reply's bytes: the oracle these tests compare with.

The SDK's own client reads the bytes, handed to it where it would otherwise open a connection.
"""

import io
import json
import zlib
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace

import anthropic
import boto3
import botocore
import botocore.config
import httpx
import httpx2
import openai
import urllib3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError, EventStreamError
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google


@dataclass
class Heard:
    """What a reply says, in no SDK's words."""

    text: str = ""
    thoughts: str = ""
    calls: list = field(default_factory=list)
    """Name and arguments of each call."""
    finish: str | None = None
    """The dialect's own word, of the first choice."""
    input: int | None = None
    output: int | None = None
    choices: int = 1
    vectors: list = field(default_factory=list)
    count: int | None = None
    error: Exception | None = None
    status: int = 0
    signatures: list = field(default_factory=list)

    @property
    def meaning(self):
        """What must be the same on every way: words, calls with their arguments, and usage, where none is 0."""
        return self.text, self.calls, (self.input or 0, self.output or 0)


def hear(dialect, body, *, status=200, headers=None, streamed=False, task="chat"):
    """The reply as the dialect's SDK reads it; its exception where it raises one."""
    heard = Heard(status=status)
    reader = {"chat": _CHAT, "embed": _EMBED, "count": _COUNT}[task][dialect]
    try:
        reader(heard, (status, {"content-type": "application/json"} | dict(headers or {}), body), streamed)
    except (openai.APIError, anthropic.APIError, google_errors.APIError, ClientError, EventStreamError) as error:
        heard.error = error
    return heard


def _args(text):
    """Arguments as JSON, none of them as an empty object; what is no JSON is compared as it is."""
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return text


_canned = SimpleNamespace(answer=None)


def _answer2(request):
    status, headers, body = _canned.answer
    return httpx2.Response(status, headers=_plain(headers), content=body)


def _answer(request):
    status, headers, body = _canned.answer
    return httpx.Response(status, headers=_plain(headers), content=body)


def _plain(headers):
    return {k: v for k, v in headers.items() if k not in ("content-length", "transfer-encoding", "content-encoding")}


@cache
def _openai():
    http = httpx2.Client(transport=httpx2.MockTransport(_answer2))
    return openai.OpenAI(base_url="http://canned/v1", api_key="sk-fake", max_retries=0, http_client=http)


def _chat(heard, answer, streamed):
    _canned.answer = answer
    reply = _openai().chat.completions.create(model="m", messages=[], stream=streamed)
    if not streamed:
        heard.choices = len(reply.choices)
        for choice in reply.choices[:1]:
            said = choice.message
            heard.finish = choice.finish_reason
            _said(heard, said)
            called = [c.function for c in said.tool_calls or ()] + [said.function_call]
            heard.calls = [(one.name, _args(one.arguments)) for one in called if one and one.name]
        _of_openai(heard, reply.usage)
        return
    calls, seen = {}, set()
    for chunk in reply:
        if chunk.usage is not None:
            _of_openai(heard, chunk.usage)
        for choice in chunk.choices:
            seen.add(choice.index)
            if choice.index:
                continue
            delta = choice.delta
            _said(heard, delta)
            heard.finish = choice.finish_reason or heard.finish
            called = [(call.index, call.function) for call in delta.tool_calls or ()]
            for key, call in [*called, ("old", delta.function_call)]:
                if call is not None:
                    into = calls.setdefault(key, ["", ""])
                    into[0] = into[0] or call.name or ""
                    into[1] += call.arguments or ""
    heard.choices = len(seen)
    heard.calls = [(name, _args(text)) for name, text in calls.values()]


def _said(heard, said):
    """Text and thoughts, also as hosts say them that give a list of parts, or speak."""
    content = said.content
    if isinstance(content, list):
        heard.text += "".join(part.get("text", "") for part in content if part.get("type") == "text")
    else:
        audio = getattr(said, "audio", None)
        heard.text += content or said.refusal or (audio and audio.transcript) or ""
    heard.thoughts += getattr(said, "reasoning_content", None) or getattr(said, "reasoning", None) or ""


def _of_openai(heard, usage):
    """Some hosts count thoughts beside the completion; their total tells."""
    if usage is not None:
        heard.input = usage.prompt_tokens
        heard.output = max(usage.completion_tokens or 0, (usage.total_tokens or 0) - (usage.prompt_tokens or 0))


def _completion(heard, answer, streamed):
    _canned.answer = answer
    reply = _openai().completions.create(model="m", prompt="", stream=streamed)
    parts, seen = (reply, set()) if streamed else ([reply], set())
    for part in parts:
        if part.usage is not None:
            _of_openai(heard, part.usage)
        for choice in part.choices:
            seen.add(choice.index)
            if choice.index == 0:
                heard.text += choice.text
                heard.finish = choice.finish_reason or heard.finish
    heard.choices = len(seen)


def _response(heard, answer, streamed):
    _canned.answer = answer
    reply = _openai().responses.create(model="m", input="", stream=streamed)
    if streamed:
        deltas, last = "", None
        for event in reply:
            if event.type in ("response.output_text.delta", "response.refusal.delta"):
                deltas += event.delta
            last = event
        reply = getattr(last, "response", None)
        if reply is None:
            return
        _of_response(heard, reply)
        assert deltas == heard.text, "the deltas say what the whole says"
        return
    _of_response(heard, reply)


def _of_response(heard, reply):
    for item in reply.output:
        if item.type == "message":
            heard.text += "".join(getattr(p, "text", None) or getattr(p, "refusal", "") for p in item.content)
        elif item.type == "function_call":
            heard.calls.append((item.name, _args(item.arguments)))
        elif item.type == "reasoning":
            said = [*(item.summary or ()), *(item.content or ())]
            heard.thoughts += "".join(part.text for part in said)
            if item.encrypted_content:
                heard.signatures.append(item.encrypted_content)
    heard.finish = reply.status
    if reply.status == "incomplete" and reply.incomplete_details:
        heard.finish = f"incomplete: {reply.incomplete_details.reason}"
    if reply.usage is not None:
        heard.input, heard.output = reply.usage.input_tokens, reply.usage.output_tokens


def _openai_vectors(heard, answer, streamed):
    _canned.answer = answer
    reply = _openai().embeddings.create(model="m", input="", encoding_format="float")
    heard.vectors = [one.embedding for one in reply.data]
    if reply.usage is not None:
        heard.input = reply.usage.prompt_tokens


def _response_count(heard, answer, streamed):
    _canned.answer = answer
    heard.count = _openai().responses.input_tokens.count(model="m", input="").input_tokens


@cache
def _anthropic():
    http = httpx2.Client(transport=httpx2.MockTransport(_answer2))
    return anthropic.Anthropic(base_url="http://canned", api_key="sk-fake", max_retries=0, http_client=http)


def _message(heard, answer, streamed):
    _canned.answer = answer
    asked = {"model": "m", "max_tokens": 1, "messages": []}
    if streamed:
        with _anthropic().messages.stream(**asked) as stream:
            reply = stream.get_final_message()
    else:
        reply = _anthropic().messages.create(**asked)
    for block in reply.content:
        if block.type == "text":
            heard.text += block.text
        elif block.type == "thinking":
            heard.thoughts += block.thinking
            heard.signatures += [block.signature] if block.signature else []
        elif block.type == "tool_use":
            heard.calls.append((block.name, block.input))
    heard.finish = reply.stop_reason
    if (usage := reply.usage) is not None and usage.input_tokens is not None:
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        heard.input, heard.output = usage.input_tokens + cached, usage.output_tokens


def _message_count(heard, answer, streamed):
    _canned.answer = answer
    heard.count = _anthropic().messages.count_tokens(model="m", messages=[]).input_tokens


@cache
def _google():
    http = httpx.Client(transport=httpx.MockTransport(_answer))
    options = google.HttpOptions(base_url="http://canned", httpx_client=http)
    return genai.Client(api_key="fake", http_options=options)


def _content(heard, answer, streamed):
    _canned.answer = answer
    if streamed:
        replies = list(_google().models.generate_content_stream(model="m", contents="."))
    else:
        replies = [_google().models.generate_content(model="m", contents=".")]
    seen = set()
    for reply in replies:
        for candidate in reply.candidates or ():
            seen.add(candidate.index or 0)
            if candidate.index:
                continue
            for part in (candidate.content and candidate.content.parts) or ():
                if part.thought_signature:
                    heard.signatures.append(part.thought_signature)
                if part.function_call:
                    heard.calls.append((part.function_call.name, part.function_call.args or {}))
                elif part.thought:
                    heard.thoughts += part.text or ""
                else:
                    heard.text += part.text or ""
            heard.finish = candidate.finish_reason.value if candidate.finish_reason else heard.finish
        if reply.prompt_feedback and reply.prompt_feedback.block_reason and heard.finish is None:
            heard.finish = "blocked"
        if (usage := reply.usage_metadata) is not None:
            heard.input = (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0)
            heard.output = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    heard.choices = len(seen)


def _google_vectors(heard, answer, streamed):
    _canned.answer = answer
    heard.vectors = [one.values for one in _google().models.embed_content(model="m", contents=["."]).embeddings]


def _google_count(heard, answer, streamed):
    _canned.answer = answer
    heard.count = _google().models.count_tokens(model="m", contents=".").total_tokens


@cache
def _aws():
    off = botocore.config.Config(signature_version=botocore.UNSIGNED, retries={"max_attempts": 0})
    client = boto3.session.Session().client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url="http://canned", config=off
    )

    def given(request, **_):
        status, headers, body = _canned.answer
        kept = urllib3.response.HTTPHeaderDict(_plain(headers))
        raw = urllib3.HTTPResponse(io.BytesIO(body), headers=kept, status=status, preload_content=False)
        return AWSResponse(request.url, status, kept, raw)

    client.meta.events.register("before-send.bedrock-runtime", given)
    return client


_HI = [{"role": "user", "content": [{"text": "."}]}]


def _converse(heard, answer, streamed):
    _canned.answer = answer
    if not streamed:
        reply = _aws().converse(modelId="m", messages=_HI)
        for block in (reply["output"].get("message") or {}).get("content", ()):
            heard.text += block.get("text", "")
            if "toolUse" in block:
                heard.calls.append((block["toolUse"]["name"], block["toolUse"]["input"]))
            if "reasoningContent" in block:
                said = block["reasoningContent"].get("reasoningText", {})
                heard.thoughts += said.get("text", "")
                heard.signatures += [said["signature"]] if said.get("signature") else []
        heard.finish = reply.get("stopReason")
        _of_aws(heard, reply.get("usage"))
        return
    calls = {}
    for event in _aws().converse_stream(modelId="m", messages=_HI)["stream"]:
        if "contentBlockStart" in event and "toolUse" in event["contentBlockStart"]["start"]:
            start = event["contentBlockStart"]
            calls[start["contentBlockIndex"]] = [start["start"]["toolUse"]["name"], ""]
        elif "contentBlockDelta" in event:
            at, delta = event["contentBlockDelta"]["contentBlockIndex"], event["contentBlockDelta"]["delta"]
            heard.text += delta.get("text", "")
            heard.thoughts += delta.get("reasoningContent", {}).get("text", "")
            if signature := delta.get("reasoningContent", {}).get("signature"):
                heard.signatures.append(signature)
            if "toolUse" in delta:
                calls[at][1] += delta["toolUse"]["input"]
        elif "messageStop" in event:
            heard.finish = event["messageStop"].get("stopReason")
        elif "metadata" in event:
            _of_aws(heard, event["metadata"]["usage"])
    heard.calls = [(name, _args(text or "{}")) for name, text in calls.values()]


def _of_aws(heard, usage):
    if usage:
        cached = (usage.get("cacheReadInputTokens") or 0) + (usage.get("cacheWriteInputTokens") or 0)
        heard.input, heard.output = usage["inputTokens"] + cached, usage["outputTokens"]


def _aws_count(heard, answer, streamed):
    _canned.answer = answer
    asked = {"converse": {"messages": _HI}}
    heard.count = _aws().count_tokens(modelId="m", input=asked)["inputTokens"]


def aws_event(kind, body, message="event"):
    """One message of Amazon's event stream, an `event` or an `exception`: prelude, headers, JSON, checksums."""
    head = b""
    for name, value in (
        (f":{message}-type", kind),
        (":content-type", "application/json"),
        (":message-type", message),
    ):
        head += bytes([len(name)]) + name.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
    data = json.dumps(body).encode()
    prelude = (16 + len(head) + len(data)).to_bytes(4, "big") + len(head).to_bytes(4, "big")
    whole = prelude + zlib.crc32(prelude).to_bytes(4, "big") + head + data
    return whole + zlib.crc32(whole).to_bytes(4, "big")


_CHAT = {
    "openai": _chat,
    "openai_completions": _completion,
    "openai_responses": _response,
    "anthropic": _message,
    "gemini": _content,
    "bedrock": _converse,
}
_EMBED = {"openai": _openai_vectors, "gemini": _google_vectors}
_COUNT = {
    "openai_responses": _response_count,
    "anthropic": _message_count,
    "gemini": _google_count,
    "bedrock": _aws_count,
}
