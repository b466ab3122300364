"""Replies that are broken: told apart, bounded, and never a reason to use their connection again."""

from __future__ import annotations

import asyncio

import pytest
from scripted import OK, answers, call, failure, fetch, met
from tollhouse.testing import run

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

CUT = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 2",
    "half a head": HEAD + b"X-A: 1\r\n",
    "only an interim reply": b"HTTP/1.1 100 Continue\r\n\r\n",
    "half a length": HEAD + b"Content-Length: 5\r\n\r\nhel",
    "none of a length": HEAD + b"Content-Length: 5\r\n\r\n",
    "half a chunk": CHUNKED + b"5\r\nhel",
    "no last chunk": CHUNKED + b"5\r\nhello\r\n",
}
GARBAGE = {
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a short status": b"HTTP/1.1 20 OK\r\n\r\n",
    "a status of zero": b"HTTP/1.1 000 OK\r\n\r\n",
    "a space before the colon": HEAD + b"Content-Length : 2\r\n\r\nhi",
    "no colon": HEAD + b"Content-Length\r\n\r\n",
    "a nameless header": HEAD + b": 2\r\n\r\n",
    "NUL in a header": HEAD + b"X-A: b\0c\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
    "a signed length": HEAD + b"Content-Length: +2\r\n\r\nhi",
    "a hexadecimal length": HEAD + b"Content-Length: 0x2\r\n\r\nhi",
    "an endless length": HEAD + b"Content-Length: 99999999999999999999999\r\n\r\nhi",
    "an unknown transfer coding": HEAD + b"Transfer-Encoding: gzip\r\n\r\nhi",
    "two transfer codings": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a switch of protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
}
STRICTER = {
    "a length beside chunks": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "the same length twice": HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
    "a folded header": HEAD + b"X-A: b\r\n c\r\n\r\n",
    "bare line feeds": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    "300 headers": HEAD + b"".join(b"X-%d: 1\r\n" % number for number in range(300)) + b"\r\n",
    "70 KiB of headers": HEAD + b"".join(b"X-%d: %b\r\n" % (number, b"a" * 1000) for number in range(70)) + b"\r\n",
    "a status of zero": b"HTTP/1.1 000 OK\r\n\r\n",
    "an unknown version": b"HTTP/3.1 200 OK\r\n\r\n",
    "HTTP/2 in words": b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
}
BODIES = {
    "a chunk size that is none": CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
    "a negative chunk": CHUNKED + b"-1\r\nhello\r\n0\r\n\r\n",
    "an endless chunk": CHUNKED + b"fffffffffffffffffffff\r\nhello\r\n",
    "a chunk longer than it said": CHUNKED + b"2\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("name", CUT)
def test_a_reply_that_ends_too_early_is_cut(make, name, step):
    async def play(peer):
        await peer.request()
        if CUT[name]:
            await peer.send(CUT[name], step)

    async def journey():
        async with met(make, play) as (transport, server):
            for count in (1, 2):
                error = await failure(fetch(transport, server.url))
                assert (error.kind, error.code) == ("cut", "upstream_cut")
                assert server.connections == count

    run(journey())


def test_half_a_trailer_is_cut(http1):
    async def journey():
        async with met(http1, answers(CHUNKED + b"0\r\nX-Late: 1", end=True)) as (transport, server):
            assert (await failure(fetch(transport, server.url))).kind == "cut"

    run(journey())


@pytest.mark.parametrize("name", ["half a head", "half a length", "no last chunk"])
def test_a_reset_is_a_cut_too(make, name):
    async def play(peer):
        await peer.request()
        await peer.send(CUT[name])
        peer.reset()

    async def journey():
        async with met(make, play) as (transport, server):
            assert (await failure(fetch(transport, server.url))).kind == "cut"

    run(journey())


def test_what_came_before_the_cut_is_read_first(make):
    async def play(peer):
        await peer.request()
        await peer.send(CUT["no last chunk"])

    async def journey():
        async with met(make, play) as (transport, server):
            response = await transport.open(call(server.url))
            chunks = response.chunks()
            assert await anext(chunks) == b"hello"
            assert (await failure(anext(chunks))).kind == "cut"
            await response.close()

    run(journey())


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("name", GARBAGE)
def test_a_malformed_head_is_a_bad_reply(make, name, step):
    async def play(peer):
        await peer.request()
        await peer.send(GARBAGE[name], step)
        await peer.gone()

    async def journey():
        async with met(make, play) as (transport, server):
            for count in (1, 2):
                error = await failure(fetch(transport, server.url))
                assert (error.kind, error.code) == ("bad_reply", "upstream_bad_reply"), str(error)
                assert server.connections == count

    run(journey())


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("name", STRICTER)
def test_what_h11_lets_pass_is_a_bad_reply_to_ours(http1, name, step):
    async def play(peer):
        await peer.request()
        await peer.send(STRICTER[name], step)
        await peer.gone()

    async def journey():
        async with met(http1, play) as (transport, server):
            error = await failure(fetch(transport, server.url))
            assert error.kind == "bad_reply", str(error)
            await server.until(lambda: server.open == 0)

    run(journey())


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("name", BODIES)
def test_malformed_chunks_are_a_bad_reply(make, name, step):
    async def play(peer):
        await peer.request()
        await peer.send(BODIES[name], step)
        await peer.gone()

    async def journey():
        async with met(make, play) as (transport, server):
            assert (await failure(fetch(transport, server.url))).kind == "bad_reply"

    run(journey())


ENDLESS = {
    "a status line": (b"HTTP/1.1 200 ", b"x" * 1000),
    "a header": (HEAD + b"X-A: ", b"x" * 1000),
    "headers": (HEAD, b"X-A: b\r\n" * 100),
    "interim replies": (b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 40),
}
ENDLESS_BODIES = {
    "a chunk extension": (CHUNKED + b"5;", b"x" * 1000),
    "a trailer": (CHUNKED + b"0\r\nX-A: ", b"x" * 1000),
    "trailers": (CHUNKED + b"0\r\n", b"X-A: b\r\n" * 100),
}


def endlessly(first, more):
    async def play(peer):
        await peer.request()
        await peer.send(first)
        while True:
            await peer.send(more)

    return play


@pytest.mark.parametrize("name", ["a status line", "a header"])
def test_a_head_without_end_is_given_up(make, name):
    async def journey():
        async with met(make, endlessly(*ENDLESS[name])) as (transport, server):
            assert (await failure(fetch(transport, server.url))).kind == "bad_reply"

    run(journey())


@pytest.mark.parametrize("name", [*ENDLESS, *ENDLESS_BODIES])
def test_nothing_without_end_is_kept(http1, name):
    first, more = (ENDLESS | ENDLESS_BODIES)[name]

    async def journey():
        async with met(http1, endlessly(first, more)) as (transport, server):
            assert (await failure(fetch(transport, server.url))).kind == "bad_reply"
            await server.until(lambda: server.open == 0)

    run(journey())


@pytest.mark.parametrize("more", [b"junk", OK, b"\0"])
def test_bytes_after_a_reply_spoil_the_connection_not_the_reply(http1, more):
    async def journey():
        async with met(http1, answers(OK + more)) as (transport, server):
            for count in (1, 2):
                assert (await fetch(transport, server.url)).body == b"hi"
                assert server.connections == count

    run(journey())


def test_bytes_nobody_asked_for_spoil_an_idle_connection(make):
    sent = asyncio.Event

    async def journey():
        said = sent()

        async def play(peer):
            await peer.request()
            await peer.send(OK)
            await asyncio.sleep(0.01)
            await peer.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
            said.set()
            await peer.gone()

        async with met(make, play) as (transport, server):
            for count in (1, 2):
                got = await fetch(transport, server.url)
                assert (got.status, got.body, server.connections) == (200, b"hi", count)
                await said.wait()
                await asyncio.sleep(0.02)
                said.clear()

    run(journey())


@pytest.mark.parametrize("body", [b"", b"x"])
def test_a_body_after_the_head_that_answers_head_is_never_read_as_a_reply(http1, body):
    async def journey():
        async with met(http1, answers(HEAD + b"Content-Length: 1\r\n\r\n" + body)) as (transport, server):
            for count in (1, 2):
                assert (await fetch(transport, server.url, method="HEAD", body=b"")).body == b""
                assert server.connections == count

    run(journey())
