"""HTTP/2, which hypercorn speaks: without TLS by prior knowledge, and its corners that hypercorn leaves open."""

import h2.config
import h2.connection
import h2.events
import pytest
from around import Around, wait_until
from tollhouse.config import Duration

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
