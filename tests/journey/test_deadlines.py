"""Every wait for the upstream is bounded, each bound with an error of its own; silence is filled with comments."""

import pytest
from parts import BODY, CHAT, STREAM, WORDS, Observes, asks, config, words
from tollhouse.testing import Client, Upstream, gateway, run, sse


def through(answer, more, stream=True, plugins=()):
    async def ask():
        observes = Observes()
        async with Upstream() as up:
            up.answer(answer)
            async with gateway(config(up.url, more=more), observes, *plugins) as made:
                return await Client(made).post(CHAT, asks("m", stream=stream)), observes

    return run(ask())


@pytest.mark.parametrize("stream", [False, True])
def test_no_first_byte_in_time_is_a_504(stream):
    async def ask():
        observes = Observes()

        async def silent(reader, writer):
            await reader.read(65536)
            await reader.read(1)
            writer.close()

        import asyncio

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with gateway(config(url, more='timeouts = { first_byte = "100ms" }'), observes) as made:
            response = await Client(made).post(CHAT, asks("m", stream=stream))
        server.close()
        await server.wait_closed()
        return response, observes

    response, observes = run(ask())
    assert response.status == 504
    assert response.json()["error"]["code"] == "upstream_timeout"
    assert "0.1 s" in response.json()["error"]["message"]
    assert observes.attempts == [("a/x", "failed", "timeout")]


def test_silence_before_content_is_a_504():
    response, observes = through([sse(WORDS[0], done=False), 60.0], 'timeouts = { idle = "100ms" }')
    assert response.status == 504
    assert observes.attempts == [("a/x", "failed", "timeout")]


def test_silence_between_chunks_ends_the_stream_in_an_error():
    response, observes = through([sse(*WORDS, done=False), 60.0], 'timeouts = { idle = "100ms" }')
    assert response.status == 200
    assert words(response.body) == "Hello"
    assert b"upstream_timeout" in response.body
    assert b"data: [DONE]" not in response.body
    assert observes.settled == [("failed", 504)]


def test_a_slow_stream_that_never_stops_talking_outlives_the_idle_bound():
    body = [piece for word in (*WORDS, None) for piece in (0.06, sse(word, done=False) if word else b"")]
    response, _ = through([*body, STREAM], 'timeouts = { idle = "500ms" }')
    assert response.status == 200
    assert b"data: [DONE]" in response.body


def test_the_whole_exchange_has_a_deadline():
    endless = [piece for _ in range(200) for piece in (sse(*WORDS, done=False), 0.05)]
    response, observes = through(endless, 'timeouts = { total = "300ms" }')
    assert response.status == 200
    assert b"the whole exchange took longer" in response.body
    assert observes.attempts == [("a/x", "failed", "timeout")]


def test_a_providers_own_deadline_wins_over_the_general_one():
    async def ask():
        async with Upstream() as up:
            up.answer([sse(WORDS[0], done=False), 60.0])
            text = config(up.url, more='timeouts = { idle = "1h" }').replace(
                "[providers.a]", '[providers.a]\ntimeouts = { idle = "100ms" }'
            )
            async with gateway(text) as made:
                return await Client(made).post(CHAT, asks("m", stream=True))

    assert run(ask()).status == 504


def test_a_silent_stream_is_kept_alive_with_comments_which_commit_the_status_only():
    response, observes = through([b"", 0.35, STREAM], 'server = { keepalive = "100ms" }')
    assert response.status == 200
    assert response.body.startswith(b": keepalive\n\n")
    assert words(response.body) == "Hello"
    assert observes.settled == [("completed", 200)]


def test_after_a_keepalive_a_failure_is_told_inside_the_stream():
    response, observes = through(
        [b"", 0.35, sse({"error": {"message": "no", "type": "server_error", "code": "oops"}})],
        'server = { keepalive = "100ms" }',
    )
    assert response.status == 200
    assert b'"oops"' in response.body
    assert b"data: [DONE]" not in response.body
    assert observes.settled[0][0] == "failed"


def test_a_body_that_does_not_stream_is_never_kept_alive():
    response, _ = through([b"", 0.25, b'{"bad'], 'server = { keepalive = "100ms" }', stream=False)
    assert response.status == 502
    assert BODY["id"].encode() not in response.body
