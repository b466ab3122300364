"""Thousands of calls to a server that misbehaves in every way at once, by callers that leave: no reply is mixed up."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest
from scripted import call, met
from tollhouse import ProviderError
from tollhouse.testing import run

CALLS = 4000


def misbehaving(seed):
    """Echoes each request's body in some framing, or breaks off, or adds bytes, or says nothing."""

    async def play(peer):
        dice = random.Random(seed * 1_000_003 + peer.number)
        while True:
            asked = await peer.request()
            body = asked.body * dice.choice([1, 3, 2000])
            half = dice.randrange(len(body))
            length = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body)
            chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (half, body[:half])
            rest = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body) - half, body[half:])
            manner = dice.choice(
                ["length", "chunks", "slow", "close", "end", "cut", "reset", "more", "junk", "mute", "race"]
            )
            if manner == "length":
                await peer.send(length + b"\r\n" + body)
            elif manner == "chunks" and half:
                await peer.send(chunked + rest)
            elif manner == "slow" and half:
                await peer.send(chunked)
                await asyncio.sleep(dice.random() / 100)
                await peer.send(rest)
            elif manner == "close":
                await peer.send(length + b"Connection: close\r\n\r\n" + body)
                return
            elif manner == "end":
                await peer.send(b"HTTP/1.1 200 OK\r\n\r\n" + body)
                return
            elif manner == "cut":
                await peer.send((length + b"\r\n" + body)[: -1 - half])
                return
            elif manner == "reset":
                peer.reset()
                return
            elif manner == "more":
                await peer.send((length + b"\r\n" + body) * 2)
            elif manner == "junk":
                await peer.send(bytes(dice.randrange(256) for _ in range(50)))
                return
            elif manner == "mute":
                await asyncio.sleep(0.01)
                return
            else:
                await peer.send(length + b"\r\n" + body)
                await asyncio.sleep(dice.random() / 500)
                return

    return play


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_no_reply_is_ever_somebody_elses(http1, seed):
    async def journey():
        done = {"whole": 0, "cut": 0, "bad_reply": 0, "left": 0}
        dice = random.Random(seed)
        numbers = iter(range(CALLS))

        async def one(transport, url, number):
            word = b"<%d>" % number
            try:
                response = await transport.open(call(url, body=word))
                try:
                    read = b""
                    async for chunk in response.chunks():
                        read += chunk
                        assert (word * (len(read) // len(word) + 1)).startswith(read)
                        if dice.random() < 0.05:
                            return
                finally:
                    await response.close()
                done["whole"] += 1
            except ProviderError as error:
                done[error.kind] += 1

        async def caller(transport, url):
            for number in numbers:
                task = asyncio.ensure_future(one(transport, url, number))
                if dice.random() < 0.2:
                    await asyncio.wait([task], timeout=dice.random() / 100)
                    task.cancel()
                    done["left"] += 1
                with contextlib.suppress(asyncio.CancelledError):
                    await task

        async with met(http1, misbehaving(seed)) as (transport, server):
            await asyncio.gather(*(caller(transport, server.url) for _ in range(50)))
            for _ in range(20):
                await asyncio.sleep(0)
            assert transport.alive == transport.idle
            assert min(done.values()) > CALLS / 50

    run(journey(), 60)
