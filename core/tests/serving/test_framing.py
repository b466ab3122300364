"""Requests that two servers could read differently: refused by every engine, and unknown to the app."""

import pytest
from around import HEAD, response, wait_until

CLOSED = b"HTTP/1.1 400 "
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

MALFORMED = {
    "content-length and transfer-encoding": HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "transfer-encoding and content-length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "two equal content-lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two content-lengths": HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "a signed content-length": HEAD + b"Content-Length: +3\r\n\r\nabc",
    "space before the colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "another coding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding nobody knows": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": HEAD + b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a vertical tab before the coding": HEAD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": b"POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a folded line": HEAD + b"X-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
    "a folded coding": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "bare line feeds": b"GET /echo HTTP/1.1\nHost: a\n\n",
    "one bare line feed": HEAD + b"X-A: 1\nX-B: 2\r\nContent-Length: 0\r\n\r\n",
    "a bare line feed at the head's end": HEAD + b"X-A: 1\r\n\n",
    "a bare carriage return": HEAD + b"X-A: 1\rX-B: 2\r\n\r\n",
    "a NUL": HEAD + b"X-A: a\x00b\r\n\r\n",
    "space in a name": HEAD + b"X A: 1\r\n\r\n",
    "no host": b"GET /echo HTTP/1.1\r\n\r\n",
    "two hosts": HEAD + b"Host: other\r\n\r\n",
}

BODIES = {
    "a bare line feed after the size": b"3\nabc\r\n0\r\n\r\n",
    "a negative size": b"-3\r\nabc\r\n0\r\n\r\n",
    "a size with a prefix": b"0x3\r\nabc\r\n0\r\n\r\n",
    "an overlong extension": b"3;" + b"a" * 60_000 + b"\r\nabc\r\n0\r\n\r\n",
    "many extensions": (b"1;" + b"a" * 2_000 + b"\r\nx\r\n") * 20 + b"0\r\n\r\n",
    "overlong trailers": b"3\r\nabc\r\n0\r\n" + b"X-A: b\r\n" * 12_000 + b"\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("split", [False, True], ids=["whole", "split"])
def test_a_malformed_head_is_answered_with_400_and_never_reaches_the_app(served, sent, split):
    pieces = (sent[:40], sent[40:]) if split else (sent,)
    assert served.says(*pieces).startswith(CLOSED)
    assert served.app.seen == []


@pytest.mark.parametrize("sent", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("split", [False, True], ids=["whole", "split"])
def test_a_body_with_broken_framing_is_answered_with_an_error_and_never_read_whole(served, sent, split):
    pieces = (CHUNKED, sent[: len(sent) // 2], sent[len(sent) // 2 :]) if split else (CHUNKED + sent,)
    answer = served.says(*pieces)
    assert answer.startswith((CLOSED, b"HTTP/1.1 431 "))
    assert answer.count(b"HTTP/1.1") == 1
    assert served.app.bodies == []


def test_what_is_well_formed_passes(served):
    with served.caller() as caller:
        for sent in (
            HEAD + b"Content-Length: 3\r\n\r\nabc",
            CHUNKED + b"1\r\na\r\n2;why=not\r\nbc\r\n0\r\n\r\n",
            HEAD + b"transfer-encoding:CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ):
            caller.sendall(sent)
            head, body = response(caller)
            assert head.startswith(b"HTTP/1.1 200 ")
            assert body == b"abc"
    assert served.app.bodies == [b"abc"] * 3


def test_a_body_of_many_small_chunks_passes(served):
    with served.caller() as caller:
        caller.sendall(CHUNKED + b"1\r\nx\r\n" * 30_000 + b"0\r\n\r\n")
        assert response(caller)[1] == b"x" * 30_000


def test_trailers_are_no_headers(served):
    with served.caller() as caller:
        caller.sendall(CHUNKED + b"3\r\nabc\r\n0\r\nAuthorization: Bearer other\r\n\r\n")
        assert response(caller)[1] == b"abc"
    assert "authorization" not in {name.decode() for name, _ in served.app.headers[0]}


def test_a_second_request_hidden_in_a_first_ones_body_is_not_seen(served):
    hidden = b"GET /hidden HTTP/1.1\r\nHost: gate\r\n\r\n"
    length = b"Content-Length: %d\r\n" % (5 + len(hidden))
    served.says(HEAD + length + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden)
    assert "/hidden" not in served.app.seen


def test_requests_sent_ahead_are_answered_in_turn(served):
    one = b"POST /slow HTTP/1.1\r\nHost: gate\r\nContent-Length: 1\r\n\r\n"
    with served.caller() as caller:
        caller.sendall(one + b"a" + one + b"b")
        wait_until(lambda: served.app.seen)
        caller.sendall(one + b"c" + HEAD + b"Connection: close\r\nContent-Length: 1\r\n\r\nd")
        answered = b""
        while data := caller.recv(65536):
            answered += data
    assert answered.count(b"HTTP/1.1 200") == 4
    assert served.app.bodies == [b"a", b"b", b"c", b"d"]


def test_a_broken_request_sent_ahead_does_not_spoil_the_answer_before_it(served):
    with served.caller() as caller:
        caller.sendall(b"POST /slow HTTP/1.1\r\nHost: gate\r\nContent-Length: 1\r\n\r\na" + b"\0rubbish\r\n\r\n")
        head, body = response(caller)
        assert head.startswith(b"HTTP/1.1 200")
        assert body == b"a"
    assert served.app.left == []


def test_a_caller_who_sent_ahead_and_leaves_is_noticed(served):
    with served.caller() as caller:
        caller.sendall(b"GET /endless HTTP/1.1\r\nHost: gate\r\n\r\n")
        caller.recv(10)
        caller.sendall(b"GET /next HTTP/1.1\r\nHost: gate\r\n\r\n")
    wait_until(lambda: "/endless" in served.app.left)
    assert served.app.seen == ["/endless"]
