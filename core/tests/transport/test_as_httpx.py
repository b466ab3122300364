"""Our transports under an httpx client."""

from __future__ import annotations

import asyncio
import gzip

import httpx
import openai
import pytest
from scripted import OK, answers, met
from tollhouse.testing import Upstream, run, sse
from tollhouse.transport.as_httpx import AsHttpxTransport


def over(transport, **more):
    return httpx.AsyncClient(transport=AsHttpxTransport(transport), **more)


def test_a_client_gets_and_posts(make):
    async def journey():
        async with Upstream() as up:
            transport = make()
            up.answer({"a": 1})
            async with over(transport, base_url=up.url) as client:
                assert (await client.get("/x", params={"q": "é"})).json() == {"a": 1}
                assert (await client.post("/y", json={"b": 2})).json() == {"a": 1}
                assert (await client.post("/z", content=pieces(b"one", b"two"))).status_code == 200
            assert [asked.path for asked in up.requests] == ["/x?q=%C3%A9", "/y", "/z"]
            assert up.requests[1].json() == {"b": 2}
            assert up.requests[2].body == b"onetwo"
            await transport.close()

    run(journey())


async def pieces(*parts):
    for part in parts:
        yield part


def test_a_compressed_reply_is_decoded_once(make):
    body = gzip.compress(b"hello")
    raw = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    async def journey():
        async with met(make, answers(raw)) as (transport, server):
            async with over(transport) as client:
                response = await client.get(server.url)
            assert response.text == "hello"
            assert "content-encoding" not in response.headers

    run(journey())


def test_only_what_can_be_decoded_is_asked_for(make):
    async def journey():
        async with Upstream() as up:
            transport = make()
            up.answer({})
            async with over(transport) as client:
                await client.get(up.url)
            assert up.requests[0].headers["accept-encoding"].startswith("gzip, deflate")
            await transport.close()

    run(journey())


def test_an_sdk_streams_over_it(make):
    async def journey():
        async with Upstream() as up:
            transport = make()
            chunk = {"id": "a", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            words = [chunk | {"choices": [{"index": 0, "delta": {"content": word}}]} for word in ("hel", "lo")]
            up.answer([sse(words[0], done=False), sse(words[1])])
            async with over(transport) as client:
                sdk = openai.AsyncOpenAI(base_url=up.url, api_key="k", http_client=client, max_retries=0)
                stream = await sdk.chat.completions.create(
                    model="m", messages=[{"role": "user", "content": "hi"}], stream=True
                )
                assert [event.choices[0].delta.content async for event in stream] == ["hel", "lo"]
            await transport.close()

    run(journey())


def silent(*first: bytes):
    async def play(peer):
        await peer.request()
        for raw in first:
            await peer.send(raw)
        await peer.gone()

    return play


@pytest.mark.parametrize("first", [(), (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe",)])
def test_its_read_timeout_is_kept(make, first):
    async def journey():
        limits = httpx.Timeout(5.0, read=0.05, connect=0.05)
        async with met(make, silent(*first)) as (transport, server), over(transport, timeout=limits) as client:
            with pytest.raises(httpx.ReadTimeout):
                await client.get(server.url)

    run(journey())


def test_faults_are_httpx_errors(make):
    async def journey():
        async with met(make, answers(OK[:-1], end=True)) as (transport, server), over(transport) as client:
            with pytest.raises(httpx.ReadError):
                await client.get(server.url)
            with pytest.raises(httpx.ConnectError):
                await client.get("http://127.0.0.1:1/")
        async with met(make, answers(b"junk\r\n\r\n", end=True)) as (transport, server), over(transport) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(server.url)

    run(journey())


def test_leaving_a_stream_hangs_up(make):
    async def journey():
        play = silent(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe")
        async with met(make, play) as (transport, server), over(transport) as client:
            async with client.stream("GET", server.url) as response:
                assert response.status_code == 200
            await server.until(lambda: server.open == 0)

    run(journey())


def test_closing_the_client_leaves_the_transport_open(make):
    async def journey():
        async with met(make, answers(OK)) as (transport, server):
            for _ in range(2):
                async with over(transport) as client:
                    assert (await client.get(server.url)).text == "hi"
            assert server.connections == 1
            await asyncio.sleep(0)

    run(journey())
