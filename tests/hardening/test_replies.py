"""Replies: exact however they come, told as errors when they break, and never more than the upstream said."""

import gzip
import itertools
import time
import zlib

import msgspec
import pytest
from scene import BODY, CHAT, asks, chunk, event, ticking, wait_until
from tollhouse.testing import Cut
from wire import Wire, post

pytestmark = pytest.mark.slow

SSE = {"content-type": "text/event-stream"}
JSON = {"content-type": "application/json"}
WORDS = chunk("") + chunk("Gr\u00fc\u00df ") + chunk("\u4f60\u597d ") + chunk("\U0001f600\U0001f468\u200d\U0001f469")
TEXT = "Gr\u00fc\u00df \u4f60\u597d \U0001f600\U0001f468\u200d\U0001f469"
WHOLE = WORDS + chunk(finish="stop") + event(b"[DONE]")


def streamed(client, **more):
    """What a streaming caller gets: the response and its body."""
    with client.stream("POST", CHAT, content=asks(stream=True, **more)) as response:
        return response, b"".join(response.iter_raw())


def events(body):
    """The values of a stream's events; `[DONE]` as it is."""
    data = [line[5:].strip() for line in body.replace(b"\r", b"\n").split(b"\n") if line.startswith(b"data:")]
    return [one if one == b"[DONE]" else msgspec.json.decode(one) for one in data]


def text(body):
    """What a stream says."""
    said = [one for one in events(body) if one != b"[DONE]"]
    return "".join(choice["delta"].get("content") or "" for one in said for choice in one.get("choices", ()))


def in_steps(body, size=1):
    """A body that comes in pieces, each in a packet of its own."""
    for at in range(0, len(body), size):
        yield body[at : at + size]


STREAMS = {
    "one byte at a time": in_steps(WHOLE),
    "two bytes at a time": in_steps(WHOLE, 2),
    "CRLF": [WHOLE.replace(b"\n", b"\r\n")],
    "CRLF, one byte at a time": in_steps(WHOLE.replace(b"\n", b"\r\n")),
    "CR": [WHOLE.replace(b"\n", b"\r")],
    "a byte order mark": [b"\xef\xbb\xbf" + WHOLE],
    "comments": [b": hello\n\n" + WHOLE.replace(b"data: ", b": ping\nevent: x\nid: 7\nretry: 1\ndata: ")],
    "no space after the colon": [WHOLE.replace(b"data: ", b"data:")],
    "no final blank line": [WHOLE.rstrip(b"\n") + b"\n"],
    "blank lines": [WHOLE.replace(b"\n\n", b"\n\n\n\n")],
}


@pytest.mark.parametrize("pieces", [list(pieces) for pieces in STREAMS.values()], ids=STREAMS)
@pytest.mark.proves("SSE 1 byte at a time, CRLF, comments, gzip", "R13")
def test_a_stream_says_the_same_however_it_comes(client, up, pieces):
    up.answer(pieces, 200, SSE)
    response, body = streamed(client)
    assert response.status_code == 200
    assert text(body) == TEXT
    assert events(body)[-1] == b"[DONE]"
    assert [one["choices"][0]["finish_reason"] for one in events(body)[:-1]][-1] == "stop"


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.proves("SSE 1 byte at a time, CRLF, comments, gzip")
def test_a_packed_stream_says_the_same(client, up, coding, size):
    packed = {"gzip": gzip.compress, "deflate": zlib.compress}[coding](WHOLE)
    up.answer(list(in_steps(packed, size)), 200, {**SSE, "content-encoding": coding})
    response, body = streamed(client)
    assert "content-encoding" not in response.headers
    assert text(body) == TEXT


@pytest.mark.proves("R13")
def test_a_line_of_a_mebibyte_passes_whole(client, up):
    long = "x" * (1 << 20)
    up.answer([chunk("a") + chunk(long) + chunk("z") + chunk(finish="stop") + event(b"[DONE]")], 200, SSE)
    assert text(streamed(client)[1]) == "a" + long + "z"


BROKEN = {
    "upstream dies mid-stream": [WORDS, 0.05, Cut],
    "upstream dies within an event": [WORDS + b'data: {"id":', 0.05, Cut],
    "upstream ends cleanly without finish/[DONE]": [WORDS],
    "upstream ends within an event": [WORDS + b'data: {"id":'],
    "upstream stalls mid-stream": [WORDS, 30.0],
}


