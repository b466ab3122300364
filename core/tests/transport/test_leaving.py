"""Callers that leave, at any moment, and callers that are slow: nothing stays open, and nothing piles up."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os

import pytest
from scripted import answers, call, fetch, met
from tollhouse.testing import run

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def cancelled(task) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def test_leaving_before_the_head_hangs_up(make):
    async def journey():
        asked, left = asyncio.Event(), asyncio.Event()

        async def play(peer):
            await peer.request()
            asked.set()
            await peer.gone()
            left.set()

        async with met(make, play) as (transport, server):
            task = asyncio.ensure_future(transport.open(call(server.url)))
            await asked.wait()
            await cancelled(task)
            await left.wait()
            assert getattr(transport, "alive", 0) == 0

    run(journey())


@pytest.mark.parametrize("reads", [0, 1])
def test_leaving_in_the_middle_of_the_body_hangs_up(make, reads):
    async def journey():
        left = asyncio.Event()

        async def play(peer):
            await peer.request()
            await peer.send(CHUNKED + b"5\r\nhello\r\n")
            await peer.gone()
            left.set()

        async with met(make, play) as (transport, server):
            response = await transport.open(call(server.url))
            chunks = response.chunks()
            for _ in range(reads):
                assert await anext(chunks) == b"hello"
            await response.close()
            await response.close()
            await left.wait()

    run(journey())


def test_a_cancelled_read_can_still_be_closed(make):
    async def journey():
        left = asyncio.Event()

        async def play(peer):
            await peer.request()
            await peer.send(CHUNKED + b"5\r\nhello\r\n")
            await peer.gone()
            left.set()

        async with met(make, play) as (transport, server):
            response = await transport.open(call(server.url))
            reading = asyncio.ensure_future(response.read(99))
            await asyncio.sleep(0.01)
            await cancelled(reading)
            await response.close()
            await left.wait()

    run(journey())


def test_leaving_at_any_moment_leaves_nothing_dirty(http1):
    """After so many turns of the loop, the caller goes: whatever happened by then, the next call is answered."""
    raw = CHUNKED + b"5\r\nhello\r\n" * 3 + b"0\r\n\r\n"

    async def upload():
        for _ in range(3):
            await asyncio.sleep(0)
            yield b"x"

    async def journey():
        async with met(http1, answers(raw, step=9)) as (transport, server):
            for turns in range(80):
                for body in (b"{}", upload()):
                    task = asyncio.ensure_future(fetch(transport, server.url, body=body))
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    await cancelled(task)
                    for _ in range(3):
                        await asyncio.sleep(0)
                    while transport.alive != transport.idle:
                        await asyncio.sleep(0)
                assert (await fetch(transport, server.url)).body == b"hello" * 3
            await transport.close()
            assert transport.alive == transport.idle == 0

    run(journey())


def test_an_abandoned_upload_is_closed(http1):
    async def journey():
        started, ended = asyncio.Event(), asyncio.Event()

        async def upload():
            try:
                started.set()
                yield b"x"
                await asyncio.Event().wait()
            finally:
                ended.set()

        async def play(peer):
            await peer.head()
            await peer.gone()

        async with met(http1, play) as (transport, server):
            task = asyncio.ensure_future(transport.open(call(server.url, body=upload())))
            await started.wait()
            await cancelled(task)
            await ended.wait()

    run(journey())


@pytest.mark.parametrize("encoded", [False, True])
def test_a_server_that_is_faster_than_the_reader_waits(make, encoded):
    """Of 64 MiB, what no reader took is mostly still at the server; then everything arrives, in order."""
    block = os.urandom(65536)
    if encoded:
        block = gzip.compress(block, 0)
    blocks = 1024

    async def journey():
        sent = 0

        async def play(peer):
            nonlocal sent
            await peer.request()
            coding = b"Content-Encoding: gzip\r\n" if encoded else b""
            await peer.send(b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n" % (coding, blocks * len(block)))
            for _ in range(blocks):
                await peer.send(block)
                sent += len(block)
            await peer.gone()

        async with met(make, play) as (transport, server):
            response = await transport.open(call(server.url))
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.1)
            assert 0 < sent < 24 * 1024 * 1024
            assert getattr(response, "unread", 0) < 1024 * 1024
            size = 0
            async for chunk in response.chunks():
                size += len(chunk)
                assert len(chunk) < 1024 * 1024
            assert size == blocks * 65536
            await response.close()

    run(journey())


def test_a_connection_that_was_held_back_is_used_again(http1):
    raw = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000

    async def journey():
        async with met(http1, answers(raw)) as (transport, server):
            for _ in range(3):
                response = await transport.open(call(server.url))
                await asyncio.sleep(0.02)
                assert len(await response.read(1 << 30)) == 3_000_000
                await response.close()
            assert server.connections == transport.idle == 1

    run(journey())


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="the system does not list open files here")
def test_two_hundred_abandoned_streams_leave_no_descriptor(make):
    async def play(peer):
        await peer.request()
        await peer.send(CHUNKED + b"5\r\nhello\r\n")
        await peer.gone()

    async def journey():
        async with met(make, play) as (transport, server):
            before = descriptors()
            for _ in range(10):
                responses = await asyncio.gather(*(transport.open(call(server.url)) for _ in range(20)))
                for response in responses:
                    await response.close()
                await server.until(lambda: server.open == 0)
            for _ in range(5):
                await asyncio.sleep(0)
            assert descriptors() <= before + 1

    run(journey())


@pytest.mark.slow
def test_a_thousand_streams_at_once_do_not_mix(http1):
    async def journey():
        begun = 0
        everybody = asyncio.Event()

        async def play(peer):
            nonlocal begun
            for _ in range(2):
                asked = await peer.request()
                await peer.send(CHUNKED)
                begun += 1
                if begun == 1000:
                    everybody.set()
                await everybody.wait()
                for number in range(20):
                    piece = b"%b:%d;" % (asked.body, number)
                    await peer.send(b"%x\r\n%b\r\n" % (len(piece), piece))
                await peer.send(b"0\r\n\r\n")
            await peer.gone()

        async with met(lambda: http1(kept_idle=800), play) as (transport, server):

            async def one(number):
                body = b"%d" % number
                got = await fetch(transport, server.url, body=body)
                assert got.body == b"".join(b"%b:%d;" % (body, piece) for piece in range(20))

            await asyncio.gather(*map(one, range(1000)))
            assert server.connections == 1000
            assert transport.idle == 800
            await asyncio.gather(*map(one, range(800)))
            assert server.connections == 1000

    run(journey(), 60)
