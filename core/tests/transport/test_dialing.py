"""Getting a connection: refused, in time, by TLS, and over whichever of a host's addresses answers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl

import pytest
from scripted import OK, answers, call, failure, fetch, met
from tollhouse.testing import run
from tollhouse.transport.dial import dial
from tollhouse.transport.http1 import Http1Transport


@contextlib.contextmanager
def deaf():
    """A port whose connects are never answered: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(listener.getsockname())
        yield listener.getsockname()[1]


def descriptors() -> int:
    """Open files of this process; 0 where the system does not list them."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except FileNotFoundError:
        return 0


def closed_port() -> int:
    with socket.socket() as spare:
        spare.bind(("127.0.0.1", 0))
        return spare.getsockname()[1]


def test_a_port_nobody_listens_on_is_unreachable(make):
    async def journey():
        transport = make()
        error = await failure(fetch(transport, f"http://127.0.0.1:{closed_port()}/"))
        assert (error.kind, error.code) == ("connect", "upstream_unreachable")
        assert "127.0.0.1" in str(error)
        await transport.close()

    run(journey())


def test_a_host_that_does_not_answer_is_given_up_in_time(make):
    async def journey():
        transport = make()
        with deaf() as port:
            error = await failure(fetch(transport, f"http://127.0.0.1:{port}/", connect=0.1))
        assert error.kind == "connect"
        assert "in time" in str(error)
        await transport.close()

    run(journey())


def test_leaving_while_connecting_leaves_nothing(make):
    async def journey():
        transport = make()
        before = descriptors()
        with deaf() as port:
            for host in ("127.0.0.1", "localhost"):
                task = asyncio.ensure_future(transport.open(call(f"http://{host}:{port}/", connect=0)))
                await asyncio.sleep(0.05)
                task.cancel()
                await asyncio.wait([task])
                await asyncio.sleep(0.01)
        await transport.close()
        assert descriptors() <= before + 1

    run(journey())


def test_an_impossible_name_is_unreachable(http1):
    async def journey():
        error = await failure(fetch(http1(), f"http://{'a' * 70}.invalid/"))
        assert error.kind == "connect"

    run(journey())


def found(*ports):
    """A getaddrinfo that knows many.example, at these ports of this machine."""
    asked = asyncio.get_running_loop().getaddrinfo

    async def getaddrinfo(host, port, **more):
        if host != "many.example":
            return await asked(host, port, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]

    return getaddrinfo


@pytest.mark.parametrize("bad", [1, 3])
def test_the_next_address_is_tried_when_one_refuses(http1, bad, monkeypatch):
    async def journey():
        async with met(http1, answers(OK)) as (transport, server):
            loop = asyncio.get_running_loop()
            monkeypatch.setattr(type(loop), "getaddrinfo", staticmethod(found(*[closed_port()] * bad, server.port)))
            assert (await fetch(transport, "http://many.example/")).body == b"hi"

    run(journey())


def test_the_next_address_is_tried_while_one_is_silent(monkeypatch):
    async def journey():
        with deaf() as port:
            async with met(Http1Transport, answers(OK)) as (transport, server):
                loop = asyncio.get_running_loop()
                monkeypatch.setattr(loop, "getaddrinfo", found(port, server.port, port))
                assert (await fetch(transport, "http://many.example/", connect=0)).body == b"hi"
                assert server.connections == 1

    run(journey())


def test_when_no_address_answers_the_first_says_why(monkeypatch):
    async def journey():
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found(closed_port(), closed_port()))
        error = await failure(fetch(Http1Transport(), "http://many.example/"))
        assert error.kind == "connect"
        assert "many.example" in str(error)

    run(journey())


def test_a_dial_of_ones_own_chooses_the_address_and_may_refuse():
    asked = []

    async def journey():
        async def elsewhere(host, port):
            asked.append((host, port))
            if host == "refused.example":
                raise OSError("not there")
            return await dial("127.0.0.1", server.port)

        async with met(lambda: Http1Transport(dial=elsewhere), answers(OK)) as (transport, server):
            assert (await fetch(transport, "http://chosen.example/")).body == b"hi"
            error = await failure(fetch(transport, "http://refused.example:81/"))
        assert (error.kind, "not there" in str(error)) == ("connect", True)
        assert asked == [("chosen.example", 80), ("refused.example", 81)]

    run(journey())


def test_ipv6_is_spoken(make):
    async def journey():
        try:
            context = met(make, answers(OK), host="::1")
            transport, server = await context.__aenter__()
        except OSError as error:
            pytest.skip(f"no IPv6 here: {error}")
        assert (await fetch(transport, server.url)).body == b"hi"
        await context.__aexit__(None, None, None)

    run(journey())


def server_side(certificate) -> ssl.SSLContext:
    made, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


def trusting(certificate) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certificate[0])
    context.set_alpn_protocols(["http/1.1"])
    return context


def test_tls_carries_calls_of_any_size_and_keeps_its_connection(http1, certificate):
    async def journey():
        seen = []

        async def play(peer):
            seen.append(peer.writer.get_extra_info("ssl_object").selected_alpn_protocol())
            while True:
                asked = await peer.request()
                body = asked.body[::-1]
                await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

        tls = trusting(certificate)
        async with met(lambda: http1(tls=tls), play, tls=server_side(certificate)) as (transport, server):
            for url in (server.url, server.url, server.url.replace("127.0.0.1", "localhost")):
                body = os.urandom(700_000)
                assert (await fetch(transport, url, body=body)).body == body[::-1]
            assert server.connections == 2
            assert seen == ["http/1.1"] * 2

    run(journey())


def test_a_tls_stream_can_be_left(http1, certificate):
    async def journey():
        async def play(peer):
            await peer.request()
            await peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            await peer.gone()

        tls = trusting(certificate)
        async with met(lambda: http1(tls=tls), play, tls=server_side(certificate)) as (transport, server):
            response = await transport.open(call(server.url))
            assert await anext(response.chunks()) == b"hello"
            await response.close()
            await server.until(lambda: server.open == 0)
            assert transport.alive == 0

    run(journey())


def test_idle_tls_connections_are_ended_in_peace(http1, certificate):
    async def journey():
        tls = trusting(certificate)
        play, kept_for = answers(OK), 0.05
        async with met(lambda: http1(tls=tls, kept_for=kept_for), play, tls=server_side(certificate)) as (
            transport,
            server,
        ):
            await fetch(transport, server.url)
            await server.until(lambda: server.open == 0)
            while transport.alive:
                await asyncio.sleep(0.01)

    run(journey())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_certificate_nobody_vouches_for_is_refused(make, certificate, host):
    async def journey():
        async with met(make, answers(OK), tls=server_side(certificate)) as (transport, server):
            error = await failure(fetch(transport, server.url.replace("127.0.0.1", host)))
            assert error.kind == "connect"
            assert "certificate" in str(error).lower()

    run(journey())


def test_a_certificate_of_another_name_is_refused(http1, certificate):
    async def journey():
        tls = trusting(certificate)
        async with met(lambda: http1(tls=tls), answers(OK), tls=server_side(certificate)) as (transport, server):
            error = await failure(fetch(transport, server.url.replace("127.0.0.1", "127.0.0.2")))
            assert error.kind == "connect"

    run(journey())


def test_a_handshake_that_is_never_answered_is_given_up_in_time(make):
    async def play(peer):
        await peer.gone()

    async def journey():
        async with met(make, play) as (transport, server):
            error = await failure(fetch(transport, server.url.replace("http:", "https:"), connect=0.2))
            assert error.kind == "connect"
            assert "in time" in str(error)

    run(journey())
