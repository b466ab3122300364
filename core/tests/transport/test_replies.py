"""What transports make of well-formed replies, however they are framed and split."""

from __future__ import annotations

import asyncio

import pytest
from scripted import OK, answers, call, failure, fetch, met
from tollhouse.testing import Upstream, run

KEEPS = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
    "empty": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, b""),
    "no reason": (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", 200, b"hello"),
    "chunk extensions": (
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0005;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n',
        200,
        b"hello",
    ),
    "trailers": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Late: 1\r\nX-Later: 2\r\n\r\n",
        200,
        b"hi",
    ),
    "nothing for 204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    "nothing for 304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, b""),
    "100 first": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"hi"),
    "103 twice": (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 2 + OK, 200, b"hi"),
    "error": (b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", 500, b"no"),
    "early error": (b"HTTP/1.1 429 Slow Down\r\nContent-Length: 2\r\n\r\nno", 429, b"no"),
}
ENDS = {
    "until the end": (b"HTTP/1.1 200 OK\r\n\r\nhello", 200, b"hello"),
    "nothing until the end": (b"HTTP/1.1 200 OK\r\n\r\n", 200, b""),
    "1.0 until the end": (b"HTTP/1.0 200 OK\r\n\r\nhello", 200, b"hello"),
    "1.0 with a length": (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
    "close": (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
}


@pytest.mark.parametrize("step", [0, 1, 7])
@pytest.mark.parametrize("name", KEEPS)
def test_a_reply_says_the_same_however_it_is_split_and_its_connection_is_used_again(make, name, step):
    raw, status, body = KEEPS[name]

    async def journey():
        async with met(make, answers(raw, step=step)) as (transport, server):
            for _ in range(3):
                got = await fetch(transport, server.url)
                assert (got.status, got.body) == (status, body)
            assert server.connections == 1

    run(journey())


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("name", ENDS)
def test_a_reply_that_ends_its_connection_is_whole_and_the_next_call_has_a_new_one(make, name, step):
    raw, status, body = ENDS[name]

    async def journey():
        async with met(make, answers(raw, step=step, end=True)) as (transport, server):
            for count in (1, 2):
                got = await fetch(transport, server.url)
                assert (got.status, got.body) == (status, body)
                assert server.connections == count

    run(journey())


def test_headers_are_joined_lower_case_and_without_cookies_or_trailers(make):
    raw = (
        b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a:2 \t\r\nX-Empty:\r\nSet-Cookie: a=b\r\nX-Latin: \xe9\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: 3\r\nX-Late: 4\r\n\r\n"
    )

    async def journey():
        async with met(make, answers(raw, OK)) as (transport, server):
            first = await fetch(transport, server.url)
            assert first.headers == {"x-a": "1, 2", "x-empty": "", "x-latin": "é", "transfer-encoding": "chunked"}
            second = await fetch(transport, server.url)
            assert second.headers == {"content-length": "2"}
            assert server.connections == 1

    run(journey())


def test_a_reply_to_head_has_no_body(make):
    async def journey():
        async with met(make, answers(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\n")) as (transport, server):
            for _ in range(2):
                got = await fetch(transport, server.url, method="HEAD", body=b"")
                assert (got.status, got.body, got.headers["x-a"]) == (200, b"", "b")
                assert got.headers["content-length"] == "5"

    run(journey())


def test_chunks_come_as_they_arrive(make):
    async def journey():
        more = asyncio.Event()

        async def play(peer):
            await peer.request()
            await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for word in (b"one", b"two", b"three"):
                await peer.send(b"%x\r\n%b\r\n" % (len(word), word))
                await more.wait()
                more.clear()
            await peer.send(b"0\r\n\r\n")
            await peer.gone()

        async with met(make, play) as (transport, server):
            response = await transport.open(call(server.url))
            read = []
            async for chunk in response.chunks():
                read.append(chunk)
                more.set()
            assert read == [b"one", b"two", b"three"]
            await response.close()
            await response.close()

    run(journey())


def test_a_reply_may_be_read_after_its_connection_went_on(http1):
    """Small bodies are here with their heads; the connection does not wait for the reader."""

    async def journey():
        async with met(http1, answers(OK, OK.replace(b"hi", b"ho"))) as (transport, server):
            first = await transport.open(call(server.url))
            assert transport.idle == 1
            second = await transport.open(call(server.url))
            assert (await second.read(9), await first.read(9)) == (b"ho", b"hi")
            await first.close()
            await second.close()
            assert transport.idle == server.connections == 1

    run(journey())


def test_a_body_past_the_readers_limit_is_refused(make):
    async def journey():
        async with met(make, answers(OK)) as (transport, server):
            assert (await fetch(transport, server.url, limit=2)).body == b"hi"
            error = await failure(fetch(transport, server.url, limit=1))
            assert (error.kind, error.code) == ("bad_reply", "upstream_too_large")

    run(journey())


def test_it_speaks_with_a_server_by_somebody_else(make):
    async def journey():
        async with Upstream() as up:
            transport = make()
            up.answer({"a": 1})
            up.answer([b"data: 1\n\n", 0.01, b"data: 2\n\n"])
            assert (await fetch(transport, f"{up.url}/v1/x?y=z")).body == b'{"a":1}'
            assert (await fetch(transport, up.url)).body == b"data: 1\n\ndata: 2\n\n"
            assert [asked.path for asked in up.requests] == ["/v1/x?y=z", "/"]
            assert up.requests[0].body == b"{}"
            await transport.close()

    run(journey())
