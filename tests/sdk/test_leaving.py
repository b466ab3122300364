"""Callers who leave, upstreams who stop, and what each side sees of it."""

import asyncio
import socket
import time

import openai
import pytest
from house import BODY, HI, USAGE, chunk, event, left_alone, text, ticking, wait_until
from tollhouse.testing import Cut, sse
from tollhouse.testing.upstream import scripted

pytestmark = pytest.mark.slow


def stays_well(client):
    """The gateway answers as if nothing had happened."""
    answer = client.chat.completions.create(model="echo", messages=[{"role": "user", "content": "fine"}])
    return answer.choices[0].message.content == "fine"


def test_a_caller_who_leaves_midway_ends_the_upstreams_work_and_is_settled_once(client, up, house):
    up.answer(ticking(10_000, 0.02))
    with left_alone(client.chat.completions.create(model="remote", messages=HI, stream=True)) as stream:
        for part in stream:
            if part.choices and part.choices[0].delta.content == "w2 ":
                break
        assert not up.requests[0].left.is_set()
    wait_until(up.requests[0].left.is_set, 5)
    ended = house.ended(stream.response.headers["x-request-id"])
    assert (ended["outcome"], ended["status"]) == ("disconnected", 499)
    assert ended["source"] == "estimate"
    assert ended["tokens"] >= 3
    assert stays_well(client)


def test_a_caller_who_leaves_before_the_first_token_ends_the_upstreams_work(house, up):
    up.answer([event(chunk({"role": "assistant", "content": ""})), 3600.0])
    with (
        openai.OpenAI(base_url=f"{house.url}/v1", api_key="any", max_retries=0, timeout=0.5) as client,
        pytest.raises(openai.APITimeoutError),
    ):
        client.chat.completions.create(
            model="remote", messages=HI, stream=True, extra_headers={"x-request-id": "left-before-first"}
        )
    wait_until(up.requests[0].left.is_set, 5)
    assert house.ended("left-before-first")["outcome"] == "disconnected"


def test_a_client_that_times_out_ends_the_upstreams_work(house, up):
    up.answer([3600.0])
    with (
        openai.OpenAI(base_url=f"{house.url}/v1", api_key="any", max_retries=0, timeout=0.5) as client,
        pytest.raises(openai.APITimeoutError),
    ):
        client.chat.completions.create(model="remote", messages=HI, extra_headers={"x-request-id": "timed-out"})
    wait_until(up.requests[0].left.is_set, 5)
    assert house.ended("timed-out")["outcome"] == "disconnected"


def test_the_simulator_is_left_in_the_middle_of_a_stall_as_well(house, client):
    said = [{"role": "user", "content": "one two three four [[fault: stall_after=2]]"}]
    headers = {"x-request-id": "left-a-stall"}
    with left_alone(
        client.chat.completions.create(model="echo", messages=said, stream=True, extra_headers=headers)
    ) as stream:
        assert text([next(stream), next(stream)])
    assert house.ended("left-a-stall")["outcome"] == "disconnected"


def test_many_callers_who_leave_at_once_leave_nothing_open(client, up, house):
    up.then(lambda request: scripted(ticking(10_000, 0.02)))

    async def leave(client):
        stream = await client.chat.completions.create(model="remote", messages=HI, stream=True)
        await stream.__anext__()
        await stream.response.aclose()

    async def everybody():
        async with openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key="any", max_retries=0) as many:
            await asyncio.gather(*(leave(many) for _ in range(30)))

    asyncio.run(everybody())
    wait_until(lambda: len(up.requests) == 30 and all(request.left.is_set() for request in up.requests), 10)
    wait_until(lambda: up.open == 0, 10)
    assert stays_well(client)


def test_an_error_inside_a_stream_is_raised_with_its_words(client, up):
    error = {"message": "out of tokens", "type": "overloaded_error", "code": "overloaded", "failed_generation": "{"}
    up.answer(sse(chunk({"role": "assistant", "content": ""}), chunk({"content": "Hel"}), {"error": error}, done=False))
    parts = []
    with pytest.raises(openai.APIError, match="out of tokens") as raised:
        parts.extend(client.chat.completions.create(model="remote", messages=HI, stream=True))
    assert text(parts) == "Hel"
    assert (raised.value.type, raised.value.code) == ("overloaded_error", "overloaded")
    assert raised.value.body == error


