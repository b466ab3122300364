"""Plain completions: as they come to hosts that have them, as a conversation of one turn to others."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tollhouse import Request
from tollhouse.framing import sse
from tollhouse.neutral import fold
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse.testing import sse as events
from tollhouse.testing.corpus import Recording, recordings
from tollhouse_openai import CompletionsDialect, OpenAI

DIALECT = CompletionsDialect()
ROUTE = DIALECT.routes[0]
ALL = [r for r in recordings("completions", kinds=("json", "sse")) if r.status == 200 and r.provider != "writer"]
"""Without a host whose streams have no end and whose replies have no usage."""
ASK = {"model": "host/m", "prompt": "Once upon", "max_tokens": 5, "presence_penalty": 0.5}
HEAD = {"id": "chatcmpl-1", "created": 7, "model": "m"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
CHAT = {
    **HEAD,
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": " a time"}, "finish_reason": "length"}],
    "usage": USAGE,
}


def ids(recording: Recording) -> str:
    return recording.name


def frames(stream: bytes) -> list[bytes]:
    splitter = sse.Splitter()
    found = splitter.feed(stream)
    return [*found, rest] if (rest := splitter.rest()) else found


def asked(recording: Recording) -> Request:
    raw = recording.request()
    assert raw is not None
    return DIALECT.request(raw, ROUTE)


recorded = pytest.mark.skipif(not ALL, reason="no recordings here")


@recorded
@pytest.mark.parametrize("recording", ALL, ids=ids)
def test_a_recorded_reply_is_read_and_passes(recording: Recording) -> None:
    request, reader = asked(recording), DIALECT.decoder("chat")
    request.wants_usage = True
    encoder = DIALECT.encoder(request)
    if recording.kind == "sse":
        sniffed = [reader.sniff(raw) for raw in frames(recording.reply())]
        reader.finish()
        assert b"".join(encoder.passes(frame) for frame in sniffed) + encoder.finish() == recording.reply()
        answer = fold([h for raw in frames(recording.reply()) for h in reader.feed(raw)])
    else:
        assert encoder.passes(reader.whole(recording.reply())) == recording.reply()
        answer = fold(reader.unfold(recording.reply()))
        body = msgspec.json.decode(recording.reply())
        assert ["".join(p.text for p in c.parts) for c in answer.choices] == [  # type: ignore[union-attr]
            choice["text"] for choice in body["choices"]
        ]
        assert answer.usage is not None
        assert answer.usage.total == body["usage"]["total_tokens"]
    assert answer.complete
    assert answer.choices


@recorded
@pytest.mark.parametrize("recording", [r for r in ALL if r.kind == "json"], ids=ids)
@pytest.mark.parametrize("stream", [False, True])
def test_a_recorded_reply_written_anew_says_the_same(recording: Recording, stream: bool) -> None:
    found = DIALECT.decoder("chat").unfold(recording.reply())
    encoder = DIALECT.encoder(Request(b"{}", dialect=DIALECT, route=ROUTE, model="m", stream=stream))
    written, again = encoder.feed(found) + encoder.finish(), DIALECT.decoder("chat")
    repeated = [h for raw in frames(written) for h in again.feed(raw)] if stream else again.unfold(written)
    said = [[(c.parts, c.finish) for c in fold(some).choices if c.parts] for some in (found, repeated)]
    assert len(said[0]) == len(said[1])
    for (before, reason), (after, same) in zip(*said, strict=True):
        assert [p.text for p in before] == [p.text for p in after]  # type: ignore[union-attr]
        assert reason == same


def test_a_host_that_has_them_is_asked_as_the_caller_asked() -> None:
    async def scenario() -> None:
        async with Upstream() as up:
            config = f'[providers.host]\nkind = "vllm"\nbase_url = "{up.url}/v1"\n'
            body = {
                **HEAD,
                "object": "text_completion",
                "choices": [{"index": 0, "text": "x", "finish_reason": "stop"}],
            }
            up.answer(body)
            async with gateway(config, OpenAI) as made:
                said = {**ASK, "prompt": [1, 2, 3], "echo": True, "logprobs": 2}
                assert (await Client(made).post("/v1/completions", said)).json() == body
                assert up.requests[0].path == "/v1/completions"
                assert up.requests[0].json() == {**said, "model": "m"}

    run(scenario())


def test_a_host_without_them_is_asked_in_a_conversation_with_a_receipt() -> None:
    async def scenario() -> None:
        async with Upstream() as up:
            config = f'[providers.host]\nkind = "groq"\nbase_url = "{up.url}/v1"\napi_key = "sk-fake"\n'
            up.answer(CHAT)
            async with gateway(config, OpenAI) as made:
                response = await Client(made).post("/v1/completions", {**ASK, "echo": True})
                assert response.json() == {
                    **HEAD,
                    "object": "text_completion",
                    "choices": [{"text": " a time", "index": 0, "logprobs": None, "finish_reason": "length"}],
                    "usage": USAGE,
                }
                assert response.headers["x-tollhouse-translation"] == "adapted; approximated=prompt; dropped=echo"
                sent = up.requests[0].json()
                assert sent["messages"] == [{"role": "user", "content": "Once upon"}]
                assert (sent["max_completion_tokens"], sent["presence_penalty"]) == (5, 0.5)
                strict = await Client(made, {"x-tollhouse-strict": "true"}).post("/v1/completions", ASK)
                assert (strict.status, strict.json()["error"]["code"]) == (400, "translation_loss")

    run(scenario())


@pytest.mark.parametrize("usage", [False, True])
def test_a_stream_of_a_conversation_is_a_stream_of_text(usage: bool) -> None:
    async def scenario() -> None:
        async with Upstream() as up:
            config = f'[providers.host]\nkind = "groq"\nbase_url = "{up.url}/v1"\napi_key = "sk-fake"\n'
            choice = {"index": 0, "finish_reason": None}
            up.answer(
                events(
                    {**HEAD, "choices": [{**choice, "delta": {"role": "assistant", "reasoning": "hm"}}]},
                    {**HEAD, "choices": [{**choice, "delta": {"content": " a"}}]},
                    {**HEAD, "choices": [{**choice, "delta": {"content": " time"}, "finish_reason": "stop"}]},
                    {**HEAD, "choices": [], "usage": USAGE},
                )
            )
            async with gateway(config, OpenAI) as made:
                options: Any = {"stream_options": {"include_usage": True}} if usage else {}
                response = await Client(made).post("/v1/completions", {**ASK, "stream": True, **options})
                data = [sse.data(raw) for raw in frames(response.body)]
                assert data[-1] == b"[DONE]"
                chunks = [msgspec.json.decode(one) for one in data[:-1]]
                assert {chunk["object"] for chunk in chunks} == {"text_completion"}
                assert [c["text"] for chunk in chunks for c in chunk["choices"]] == [" a", " time", ""]
                assert chunks[-1].get("usage") == (USAGE if usage else None)

    run(scenario())


@pytest.mark.parametrize("prompt", [[1, 2], [[1], [2]], ["a", "b"], [], None, 7])
def test_prompts_that_no_conversation_is_are_a_400_elsewhere(prompt: Any) -> None:
    async def scenario() -> None:
        async with Upstream() as up:
            config = f'[providers.host]\nkind = "groq"\nbase_url = "{up.url}/v1"\napi_key = "sk-fake"\n'
            up.answer(CHAT)
            async with gateway(config, OpenAI) as made:
                response = await Client(made).post("/v1/completions", {**ASK, "prompt": prompt})
                assert (response.status, response.json()["error"]["param"]) == (400, "prompt")
                assert up.requests == []

    run(scenario())
