"""Callers who leave: what was under way for them ends, and nothing of it stays."""

import socket
import time

import pytest
from scene import BODY, CHAT, asks, chunk, event, ticking, wait_until
from tollhouse.testing.upstream import scripted
from wire import Wire, post

pytestmark = pytest.mark.slow

SOON = 2.5
"""Ten times the 250 ms a caller's leaving may take to reach the upstream."""


def endless(request):
    """A fresh stream for every request."""
    return scripted(ticking(10_000, 0.02))


def flood(request, words):
    """`seed` MiB for a request that names one, else a short answer."""
    asked = request.json()
    return scripted(flooding(asked["seed"], words) if "seed" in asked else BODY)


def flooding(size, words):
    for _ in range(size * (1 << 20) // len(words)):
        yield words
    yield chunk(finish="stop")
    yield event(b"[DONE]")


def seconds_until_left(up, wire, leave):
    began = time.monotonic()
    leave(wire)
    wait_until(lambda: up.requests[0].left.is_set(), 10)
    return time.monotonic() - began


LEAVE = pytest.mark.parametrize("leave", [Wire.abort, lambda wire: wire.socket.close()], ids=["reset", "closed"])


@LEAVE
@pytest.mark.proves("client leaves, non-stream -> upstream closed")
def test_a_caller_who_leaves_before_a_whole_answer_ends_the_upstreams_work(gate, up, leave):
    up.answer([60.0], 200, {"content-type": "application/json"})
    with Wire(gate.url) as wire:
        wire.send(post(asks()))
        wait_until(lambda: up.requests)
        assert seconds_until_left(up, wire, leave) < SOON


@LEAVE
@pytest.mark.proves("client leaves mid-stream")
def test_a_caller_who_leaves_in_a_stream_ends_the_upstreams_work(gate, up, leave):
    up.answer(ticking(10_000, 0.02))
    with Wire(gate.url) as wire:
        wire.send(post(asks(stream=True)))
        while b"w0 " not in wire.read():
            pass
        assert seconds_until_left(up, wire, leave) < SOON


@LEAVE
@pytest.mark.proves("client leaves after headers, before first token")
def test_a_caller_who_leaves_between_the_head_and_the_first_word_ends_the_upstreams_work(gate, up, leave):
    up.answer([b": wait\n\n", 60.0])
    with Wire(gate.url) as wire:
        wire.send(post(asks(stream=True)))
        wait_until(lambda: up.requests)
        time.sleep(0.05)
        assert seconds_until_left(up, wire, leave) < SOON


@pytest.mark.proves("client leaves, non-stream -> upstream closed")
def test_a_caller_who_leaves_an_upload_ends_it_upstream(gate, up):
    up.answer([60.0])
    with Wire(gate.url) as wire:
        wire.send(post(b"x" * 1000, "/v1/files"))
        wait_until(lambda: up.requests)
        assert seconds_until_left(up, wire, Wire.abort) < SOON


@pytest.mark.proves("50 aborted streams, upstream conns alive after 3 s")
def test_fifty_aborted_streams_leave_no_upstream_connection(gate, up):
    up.then(endless)
    wires = [Wire(gate.url) for _ in range(50)]
    for wire in wires:
        wire.send(post(asks(stream=True)))
    wait_until(lambda: len(up.requests) == 50)
    for wire in wires:
        wire.abort()
    wait_until(lambda: up.open == 0, 3)


@pytest.mark.proves("R11")
def test_many_connections_that_are_cut_off_give_back_descriptors_and_memory(gate, up, client):
    up.then(endless)

    def cut(number):
        with Wire(gate.url) as wire:
            match number % 6:
                case 0:
                    pass
                case 1:
                    wire.send(post(asks(stream=True))[:60])
                case 2:
                    wire.send(post(asks(stream=True))[:-20])
                case 3:
                    wire.send(post(asks(stream=True)))
                case 4:
                    wire.send(post(asks(stream=True)))
                    wire.read()
                case 5:
                    return
            wire.abort()

    for number in range(200):
        cut(number)
    assert client.get("/healthz").status_code == 200
    wait_until(lambda: up.open == 0)
    time.sleep(0.3)
    memory, descriptors = gate.memory(), gate.descriptors()
    for number in range(1000):
        cut(number)
    assert client.get("/healthz").status_code == 200
    wait_until(lambda: up.open == 0)
    wait_until(lambda: gate.descriptors() <= descriptors * 1.05 + 1)
    assert gate.memory() - memory < max(0.05 * memory, 8)


@pytest.mark.proves("R10")
def test_slow_readers_cost_little_memory_and_delay_nobody(gate, up, client):
    """The upstream sends 64 MiB as fast as it can to each of 8 callers who read 1 KiB a second. A stream may cost
    1 MiB."""
    words = chunk("x" * 8000) * 8
    up.then(lambda request: flood(request, words))
    with client.stream("POST", CHAT, content=asks(stream=True, seed=4)) as whole:
        for _ in whole.iter_raw():
            pass
    before = gate.memory()
    wires = [Wire(gate.url, window=4096) for _ in range(8)]
    try:
        for wire in wires:
            wire.send(post(asks(stream=True, seed=64)))
        peak, until = 0.0, time.monotonic() + 4
        while time.monotonic() < until:
            for wire in wires:
                assert wire.read(128)
            began = time.monotonic()
            assert client.post(CHAT, content=asks()).status_code == 200
            assert time.monotonic() - began < 2
            peak = max(peak, gate.memory())
            time.sleep(0.125)
    finally:
        for wire in wires:
            wire.abort()
    assert peak - before < 8
    wait_until(lambda: all(request.left.is_set() for request in up.requests if b'"seed":64' in request.body))


@pytest.mark.proves("R10")
def test_a_reader_who_takes_nothing_does_not_keep_the_next_caller_waiting(gate, up, client):
    up.then(lambda request: flood(request, chunk("x" * 8000) * 8))
    with Wire(gate.url, window=4096) as stuck:
        stuck.send(post(asks(stream=True, seed=64)))
        wait_until(lambda: up.requests)
        for _ in range(20):
            began = time.monotonic()
            assert client.post(CHAT, content=asks()).status_code == 200
            assert time.monotonic() - began < 2
        stuck.socket.shutdown(socket.SHUT_WR)
        stuck.abort()
    wait_until(up.requests[0].left.is_set)
