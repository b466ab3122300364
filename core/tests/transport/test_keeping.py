"""When a connection is used again, when never, and what happens when its end crosses a call."""

from __future__ import annotations

import asyncio

import pytest
from scripted import OK, answers, call, failure, fetch, met
from tollhouse.testing import run
from tollhouse.transport import connection


def closing(*after: bytes, first: int = 1):
    """Answer so many requests of the first connections, read one more, send these bytes and hang up."""

    async def play(peer):
        for _ in range(first):
            await peer.request()
            await peer.send(OK)
        await peer.request()
        for raw in after:
            await peer.send(raw)

    return play


def test_a_connection_the_server_closed_while_idle_is_not_used(make):
    async def journey():
        async with met(make, answers(OK, end=True)) as (transport, server):
            for count in (1, 2, 3):
                assert (await fetch(transport, server.url)).body == b"hi"
                assert server.connections == count
                await server.until(lambda: server.open == 0)
                await asyncio.sleep(0.01)

    run(journey())


def test_a_call_that_crosses_the_end_of_its_connection_is_sent_once_more(http1):
    async def play(peer):
        await (closing() if peer.number == 1 else answers(OK))(peer)

    async def journey():
        async with met(http1, play) as (transport, server):
            for _ in range(3):
                assert (await fetch(transport, server.url, body=b"x" * 200_000)).body == b"hi"
            assert server.connections == 2
            assert transport.idle == transport.alive == 1

    run(journey())


def test_a_call_on_a_new_connection_is_never_sent_twice(make):
    async def journey():
        async with met(make, closing(first=0)) as (transport, server):
            assert (await failure(fetch(transport, server.url))).kind == "cut"
            assert server.connections == 1

    run(journey())


def test_a_call_is_sent_twice_at_most(http1):
    async def play(peer):
        await closing(first=1 if peer.number == 1 else 0)(peer)

    async def journey():
        async with met(http1, play) as (transport, server):
            await fetch(transport, server.url)
            assert (await failure(fetch(transport, server.url))).kind == "cut"
            assert server.connections == 2

    run(journey())


def test_a_call_is_not_sent_again_once_a_byte_of_the_reply_came(make):
    async def journey():
        async with met(make, closing(b"H")) as (transport, server):
            await fetch(transport, server.url)
            assert (await failure(fetch(transport, server.url))).kind == "cut"
            assert server.connections == 1

    run(journey())


def test_a_connection_that_ends_long_after_the_call_did_not_cross_it(http1, monkeypatch):
    monkeypatch.setattr(connection, "RACE", 0.0)

    async def journey():
        async with met(http1, closing()) as (transport, server):
            await fetch(transport, server.url)
            assert (await failure(fetch(transport, server.url))).kind == "cut"
            assert server.connections == 1

    run(journey())


def test_a_body_that_cannot_be_sent_twice_has_a_new_connection(http1):
    async def body():
        yield b"{}"

    async def journey():
        async with met(http1, answers(OK)) as (transport, server):
            await fetch(transport, server.url)
            assert (await fetch(transport, server.url, body=body())).body == b"hi"
            assert (server.connections, transport.idle) == (2, 2)

    run(journey())


@pytest.mark.parametrize(
    ("said", "kept"),
    [(b"timeout=5", 1), (b"timeout=1", 0), (b"max=100, timeout=0", 0), (b"max=2", 1), (b"timeout=x", 1)],
)
def test_a_server_says_how_long_it_keeps_a_connection(http1, said, kept):
    raw = b"HTTP/1.1 200 OK\r\nKeep-Alive: %b\r\nContent-Length: 2\r\n\r\nhi" % said

    async def journey():
        async with met(http1, answers(raw)) as (transport, server):
            await fetch(transport, server.url)
            assert transport.idle == kept

    run(journey())


def test_http_1_0_is_kept_only_when_it_says_so(http1):
    raw = b"HTTP/1.0 200 OK\r\n%bContent-Length: 2\r\n\r\nhi"

    async def play(peer):
        await answers(raw % b"Connection: keep-alive\r\n", raw % b"")(peer)

    async def journey():
        async with met(http1, play) as (transport, server):
            for count in (1, 1, 2, 2):
                await fetch(transport, server.url)
                assert server.connections == count

    run(journey())


def test_the_connection_that_rested_last_is_taken_first(http1):
    async def journey():
        numbers = []

        async def play(peer):
            while True:
                await peer.request()
                numbers.append(peer.number)
                await asyncio.sleep(0.01)
                await peer.send(OK)

        async with met(http1, play) as (transport, server):
            await asyncio.gather(*(fetch(transport, server.url) for _ in range(3)))
            numbers.clear()
            for _ in range(5):
                await fetch(transport, server.url)
            assert len(set(numbers)) == 1

    run(journey())


def test_only_so_many_connections_rest(http1):
    async def journey():
        async def play(peer):
            while True:
                await peer.request()
                await asyncio.sleep(0.01)
                await peer.send(OK)

        async with met(lambda: http1(kept_idle=2), play) as (transport, server):
            await asyncio.gather(*(fetch(transport, server.url) for _ in range(5)))
            assert transport.idle == 2
            await server.until(lambda: server.open == 2)

    run(journey())


def test_a_connection_rests_for_a_while_only(http1):
    async def journey():
        async with met(lambda: http1(kept_for=0.05), answers(OK)) as (transport, server):
            await asyncio.gather(*(fetch(transport, server.url) for _ in range(3)))
            await server.until(lambda: server.open == 0)
            while transport.alive:
                await asyncio.sleep(0.01)
            assert transport.idle == 0
            assert (await fetch(transport, server.url)).body == b"hi"

    run(journey())


def test_origins_do_not_share_connections(http1):
    async def journey():
        async with met(http1, answers(OK)) as (transport, one), met(http1, answers(OK)) as (_, two):
            await fetch(transport, one.url)
            await fetch(transport, two.url)
            await fetch(transport, one.url.replace("127.0.0.1", "localhost"))
            assert (one.connections, two.connections, transport.idle) == (2, 1, 3)
            await transport.close()

    run(journey())


def test_closing_drops_every_connection_and_cuts_what_is_being_read(make):
    async def play(peer):
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
        await peer.gone()

    async def journey():
        async with met(make, play) as (transport, server):
            await transport.close()
            response = await transport.open(call(server.url))
            reading = asyncio.ensure_future(response.read(9))
            await asyncio.sleep(0.01)
            if hasattr(transport, "alive"):
                await transport.close()
                assert (await failure(reading)).kind == "cut"
            else:
                reading.cancel()
                await asyncio.wait([reading])
            await response.close()
            await transport.close()

    run(journey())
