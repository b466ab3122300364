"""Recorded replies as an upstream's, and what a caller of any dialect must read of them."""

from asking import ask
from cells import FINISHES
from hearing import hear
from tollhouse.testing.corpus import recordings
from tollhouse.testing.upstream import Script

DIALECT = {
    "chat_completions": "openai",
    "completions": "openai_completions",
    "responses": "openai_responses",
    "messages": "anthropic",
    "generateContent": "gemini",
    "streamGenerateContent": "gemini",
    "converse": "bedrock",
    "converse-stream": "bedrock",
}
PROVIDER = {
    "openai": "chat",
    "openai_completions": "openai",
    "openai_responses": "openai",
    "anthropic": "anthropic",
    "gemini": "gemini",
    "bedrock": "bedrock",
}
"""The provider that is asked in a dialect, whatever the caller's is."""

KINDS = {
    "json": "application/json",
    "sse": "text/event-stream",
    "aws-eventstream": "application/vnd.amazon.eventstream",
}
NEUTRAL = {
    "openai": {"function_call": "tool_calls"},
    "anthropic": {"stop_sequence": "stop", "model_context_window_exceeded": "length"},
    "gemini": {"RECITATION": "filter", "PROHIBITED_CONTENT": "filter", "blocked": "filter", "IMAGE_SAFETY": "filter"},
    "bedrock": {"stop_sequence": "stop", "guardrail_intervened": "filter"},
}
"""Words for an end beside those of FINISHES."""

ALL = list(recordings(*DIALECT, kinds=tuple(KINDS)))


def answered(recording):
    """The recording as an upstream's answer, its headers as far as they were kept."""
    kept = recording.load()["response"].get("headers") or {}
    headers = {str(k).lower(): v[0] if isinstance(v, list) else str(v) for k, v in kept.items()}
    named = {k: v for k, v in headers.items() if k.startswith(("retry-after", "x-amzn-errortype", "x-should-retry"))}
    return Script(recording.status, {"content-type": KINDS[recording.kind], **named}, recording.reply())


def straight(recording):
    """What the provider's own SDK reads; None where it cannot."""
    script = answered(recording)
    streamed = recording.kind != "json"
    try:
        return hear(
            DIALECT[recording.endpoint], script.body, status=script.status, headers=script.headers, streamed=streamed
        )
    except Exception:
        return None  # the SDK's own crash: nothing to compare with


def through(stage, recording, dialect):
    """What the SDK of the caller's dialect reads through the gateway; None for what it cannot ask for."""
    own = DIALECT[recording.endpoint]
    streamed = recording.kind != "json"
    script = answered(recording)
    asked = ask(dialect, "text", PROVIDER[own], streamed)
    response = stage.exchange(asked, lambda request: script)
    headers = dict(response.headers)
    return hear(dialect, response.body, status=response.status, headers=headers, streamed=streamed)


def end(heard, dialect):
    """The neutral reason of what an SDK read; None for a word that has none."""
    if heard.calls and heard.finish in ("completed", "STOP", "stop"):
        return "tool_calls"
    words = {word: reason for reason, word in reversed(FINISHES[dialect].items())} | NEUTRAL.get(dialect, {})
    return words.get(heard.finish)
