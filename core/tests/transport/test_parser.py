"""The parser, fed by hand: how bytes are split changes nothing, and no bytes make it do anything but fail cleanly."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from tollhouse import ProviderError
from tollhouse.transport.parser import HEAD_BYTES, Parser
from tollhouse.transport.response import Http1Response

NAMES = st.sampled_from(["X-A", "x-a", "Content-Type", "Server", "Set-Cookie", "Retry-After"])
VALUES = st.text(alphabet='ab 1,;="é', max_size=9).map(str.strip)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=5)
BODIES = st.lists(st.binary(min_size=1, max_size=40), max_size=5)


class Loose:
    """A response's link to no connection."""

    def resume(self):
        pass

    def drop(self):
        pass


def lines(fields):
    return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in fields)


@st.composite
def replies(draw):
    """A valid reply, what it says, and whether it ends with its connection."""
    status = draw(st.sampled_from([200, 201, 400, 429, 500, 599]))
    fields, body = draw(FIELDS), draw(BODIES)
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 X\r\nLink: <a>\r\n\r\n" * 2]))
    head = interim + b"HTTP/1.1 %d Some Reason\r\n" % status + lines(fields)
    framing = draw(st.sampled_from(["length", "chunks", "trailers", "end"]))
    whole = b"".join(body)
    if framing == "length":
        raw = head + b"Content-Length: %d\r\n\r\n" % len(whole) + whole
    elif framing == "end":
        raw = head + b"\r\n" + whole
    else:
        extension = draw(st.sampled_from([b"", b";a=b", b';a="b"']))
        chunks = b"".join(b"%X%b\r\n%b\r\n" % (len(piece), extension, piece) for piece in body)
        trailers = lines(draw(FIELDS)) if framing == "trailers" else b""
        raw = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + trailers + b"\r\n"
    said: dict[str, str] = {}
    for name, value in fields:
        key = name.lower()
        if key != "set-cookie":
            said[key] = f"{said[key]}, {value}" if key in said else value
    return raw, (status, said, whole), framing == "end"


def parsed(raw, cuts=(), *, parser=None, ended=True, method="POST"):
    """What a reply split like this says, and why it is not whole."""

    async def read():
        made = parser or Parser()
        response = Http1Response(Loose(), asyncio.get_running_loop())
        made.expect(response, method)
        edges = [0, *sorted(cuts), len(raw)]
        failure = None
        try:
            for start, stop in itertools.pairwise(edges):
                if start < stop and not made.complete:
                    made.feed(raw[start:stop])
            if not made.complete and ended:
                failure = made.eof()
        except ProviderError as error:
            failure = error
        body = b"".join(response._parts)
        framing = {"content-length", "transfer-encoding"}
        headers = {name: value for name, value in response.headers.items() if name not in framing}
        return (response.status, headers, body), failure

    return asyncio.run(read())


@given(replies(), st.data())
@settings(deadline=None)
def test_any_split_says_the_same(reply, data):
    raw, said, _ = reply
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=12))
    assert parsed(raw) == parsed(raw, cuts) == parsed(raw, range(len(raw))) == (said, None)


@given(st.lists(replies(), min_size=1, max_size=3), st.data())
@settings(deadline=None)
def test_replies_in_turn_do_not_mix(several, data):
    parser = Parser()
    for raw, said, ends in several:
        cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=5))
        assert parsed(raw, cuts, parser=parser) == (said, None)
        if ends or not parser.kept:
            break


@given(replies(), st.data())
@settings(deadline=None)
def test_any_part_of_a_reply_is_a_cut_or_ends_with_its_connection(reply, data):
    raw, (_, _, body), ends = reply
    cut = data.draw(st.integers(0, len(raw) - 1))
    (status, _, read), failure = parsed(raw[:cut])
    assert body.startswith(read)
    if failure is None:
        assert ends
        assert status
    else:
        assert failure.kind == "cut"


@given(replies(), st.data())
@settings(deadline=None, max_examples=300)
def test_a_spoilt_reply_fails_cleanly_and_the_same_however_split(reply, data):
    raw = bytearray(reply[0])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw)))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.one_of(st.binary(max_size=3), st.sampled_from([b"\r", b"\n", b"\r\n", b"\0", b":", b"0", b"\xff"]))
        )
    cuts = data.draw(st.lists(st.integers(0, len(raw)), max_size=9))
    whole, split = parsed(bytes(raw)), parsed(bytes(raw), cuts)
    for (_, _, _), failure in (whole, split):
        assert failure is None or failure.kind in ("cut", "bad_reply")
    assert (whole[1] is None) == (split[1] is None)
    if whole[1] is None:
        assert whole == split


@given(st.binary(max_size=300))
@settings(deadline=None, max_examples=200)
def test_noise_fails_cleanly(raw):
    _, failure = parsed(raw)
    assert failure is not None
    assert failure.kind in ("cut", "bad_reply")


def test_a_long_head_is_bounded_however_it_comes():
    raw = b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * (HEAD_BYTES - 100) + b"\r\nContent-Length: 0\r\n\r\n"
    assert parsed(raw, range(0, len(raw), 997))[1] is None
    raw = b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * HEAD_BYTES + b"\r\nContent-Length: 0\r\n\r\n"
    for cuts in ((), range(0, len(raw), 997)):
        _, failure = parsed(raw, cuts)
        assert failure is not None
        assert failure.kind == "bad_reply"