def test_what_came_before_an_error_inside_a_stream_was_delivered(client):
    said = [{"role": "user", "content": "one two three [[fault: error_after=2 status=529]]"}]
    parts = []
    with pytest.raises(openai.APIError) as raised:
        parts.extend(client.chat.completions.create(model="echo", messages=said, stream=True))
    assert text(parts) == "one two"
    assert raised.value.code == "overloaded"
    assert not any(part.choices[0].finish_reason for part in parts)


@pytest.mark.parametrize(
    "ending",
    [[], [Cut], [event(b'{"id": "chatcmpl-7", "choi')]],
    ids=["ends-early", "connection-lost", "half-a-chunk"],
)
def test_a_stream_that_is_cut_is_an_error_and_never_a_stop(client, up, house, ending):
    up.answer([event(chunk({"role": "assistant", "content": ""})), event(chunk({"content": "Hel"})), *ending])
    parts = []
    stream = client.chat.completions.create(model="remote", messages=HI, stream=True)
    with pytest.raises(openai.APIError) as raised:
        parts.extend(stream)
    assert type(raised.value) is openai.APIError
    assert text(parts) == "Hel"
    assert not any(part.choices[0].finish_reason for part in parts)
    assert house.ended(stream.response.headers["x-request-id"])["outcome"] == "failed"


def test_a_simulated_cut_is_raised_too(client):
    said = [{"role": "user", "content": "one two three [[fault: cut_after=2]]"}]
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model="echo", messages=said, stream=True))


def test_a_body_that_is_cut_is_a_bad_gateway(client, up):
    up.answer([b'{"id": "chatcmpl-7",', Cut], 200, {"content-type": "application/json"})
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model="remote", messages=HI)
    assert raised.value.status_code == 502


def test_a_download_that_is_cut_does_not_look_whole(client, up, house):
    up.answer([b"half of a file", Cut], 200, {"content-type": "application/octet-stream"})
    with pytest.raises(openai.APIConnectionError):
        client.files.content("file-1", extra_headers={"x-request-id": "cut-download"}).read()
    assert house.ended("cut-download")["outcome"] == "failed"


def test_a_caller_who_leaves_a_download_ends_the_upstreams_work(client, up, house):
    up.answer(ticking(10_000, 0.02))
    headers = {"x-request-id": "left-download"}
    with client.files.with_streaming_response.content("file-1", extra_headers=headers) as response:
        next(response.iter_bytes())
    wait_until(up.requests[0].left.is_set, 5)
    assert house.ended("left-download")["outcome"] == "disconnected"


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/files"])
def test_a_caller_who_leaves_in_the_middle_of_a_body_is_let_go(client, up, house, path):
    up.answer(BODY)
    host, _, port = house.url.removeprefix("http://").partition(":")
    name = "half-sent" + path.replace("/", "-")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\nx-request-id: {name}\r\n\r\n"
        connection.sendall(head.encode() + b'{"model": ')
    assert house.ended(name)["outcome"] == "disconnected"
    assert stays_well(client)


def test_a_stream_without_done_is_whole_when_it_has_its_finish(client, up):
    up.answer(sse(chunk({"role": "assistant", "content": "Hi"}), chunk(finish="stop"), chunk(usage=USAGE), done=False))
    parts = list(client.chat.completions.create(model="remote", messages=HI, stream=True))
    assert text(parts) == "Hi"
    assert parts[-1].choices[0].finish_reason == "stop"


def test_a_slow_reader_gets_every_word(client, up):
    up.answer(ticking(300, 0.0))
    parts = []
    for number, part in enumerate(client.chat.completions.create(model="remote", messages=HI, stream=True)):
        if number % 50 == 0:
            time.sleep(0.05)
        parts.append(part)
    assert text(parts) == "".join(f"w{number} " for number in range(300))


def test_a_whole_answer_to_a_stream_is_streamed(client, up):
    up.answer(BODY)
    assert text(list(client.chat.completions.create(model="remote", messages=HI, stream=True))) == "Hello"
