"""What the SDK asks for in a chat, whole and streamed, from the simulator and from an upstream."""

import asyncio

import openai
import pytest
from house import BODY, HI, KEY, USAGE, chunk, text
from tollhouse.testing import sse

pytestmark = pytest.mark.slow

ECHO = {"model": "echo", "messages": [{"role": "user", "content": "Grüße, 世界 🌍!"}]}


def test_a_chat_is_answered_with_its_usage_and_request_id(client):
    answer = client.chat.completions.create(**ECHO)
    assert answer.object == "chat.completion"
    assert answer.model == "echo"
    assert [(c.index, c.finish_reason, c.message.role, c.message.content) for c in answer.choices] == [
        (0, "stop", "assistant", "Grüße, 世界 🌍!")
    ]
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0
    assert answer._request_id


def test_a_chat_of_an_upstream_is_what_the_upstream_said(client, up, house):
    up.answer(BODY, headers={"x-request-id": "req_upstream", "x-ratelimit-remaining-requests": "41"})
    answer = client.chat.completions.with_raw_response.create(model="remote", messages=HI, temperature=0.5)
    assert answer.parse().model_dump(exclude_unset=True) == BODY
    assert answer.headers["x-tollhouse-target"] == "up/gpt-real"
    assert answer.headers["x-tollhouse-upstream-request-id"] == "req_upstream"
    assert answer.headers["x-ratelimit-remaining-requests"] == "41"
    assert answer.headers["x-request-id"] != "req_upstream"
    [asked] = up.requests
    assert asked.path == "/v1/chat/completions"
    assert asked.json() == {"model": "gpt-real", "messages": HI, "temperature": 0.5}
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert house.ended(answer.headers["x-request-id"]) == {
        "request": answer.headers["x-request-id"],
        "outcome": "completed",
        "status": 200,
        "tokens": 5,
        "source": "upstream",
        "attempts": ["won"],
    }


def test_fields_nobody_knows_reach_the_upstream(client, up):
    up.answer(BODY)
    client.chat.completions.create(model="remote", messages=HI, extra_body={"x_new": {"deep": [1.50, None]}})
    assert up.requests[0].json()["x_new"] == {"deep": [1.5, None]}


def test_a_provider_and_its_model_may_be_named_by_the_caller(client, up):
    up.answer(BODY)
    assert client.chat.completions.create(model="up/any/model", messages=HI).choices[0].message.content == "Hello"
    assert up.requests[0].json()["model"] == "any/model"


def test_a_provider_in_one_file_listed_by_its_path_is_served(client):
    said = [{"role": "user", "content": "pretty bird"}]
    answer = client.chat.completions.create(model="pretty-bird", messages=said)
    assert answer.choices[0].message.content == "pretty! bird! "
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == 6
    with client.chat.completions.create(model="pretty-bird", messages=said, stream=True) as stream:
        assert text(stream) == "pretty! bird! "


def test_several_choices_come_apart_whole_and_streamed(client):
    answer = client.chat.completions.create(model="lorem", messages=HI, n=2, seed=7, max_tokens=20)
    assert [c.index for c in answer.choices] == [0, 1]
    first, second = (c.message.content for c in answer.choices)
    assert first != second
    said, finished = {0: "", 1: ""}, {}
    for part in client.chat.completions.create(model="lorem", messages=HI, n=2, seed=7, max_tokens=20, stream=True):
        for choice in part.choices:
            said[choice.index] += choice.delta.content or ""
            if choice.finish_reason:
                assert choice.index not in finished
                finished[choice.index] = choice.finish_reason
    assert said == {0: first, 1: second}
    assert finished == {0: "length", 1: "length"}


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}], ids=["plain", "usage"])
def test_a_stream_says_its_role_first_and_one_finish_and_usage_only_when_asked(client, options):
    parts = list(client.chat.completions.create(**ECHO, stream=True, **options))
    assert text(parts) == "Grüße, 世界 🌍!"
    assert parts[0].choices[0].delta.role == "assistant"
    assert sum(bool(p.choices[0].delta.role) for p in parts if p.choices) == 1
    assert [p.choices[0].finish_reason for p in parts if p.choices and p.choices[0].finish_reason] == ["stop"]
    assert len({(p.id, p.created, p.model) for p in parts}) == 1
    used = [p for p in parts if p.usage]
    if options:
        assert used == parts[-1:]
        assert used[0].choices == []
        assert used[0].usage.total_tokens > 0
    else:
        assert used == []
        assert all(p.choices for p in parts)


def test_a_stream_of_an_upstream_is_asked_for_usage_that_the_caller_does_not_see(client, up, house):
    parts = [chunk({"role": "assistant", "content": ""}), chunk({"content": "Hel"}), chunk({"content": "lo"})]
    up.answer(sse(*parts, chunk(finish="stop"), chunk(usage=USAGE)))
    stream = client.chat.completions.create(model="remote", messages=HI, stream=True)
    got = list(stream)
    assert [part.model_dump(exclude_unset=True) for part in got] == [*parts, chunk(finish="stop")]
    assert up.requests[0].json()["stream_options"] == {"include_usage": True}
    ended = house.ended(stream.response.headers["x-request-id"])
    assert (ended["outcome"], ended["tokens"], ended["source"]) == ("completed", 5, "upstream")


def test_a_stream_has_the_headers_that_keep_it_flowing(client):
    with client.chat.completions.create(**ECHO, stream=True) as stream:
        assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.response.headers["cache-control"] == "no-cache"
        assert stream.response.headers["x-accel-buffering"] == "no"
        assert text(stream) == "Grüße, 世界 🌍!"


def test_the_streaming_helper_assembles_the_same_completion(client):
    whole = client.chat.completions.create(model="demo", messages=HI, seed=3)
    with client.chat.completions.stream(model="demo", messages=HI, seed=3) as stream:
        kinds = {event.type for event in stream}
        built = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert built.choices[0].message.content == whole.choices[0].message.content
    assert built.choices[0].finish_reason == whole.choices[0].finish_reason == "stop"


def test_thinking_comes_before_the_answer(client):
    parts = list(client.chat.completions.create(model="thinker", messages=HI, reasoning_effort="low", stream=True))
    kinds = []
    for part in parts:
        delta = part.choices[0].delta
        kind = "thought" if getattr(delta, "reasoning_content", None) else "text" if delta.content else ""
        if kind and kinds[-1:] != [kind]:
            kinds.append(kind)
    assert kinds == ["thought", "text"]
    usage = client.chat.completions.create(model="thinker", messages=HI, reasoning_effort="low").usage
    assert 0 < usage.completion_tokens_details.reasoning_tokens < usage.completion_tokens


def test_the_asynchronous_client_chats_and_streams_side_by_side(house):
    async def chat(client, number):
        messages = [{"role": "user", "content": f"number {number}"}]
        if number % 2:
            answer = await client.chat.completions.create(model="echo", messages=messages)
            return answer.choices[0].message.content
        parts = [p async for p in await client.chat.completions.create(model="echo", messages=messages, stream=True)]
        return text(parts)

    async def many():
        async with openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key="any", max_retries=0) as client:
            return await asyncio.gather(*(chat(client, number) for number in range(20)))

    assert asyncio.run(many()) == [f"number {number}" for number in range(20)]
