"""A reply that never says what it used, or breaks off before it can, costs at least what was delivered of it."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import BODY, CHAT, USAGE, Slow, asks, chunk, config
from tollhouse import Rates, hookimpl
from tollhouse.events import AttemptEnded
from tollhouse.testing import Client, Cut, Upstream, gateway, run, sse

TEXTS = st.lists(st.text(min_size=1, max_size=400), min_size=1, max_size=60)


class Prices:
    """A nano-USD a token of input, a thousand of output."""

    name = "prices"

    @hookimpl
    def price(self, target):
        return Rates({"input": Decimal("0.001"), "output": Decimal(1)}, "test")


def anthropic(url):
    return (
        f'plugins = ["anthropic"]\n[providers.a]\nkind = "anthropic"\nbase_url = "{url}"\napi_key = "sk-fake-a"\n'
        '[models]\nm = ["a/x"]\n'
    )


def events(answer, body=None, path=CHAT, write=config, read=None, **more):
    """The attempts' last events when `answer` is streamed from upstream, and `read` chunks of it are awaited."""

    async def ask():
        async with Upstream() as up:
            up.answer(answer)
            async with gateway(write(up.url), Prices(), **more) as made:
                async with Client(made).stream(path, body or asks("m", stream=True)) as stream:
                    seen = 0
                    async for _ in stream.chunks():
                        seen += 1
                        if seen == read:
                            break
                sums = await made.store.sums([], 0, 4e9)
                return [event for _, event in made.feed.recent() if isinstance(event, AttemptEnded)], sums

    return run(ask())


@given(TEXTS)
def test_a_cut_stream_costs_all_the_text_that_was_delivered(texts):
    frames = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": text}) for text in texts)]
    [attempt], [line] = events([*(sse(frame, done=False) for frame in frames), Cut])
    assert attempt.usage_source == "estimate"
    assert attempt.tokens["output"] >= max(len(texts), sum(map(len, texts)) // 4)
    assert attempt.tokens["output"] <= len(texts) + 1 + sum(map(len, texts)) // 4
    assert line.cost == attempt.cost > attempt.tokens["output"] * 1000


def test_a_long_cut_stream_is_judged_by_its_beginning():
    texts = ["word " * 12] * 2000
    [attempt], _ = events([sse(*(chunk({"content": text}) for text in texts), done=False), Cut])
    assert 0.95 < attempt.tokens["output"] * 4 / (2000 * 60) < 1.05


def test_a_stream_that_is_left_costs_what_was_delivered():
    frames = [chunk({"content": "one two three four five six seven eight "}) for _ in range(50)]
    [attempt], [line] = events([*(sse(frame, done=False) for frame in frames), 3600.0], read=20)
    assert (attempt.state, attempt.usage_source) == ("won", "estimate")
    assert line.cost == attempt.cost >= 20 * 10 * 1000


def test_a_report_at_the_beginning_is_not_taken_for_the_last_word():
    """Anthropic says one output token in a stream's first event, and the rest in its last."""
    begun = {"type": "message_start", "message": {"id": "m", "type": "message", "role": "assistant", "content": []}}
    begun["message"] |= {"model": "x", "stop_reason": None, "usage": {"input_tokens": 500, "output_tokens": 1}}
    part = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word " * 80}}
    frames = b"".join(
        b"event: %s\ndata: %s\n\n" % (one["type"].encode(), msgspec.json.encode(one))
        for one in (begun, part, delta, delta)
    )
    body = {"model": "m", "max_tokens": 4096, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    [attempt], _ = events([frames, Cut], body, "/v1/messages", anthropic)
    assert attempt.tokens["input"] == 500
    assert attempt.tokens["output"] == 200
    assert attempt.usage_source == "estimate"


def test_no_more_is_assumed_than_was_asked_for():
    frames = [chunk({"content": "x" * 4000}) for _ in range(3)]
    [attempt], _ = events([sse(*frames, done=False), Cut], asks("m", stream=True, max_tokens=100))
    assert attempt.tokens["output"] == 100


@pytest.mark.parametrize("stream", [True, False])
def test_a_whole_reply_without_usage_costs_its_text(stream):
    text = "word " * 200
    if stream:
        answer = sse(*(chunk({"content": "word "}) for _ in range(200)), chunk(finish="stop"))
    else:
        message = {"role": "assistant", "content": text}
        answer = {key: value for key, value in BODY.items() if key != "usage"}
        answer["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
    [attempt], _ = events(answer, asks("m", stream=stream))
    assert attempt.usage_source == "estimate"
    assert attempt.tokens["output"] == 250


def test_what_the_upstream_reports_at_the_end_is_believed():
    frames = [chunk({"content": "x" * 4000}), chunk(finish="stop"), chunk(usage=USAGE)]
    [attempt], _ = events(sse(*frames))
    assert (attempt.tokens, attempt.usage_source) == ({"input": 3, "output": 2}, "upstream")


def test_an_attempt_that_timed_out_costs_its_input():
    async def ask():
        async with Upstream() as up:
            up.answer([3600.0])
            text = config(up.url, more='timeouts.idle = "50ms"')
            async with gateway(text, Prices()) as made:
                response = await Client(made).post(CHAT, asks("m"))
                [attempt] = [event for _, event in made.feed.recent() if isinstance(event, AttemptEnded)]
                return response, attempt

    response, attempt = run(ask())
    assert response.status == 504
    assert (attempt.state, attempt.usage_source, set(attempt.tokens)) == ("failed", "estimate", {"input"})
    assert attempt.cost > 0


def test_a_provider_of_the_neutral_form_that_is_left_costs_what_it_said():
    async def ask():
        async with gateway('plugins = ["openai"]\n[providers]\nslow = {}\n', Slow, Prices()) as made:
            async with Client(made).stream(CHAT, asks("slow/x", stream=True)) as stream:
                async for chunk_ in stream.chunks():
                    if b"one" in chunk_:
                        break
            [attempt] = [event for _, event in made.feed.recent() if isinstance(event, AttemptEnded)]
            return attempt

    attempt = run(ask())
    assert attempt.tokens["output"] == 1
    assert attempt.cost > 1000
