"""What goes over the wire: heads that nothing can break into, bodies of every kind, and replies that come first."""

from __future__ import annotations

import asyncio
import hashlib

import pytest
from scripted import OK, call, failure, fetch, met
from tollhouse.testing import run

EARLY = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"


def recording(asked):
    async def play(peer):
        while True:
            asked.append(await peer.request())
            await peer.send(OK)

    return play


def exchanged(make, **more):
    """What a server is asked by a call."""

    async def journey():
        asked = []
        async with met(make, recording(asked)) as (transport, server):
            assert (await fetch(transport, server.url + more.pop("path", "/"), **more)).body == b"hi"
        return asked[0], server

    return run(journey())


async def pieces(*parts):
    for part in parts:
        await asyncio.sleep(0)
        yield part


def test_a_call_is_one_request(make):
    asked, server = exchanged(make, path="/v1/x?a=b&c", headers=[("X-A", "é"), ("x-b", ""), ("x-a", "2")])
    assert asked.line == "POST /v1/x?a=b&c HTTP/1.1"
    assert asked.body == b"{}"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
    assert asked.headers["content-length"] == "2"
    assert asked.headers["x-b"] == ""
    assert asked.headers["x-a"] == "2"


@pytest.mark.parametrize(("method", "length"), [("GET", None), ("DELETE", None), ("POST", "0"), ("PUT", "0")])
def test_no_body_has_a_length_only_where_one_is_expected(make, method, length):
    asked, _ = exchanged(make, method=method, body=b"")
    assert asked.headers.get("content-length") == length
    assert "transfer-encoding" not in asked.headers