@pytest.mark.parametrize("pieces", BROKEN.values(), ids=BROKEN)
@pytest.mark.proves(*[name for name in BROKEN if "within" not in name])
def test_a_stream_that_breaks_ends_in_an_error_and_never_in_an_invented_end(client, up, pieces):
    up.answer(pieces, 200, SSE)
    began = time.monotonic()
    response, body = streamed(client)
    assert time.monotonic() - began < 10
    said = events(body)
    assert response.status_code == 200
    assert text(body) == TEXT
    assert said[-1]["error"]["code"] in ("upstream_cut", "upstream_timeout", "upstream_bad_reply")
    assert set(said[-1]["error"]) == {"message", "type", "param", "code"}
    assert b"[DONE]" not in body
    assert all(choice["finish_reason"] is None for one in said[:-1] for choice in one["choices"])
    if 30.0 in pieces:
        wait_until(up.requests[0].left.is_set)


@pytest.mark.parametrize(
    "error",
    [
        {"message": "Overloaded", "type": "overloaded_error", "code": 529},
        {"message": "Slow down", "type": "rate_limit_error", "code": "rate_limit_exceeded"},
        {"message": "It broke", "type": "server_error", "code": None, "param": None},
    ],
    ids=lambda error: error["type"],
)
@pytest.mark.proves('mid-stream `{"error":...}`')
def test_an_error_inside_a_stream_keeps_its_type_and_code(client, up, error):
    up.answer([WORDS, 0.05, event({"error": error})], 200, SSE)
    said = events(streamed(client)[1])
    assert (said[-1]["error"]["type"], said[-1]["error"]["message"]) == (error["type"], error["message"])
    assert said[-1]["error"]["code"] in (error["code"], str(error["code"]), "upstream_error")
    assert b"[DONE]" not in said


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("given", [{"retry-after": "17"}, {"retry-after-ms": "16500", "retry-after": "17"}], ids=str)
@pytest.mark.proves("429 with retry-after")
def test_a_429_keeps_its_retry_after(client, up, given, stream):
    error = {"error": {"message": "slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}
    up.answer(error, 429, given)
    response = client.post(CHAT, content=asks(stream=stream))
    assert response.status_code == 429
    assert response.headers["retry-after"] == "17"
    assert response.json() == error


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html><body>502 Bad Gateway</body></html>", "text/html"),
        (b"<html><body>502 Bad Gateway</body></html>", "application/json"),
        (msgspec.json.encode(BODY)[:-20], "application/json"),
        (b"", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b'{"choices":' + b"[" * 100_000, "application/json"),
        (b"\xff\xfe" + msgspec.json.encode(BODY), "application/json"),
    ],
    ids=["HTML", "HTML as JSON", "cut", "empty", "nested", "nested within", "not UTF-8"],
)
@pytest.mark.proves("HTML or cut JSON with 200")
def test_what_is_no_answer_is_a_502_in_our_words(client, up, body, kind, stream):
    up.answer(body, 200, {"content-type": kind})
    response = client.post(CHAT, content=asks(stream=stream))
    assert response.status_code == 502, response.text
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] in ("upstream_bad_reply", "upstream_cut")
    assert "<html" not in response.text


@pytest.mark.proves("HTML or cut JSON with 200")
def test_a_body_that_breaks_off_is_a_502(client, up):
    raw = msgspec.json.encode(BODY)
    up.answer([raw[:40], 0.05, Cut], 200, JSON)
    assert client.post(CHAT, content=asks()).status_code == 502


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.proves("R20")
def test_an_answer_that_expands_a_thousandfold_is_a_502_and_not_held(gate, client, up, coding, stream):
    client.get("/healthz")
    before = gate.memory()
    bomb = {"gzip": gzip.compress, "deflate": zlib.compress}[coding](bytes(128 << 20))
    up.answer(bomb, 200, {**(SSE if stream else JSON), "content-encoding": coding})
    response = client.post(CHAT, content=asks(stream=stream))
    assert response.status_code == 502
    assert gate.memory() - before < 32


@pytest.mark.proves("a passthrough that breaks looks broken")
def test_a_download_that_breaks_off_does_not_look_whole(gate, up):
    up.answer([b"x" * 1000, 0.05, Cut], 200, {"content-type": "audio/mpeg"})
    with Wire(gate.url) as wire:
        wire.send(post(b"{}", "/v1/audio/speech"))
        answer = wire.answer()
    assert answer.status == 200
    assert answer.body == b"x" * 1000
    assert not answer.complete


@pytest.mark.proves("R9 in substance: no event waits for the next one")
def test_each_event_reaches_the_caller_when_it_comes(client, up):
    up.answer(ticking(5, 0.3), 200, SSE)
    came = []
    with client.stream("POST", CHAT, content=asks(stream=True)) as response:
        for piece in response.iter_raw():
            came += [time.monotonic()] * piece.count(b"data: {")
    gaps = [later - before for before, later in itertools.pairwise(came)]
    assert sum(gap > 0.15 for gap in gaps) == 5
