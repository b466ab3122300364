"""HTTP/2, which hypercorn speaks: without TLS by prior knowledge, and its corners that hypercorn leaves open."""

import contextlib

import h2.config
import h2.connection
import h2.events
import pytest
from around import Around, received, wait_until
from h2.errors import ErrorCodes
from hpack import Encoder
from tollhouse.config import Duration
from tollhouse.serving.hypercorn_connection import GIVEN_UP

REQUEST = [(":method", "POST"), (":path", "/echo"), (":scheme", "http"), (":authority", "gate")]


@pytest.fixture
def served():
    one = Around("hypercorn", header_timeout=Duration("500ms"))
    one.start()
    yield one
    one.stop()


class Caller:
    """A client's side of one HTTP/2 connection."""

    def __init__(self, served):
        self.socket = served.caller()
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.events = []
        self.flush()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def until(self, kind, stream):
        """Read until an event of that kind comes for the stream."""
        while True:
            for event in self.events:
                if isinstance(event, kind) and event.stream_id == stream:
                    return event
            data = self.socket.recv(65536)
            assert data, "the connection ended"
            self.events += self.h2.receive_data(data)
            self.flush()

    def ending(self):
        """Read until the connection ends: why it was, or None."""
        while data := received(self.socket):
            self.events += self.h2.receive_data(data)
        ends = [event for event in self.events if isinstance(event, h2.events.ConnectionTerminated)]
        return ends[0].error_code if ends else None

    def sends(self, data):
        """Raw bytes, as far as they are taken."""
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(data)

    def opens(self):
        """A request that was not sent yet, and lacks its end."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, REQUEST)
        return stream

    def asks(self, path="/echo", body=b"abc", end=True):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, [(n, path if n == ":path" else v) for n, v in REQUEST])
        if body:
            self.h2.send_data(stream, body, end_stream=end)
        elif end:
            self.h2.end_stream(stream)
        self.flush()
        return stream


def test_streams_are_answered_on_one_connection(served):
    with Caller(served) as caller:
        slow, fast = caller.asks("/slow"), caller.asks()
        assert caller.until(h2.events.DataReceived, fast).data == b"abc"
        assert caller.until(h2.events.DataReceived, slow).data == b"abc"
        assert [event.stream_id for event in caller.events if isinstance(event, h2.events.StreamEnded)] == [fast, slow]


def test_an_answer_with_a_header_of_http1_arrives_without_it(served):
    with Caller(served) as caller:
        stream = caller.asks("/last")
        headers = dict(caller.until(h2.events.ResponseReceived, stream).headers)
        caller.until(h2.events.StreamEnded, stream)
    assert headers[":status"] == "200"
    assert "connection" not in headers


def test_content_for_an_answered_request_harms_no_other(served):
    with Caller(served) as caller:
        slow, early = caller.asks("/slow"), caller.asks("/early", end=False)
        caller.until(h2.events.StreamEnded, early)
        caller.socket.sendall(b"\x00\x00\x01\x00\x00" + early.to_bytes(4, "big") + b"x")
        assert caller.until(h2.events.DataReceived, slow).data == b"abc"


def test_a_caller_who_resets_a_stream_has_left_it(served):
    with Caller(served) as caller:
        stream = caller.asks("/endless", body=b"")
        caller.until(h2.events.ResponseReceived, stream)
        caller.h2.reset_stream(stream)
        caller.flush()
        wait_until(lambda: served.app.left == ["/endless"])
        other = caller.asks()
        assert caller.until(h2.events.DataReceived, other).data == b"abc"


def test_a_preface_and_then_nothing_is_cut_off(served):
    with Caller(served) as caller:
        caller.socket.settimeout(5)
        while caller.socket.recv(65536):
            pass


def test_the_end_lets_a_stream_finish(served):
    with Caller(served) as caller:
        stream = caller.asks("/slow")
        wait_until(lambda: served.app.bodies)
        served.stop()
        assert caller.until(h2.events.DataReceived, stream).data == b"abc"


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


HEADERS, RST_STREAM, CONTINUATION = 1, 3, 9
END_STREAM, END_HEADERS = 1, 4


def test_headers_beyond_the_largest_head_reach_no_app(served):
    packed = Encoder().encode([*REQUEST, *[(f"x-{number}", "x" * 8000) for number in range(20)]])
    pieces = [packed[at : at + 16000] for at in range(0, len(packed), 16000)]
    with Caller(served) as caller:
        caller.sends(frame(HEADERS, END_STREAM, 1, pieces[0]))
        for piece in pieces[1:-1]:
            caller.sends(frame(CONTINUATION, 0, 1, piece))
        caller.sends(frame(CONTINUATION, END_HEADERS, 1, pieces[-1]))
        assert caller.ending() == ErrorCodes.ENHANCE_YOUR_CALM
    assert served.app.seen == []


def test_a_small_head_that_unpacks_to_a_large_one_reaches_no_app(served):
    encoder = Encoder()
    packed = encoder.encode([*REQUEST, ("x-bomb", "x" * 3000)])
    packed += encoder.encode([("x-bomb", "x" * 3000)]) * 4000  # a byte each: an entry of the table
    with Caller(served) as caller:
        assert len(packed) < 16384
        caller.sends(frame(HEADERS, END_STREAM | END_HEADERS, 1, packed))
        assert caller.ending() == ErrorCodes.ENHANCE_YOUR_CALM
    assert served.app.seen == []


@pytest.mark.parametrize("piece", [b"", b"\x00"])
def test_a_head_that_never_ends_is_cut_off(served, piece):
    with Caller(served) as caller:
        caller.sends(frame(HEADERS, END_STREAM, 1, Encoder().encode(REQUEST)))
        for _ in range(200):
            caller.sends(frame(CONTINUATION, 0, 1, piece) * 100)
        assert caller.ending() is not None
    assert served.app.seen == []


def test_a_caller_who_opens_requests_only_to_give_them_up_is_cut_off(served):
    packed, cancel = Encoder().encode(REQUEST), bytes([0, 0, 0, 8])
    flood = [
        frame(HEADERS, END_HEADERS, stream, packed) + frame(RST_STREAM, 0, stream, cancel)
        for stream in range(1, 10_000, 2)
    ]
    with Caller(served) as caller:
        caller.sends(b"".join(flood))
        assert caller.ending() == ErrorCodes.ENHANCE_YOUR_CALM
    assert len(served.app.seen) <= 1000  # if the flood comes with the preface, else GIVEN_UP + 1
    with Caller(served) as other:
        assert other.until(h2.events.DataReceived, other.asks()).data == b"abc"


def test_a_caller_who_gives_up_fewer_requests_than_are_answered_is_not(served):
    with Caller(served) as caller:
        for _ in range(GIVEN_UP + 10):
            caller.until(h2.events.StreamEnded, caller.asks())
            caller.h2.reset_stream(caller.opens())
            caller.flush()
        assert caller.until(h2.events.DataReceived, caller.asks()).data == b"abc"