def test_what_speaks_of_a_connection_is_not_the_callers_to_say(make):
    names = ["Connection", "keep-alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "Expect", "Content-Length"]
    asked, _ = exchanged(make, headers=[(name, "9") for name in [*names, "Proxy-Connection", "Proxy-Authorization"]])
    assert asked.headers.keys() == {"host", "content-length"}
    assert asked.headers["content-length"] == "2"


def test_a_host_header_may_be_given(make):
    asked, _ = exchanged(make, headers=[("Host", "api.example")])
    assert asked.headers["host"] == "api.example"


def test_a_path_may_be_written_in_any_script(make):
    asked, _ = exchanged(make, path="/é/%20?q=ü")
    assert asked.line == "POST /%C3%A9/%20?q=%C3%BC HTTP/1.1"


@pytest.mark.parametrize("size", [1, 65_536, 65_537, 5_000_000])
def test_bytes_of_any_size_arrive_whole(make, size):
    body = (hashlib.sha256(b"x").digest() * (size // 32 + 1))[:size]
    asked, _ = exchanged(make, body=body)
    assert asked.body == body


def test_an_iterator_is_streamed_in_chunks(make):
    asked, _ = exchanged(make, body=pieces(b"one", b"", b"two", b"x" * 300_000))
    assert asked.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in asked.headers
    assert asked.body == b"onetwo" + b"x" * 300_000


def test_an_iterator_with_a_length_is_streamed_as_it_is(make):
    asked, _ = exchanged(make, body=pieces(b"one", b"", b"two"), headers=[("content-length", "6")])
    assert "transfer-encoding" not in asked.headers
    assert asked.body == b"onetwo"


@pytest.mark.parametrize("parts", [(b"too ", b"long"), (b"short",)])
def test_an_iterator_that_breaks_its_promised_length_is_an_error(make, parts):
    async def play(peer):
        await peer.head()
        await peer.gone()

    async def journey():
        async with met(make, play) as (transport, server):
            work = fetch(transport, server.url, body=pieces(*parts), headers=[("content-length", "6")])
            assert (await failure(work)).kind == "invalid"

    run(journey())


def test_what_the_iterator_raises_is_raised(make):
    async def breaking():
        yield b"one"
        raise LookupError("gone")

    async def play(peer):
        await peer.head()
        await peer.gone()

    async def journey():
        async with met(make, play) as (transport, server):
            with pytest.raises(LookupError, match="gone"):
                await fetch(transport, server.url, body=breaking())

    run(journey())


@pytest.mark.parametrize(
    "header",
    [
        ("x-a", "b\r\nx-c: d"),
        ("x-a", "b\nc"),
        ("x-a", "b\rc"),
        ("x-a", "b\0c"),
        ("x-a", "€"),
        ("x-a\r\nx-b", "sesame"),
        ("x a", "sesame"),
        ("x-a:", "sesame"),
        ("", "sesame"),
        ("é", "sesame"),
        ("host", "a\r\nb: c"),
    ],
)
def test_no_header_can_add_another(make, header):
    async def journey():
        async with met(make, recording([])) as (transport, server):
            error = await failure(fetch(transport, server.url, headers=[header]))
            assert (error.kind, error.code) == ("invalid", "unsendable_request")
            assert header[1] not in str(error)
            assert server.connections == 0

    run(journey())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a\r\nX-A: b",
        "http://127.0.0.1/a b",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:99999/",
        "http://user:secret@127.0.0.1/",
        "http:///path",
        "http://[::1/",
        "ftp://127.0.0.1/",
        "127.0.0.1/",
        "/path",
        "",
    ],
)
def test_a_url_must_be_one(make, url):
    async def journey():
        transport = make()
        error = await failure(fetch(transport, url))
        assert (error.kind, error.code) == ("invalid", "unsendable_request")
        assert "secret" not in str(error)
        await transport.close()

    run(journey())


@pytest.mark.parametrize("method", ["GE T", "GET\r\n", "", "GET / HTTP/1.1\r\nA: b\r\n\r\nGET"])
def test_a_method_must_be_one(http1, method):
    async def journey():
        transport = http1()
        assert (await failure(fetch(transport, "http://127.0.0.1/", method=method))).kind == "invalid"

    run(journey())


def test_a_reply_that_comes_before_the_requests_end_is_given(make):
    async def play(peer):
        await peer.head()
        await peer.send(EARLY)
        await peer.gone()

    async def journey():
        async with met(make, play) as (transport, server):
            got = await fetch(transport, server.url, body=b"x" * 8_000_000)
            assert (got.status, got.body) == (413, b"no")

    run(journey())


def test_after_an_early_reply_the_rest_is_not_sent_and_the_connection_not_used(http1):
    async def journey():
        sent = []

        async def play(peer):
            await peer.head()
            await peer.send(EARLY)
            await asyncio.sleep(0.05)
            sent.append(await peer.gone())

        async with met(http1, play) as (transport, server):
            assert (await fetch(transport, server.url, body=b"x" * 64_000_000)).status == 413
            assert transport.idle == 0
            await server.until(lambda: server.open == 0)
            assert sent[0] < 32_000_000

    run(journey())


def test_an_early_reply_ends_an_upload_that_would_never_end(http1):
    async def journey():
        ended = asyncio.Event()

        async def forever():
            try:
                while True:
                    yield b"x"
                    await asyncio.sleep(0.001)
            finally:
                ended.set()

        async def play(peer):
            await peer.head()
            await peer.send(EARLY)
            await peer.gone()

        async with met(http1, play) as (transport, server):
            assert (await fetch(transport, server.url, body=forever())).status == 413
            await ended.wait()
            await server.until(lambda: server.open == 0)

    run(journey())


def test_an_upload_waits_for_a_server_that_does_not_read(http1):
    async def journey():
        given = 0
        reading = asyncio.Event()

        async def body():
            nonlocal given
            for _ in range(640):
                given += 100_000
                yield b"x" * 100_000

        async def play(peer):
            await peer.head()
            await reading.wait()
            await peer.gone()

        async with met(http1, play) as (transport, server):
            task = asyncio.ensure_future(transport.open(call(server.url, body=body())))
            before = -1
            while before != given:
                before = given
                await asyncio.sleep(0.1)
            assert 0 < given < 32_000_000
            task.cancel()
            await asyncio.wait([task])
            reading.set()

    run(journey())
