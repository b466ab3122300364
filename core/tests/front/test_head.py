"""What heads are refused, whichever engine let them through."""

from __future__ import annotations

from typing import Any

import pytest
from tollhouse import Rejected
from tollhouse.config import Server
from tollhouse.front.head import has_body, read_head

HOST = (b"host", b"x")


def head(*headers: tuple[bytes, bytes], version: str = "1.1", method: str = "POST") -> dict[str, Any]:
    return {"headers": [HOST, *headers], "http_version": version, "method": method}


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")],
        [(b"content-length", b"5"), (b"content-length", b"6")],
        [(b"content-length", b"5"), (b"content-length", b"5")],
        [(b"content-length", b"5, 5")],
        [(b"content-length", b"+5")],
        [(b"content-length", b"-1")],
        [(b"content-length", b"0x5")],
        [(b"content-length", b"")],
        [(b"content-length", "\u00b2".encode("latin-1"))],
        [(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"identity")],
        [(b"transfer-encoding", b"gzip, chunked")],
        [(b"transfer-encoding", b"xchunked")],
        [(b"host", b"other")],
        [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")],
        [(b"x-goog-api-key", b"a"), (b"x-goog-api-key", b"b")],
        [(b"api-key", b"a"), (b"api-key", b"a")],
        [(b"content-encoding", b"gzip"), (b"content-encoding", b"gzip")],
        [(b"x-a", b"1\r\nx-b: 2")],
        [(b"x-a", b"1\n2")],
        [(b"x-a", b"1\x002")],
        [(b"x-a\r\nx-b", b"1")],
    ],
    ids=str,
)
def test_a_head_that_could_be_read_in_two_ways_is_refused_and_the_connection_closed(
    headers: list[tuple[bytes, bytes]],
) -> None:
    with pytest.raises(Rejected) as caught:
        read_head(head(*headers), Server())
    assert (caught.value.status, caught.value.code) == (400, "malformed_request")
    assert caught.value.headers == {"connection": "close"}


@pytest.mark.parametrize("version", ["0.9", "1.2", "9.9", ""])
def test_another_version_of_http_is_refused(version: str) -> None:
    with pytest.raises(Rejected, match="version of HTTP"):
        read_head(head(version=version), Server())


@pytest.mark.parametrize("version", ["1.0", "2"])
def test_chunks_are_http_1_1_only(version: str) -> None:
    with pytest.raises(Rejected, match="only transfer-encoding is chunked"):
        read_head(head((b"transfer-encoding", b"chunked"), version=version), Server())


def test_the_caps_of_a_head_are_exact() -> None:
    server = Server(max_headers=3)
    assert len(read_head(head((b"a", b"1"), (b"b", b"2")), server)) == 3
    with pytest.raises(Rejected, match="3 headers") as caught:
        read_head(head((b"a", b"1"), (b"b", b"2"), (b"c", b"3")), server)
    assert (caught.value.status, caught.value.code) == (431, "headers_too_large")
    size = Server().max_header_bytes - sum(map(len, HOST)) - 1
    assert len(read_head(head((b"a", b"x" * size)), Server())["a"]) == size
    with pytest.raises(Rejected) as caught:
        read_head(head((b"a", b"x" * (size + 1))), Server())
    assert caught.value.status == 431


def test_headers_that_may_be_repeated_are_joined_in_their_order() -> None:
    read = read_head(
        head((b"openai-beta", b"a"), (b"cookie", b"x=1"), (b"openai-beta", b"b"), (b"cookie", b"y=2")), Server()
    )
    assert read == {"host": "x", "openai-beta": "a, b", "cookie": "x=1; y=2"}


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (head((b"content-length", b"5")), True),
        (head((b"transfer-encoding", b"Chunked")), True),
        (head(), False),
        (head(version="2"), True),
        (head(version="2", method="GET"), False),
    ],
)
def test_whether_a_body_follows_the_head_says_or_http_2_leaves_open(scope: dict[str, Any], expected: bool) -> None:
    assert has_body(scope, read_head(scope, Server())) is expected
