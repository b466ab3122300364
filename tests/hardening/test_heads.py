"""Heads: what two servers would read in two ways, what is too large, and what must not cross the gateway."""

import pytest
from scene import BODY, CHAT, KEY, asks
from tollhouse.testing.upstream import scripted
from wire import Wire, post

pytestmark = pytest.mark.slow

INNER = b"POST /v1/smuggled HTTP/1.1\r\nHost: gate\r\nContent-Length: 2\r\n\r\n{}"
"""A request that hides in another: it would pass through and be seen upstream."""


def head(*lines, start=b"POST /v1/outer HTTP/1.1", host=b"Host: gate"):
    return b"\r\n".join([start, *filter(None, [host]), *lines, b"", b""])


def chunked(body):
    return head(b"Transfer-Encoding: chunked") + body


ZERO = b"0\r\n\r\n"
SMUGGLED = {
    "CL.TE": head(b"Content-Length: %d" % len(ZERO + INNER), b"Transfer-Encoding: chunked") + ZERO + INNER,
    "TE.CL": head(b"Transfer-Encoding: chunked", b"Content-Length: 4")
    + b"%x\r\n" % len(INNER)
    + INNER
    + b"\r\n"
    + ZERO,
    "two lengths": head(b"Content-Length: 0", b"Content-Length: %d" % len(INNER)) + INNER,
    "two equal lengths": head(b"Content-Length: 5", b"Content-Length: 5") + b"12345" + INNER,
    "a list of lengths": head(b"Content-Length: 0, %d" % len(INNER)) + INNER,
    "a signed length": head(b"Content-Length: +0") + INNER,
    "a negative length": head(b"Content-Length: -1") + INNER,
    "a length in hex": head(b"Content-Length: 0x0") + INNER,
    "a length of 30 digits": head(b"Content-Length: " + b"9" * 30) + INNER,
    "space before the colon": head(b"Transfer-Encoding : chunked") + ZERO + INNER,
    "a folded line": head(b"Transfer-Encoding:\r\n chunked") + ZERO + INNER,
    "a folded first line": head(b" Transfer-Encoding: chunked", host=b"") + ZERO + INNER,
    "a tab before the name": head(b"\tTransfer-Encoding: chunked") + ZERO + INNER,
    "bare line feeds": head(b"Transfer-Encoding: chunked").replace(b"\r\n", b"\n") + ZERO + INNER,
    "one bare line feed": head(b"X: y\nTransfer-Encoding: chunked") + ZERO + INNER,
    "a bare carriage return": head(b"X: y\rTransfer-Encoding: chunked") + ZERO + INNER,
    "an unknown coding": head(b"Transfer-Encoding: xchunked") + ZERO + INNER,
    "a coding before": head(b"Transfer-Encoding: identity, chunked") + ZERO + INNER,
    "a coding behind": head(b"Transfer-Encoding: chunked, identity") + ZERO + INNER,
    "two codings": head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity") + ZERO + INNER,
    "a coding in quotes": head(b'Transfer-Encoding: "chunked"') + ZERO + INNER,
    "a vertical tab": head(b"Transfer-Encoding: \x0bchunked") + ZERO + INNER,
    "a NUL": head(b"Transfer-Encoding: chunked\0") + ZERO + INNER,
    "chunks in HTTP/1.0": head(b"Transfer-Encoding: chunked", start=b"POST /v1/outer HTTP/1.0") + ZERO + INNER,
    "a chunk size with 0x": chunked(b"0x0\r\n\r\n") + INNER,
    "a signed chunk size": chunked(b"+0\r\n\r\n") + INNER,
    "a negative chunk size": chunked(b"-1\r\n\r\n") + INNER,
    "a chunk size beyond 64 bits": chunked(b"1" + b"0" * 20 + b"\r\n\r\n") + INNER,
    "no chunk size": chunked(b"\r\n\r\n") + INNER,
    "a chunk without its end": chunked(b"1\r\nxx\r\n0\r\n\r\n") + INNER,
    "a chunk ended by a line feed": chunked(b"1\r\nx\n0\r\n\r\n") + INNER,
    "a chunk extension without end": chunked(b"1;" + b"x" * 70_000 + b"\r\nx\r\n" + ZERO) + INNER,
    "many chunk extensions": chunked((b"1;" + b"x" * 1000 + b"\r\nx\r\n") * 100 + ZERO) + INNER,
    "trailers without end": chunked(b"0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n") + INNER,
    "two hosts": head(b"Host: other", b"Content-Length: 0") + INNER,
    "no host": head(b"Content-Length: 0", host=b"") + INNER,
    "a name with a space": head(b"X Y: z", b"Content-Length: 0") + INNER,
    "a line without a colon": head(b"Content-Length 0") + INNER,
    "a version that is none": head(b"Content-Length: 0", start=b"POST /v1/outer HTTP/9.9") + INNER,
    "a space in the target": head(b"Content-Length: 0", start=b"POST /v1/ou ter HTTP/1.1") + INNER,
    "a NUL in the target": head(b"Content-Length: 0", start=b"POST /v1/ou\0ter HTTP/1.1") + INNER,
    "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 200,
}


@pytest.mark.parametrize("payload", SMUGGLED.values(), ids=SMUGGLED)
@pytest.mark.proves("R22", "CL + TE", "duplicate Content-Length")
def test_what_could_hide_a_request_is_refused_and_the_connection_closed(gate, up, payload):
    up.answer(BODY)
    with Wire(gate.url) as wire:
        wire.send(payload)
        answer = wire.answer()
        assert answer is None or answer.status in (400, 413, 431, 501, 505)
        assert wire.closed(7)
    assert [request.path for request in up.requests if "smuggled" in request.path] == []


@pytest.mark.parametrize("name", ["CL.TE", "two lengths", "TE.CL"])
@pytest.mark.proves("CL + TE", "duplicate Content-Length")
def test_two_lengths_are_a_400(gate, up, name):
    with Wire(gate.url) as wire:
        wire.send(SMUGGLED[name])
        assert wire.answer().status == 400
    assert up.requests == []


@pytest.mark.proves("R22")
def test_requests_sent_ahead_are_answered_one_after_the_other(gate, up):
    up.then(lambda request: answered(request))
    with Wire(gate.url) as wire:
        wire.send(post(asks(user="1")) + post(asks(user="2")) + post(asks(user="3")))
        assert [wire.answer().json()["id"] for _ in range(3)] == ["1", "2", "3"]


def answered(request):
    return scripted({**BODY, "id": request.json()["user"]})


@pytest.mark.parametrize("size", [33, 100, 1024], ids="{} KiB".format)
@pytest.mark.proves("R21")
def test_a_head_of_more_than_32_kib_is_a_431(gate, up, size):
    with Wire(gate.url) as wire:
        wire.send(post(asks(), CHAT, "X-Large: " + "x" * size * 1024))
        answer = wire.answer()
        assert answer is None or answer.status == 431
        assert answer or size > 64
        assert wire.closed(7)
    assert up.requests == []


@pytest.mark.proves("R21")
def test_a_head_of_more_than_100_headers_is_a_431(gate, up, client):
    up.answer(BODY)
    with Wire(gate.url) as wire:
        wire.send(post(asks(), CHAT, *[f"X-{number}: y" for number in range(98)]))
        assert wire.answer().status == 431
        assert wire.closed(7)
    assert up.requests == []
    with Wire(gate.url) as wire:
        wire.send(post(asks(), CHAT, *[f"X-{number}: y" for number in range(90)]))
        assert wire.answer().status == 200


HOPS = {
    "connection": "keep-alive, x-hop, te",
    "x-hop": "1",
    "keep-alive": "timeout=5",
    "te": "trailers",
    "trailer": "x-later",
    "proxy-connection": "keep-alive",
    "proxy-authorization": "Basic Zm9v",
    "proxy-authenticate": "Basic",
    "upgrade": "websocket",
}
PRIVATE = {
    "authorization": "Bearer sk-callers-own",
    "x-api-key": "sk-callers-own",
    "cookie": "session=callers",
    "forwarded": "for=10.0.0.1",
    "x-forwarded-for": "10.0.0.1",
    "x-forwarded-host": "elsewhere",
    "x-real-ip": "10.0.0.1",
    "openai-organization": "org-callers",
    "openai-project": "proj-callers",
    "x-tollhouse-target": "other/model",
}


@pytest.mark.parametrize("path", [CHAT, "/v1/files", "/up/v1/files"])
@pytest.mark.proves("R23", "cookies")
def test_no_header_of_the_caller_goes_up_but_those_that_may(client, up, path):
    up.answer(BODY)
    given = {**PRIVATE, **{name: value for name, value in HOPS.items() if name not in ("upgrade", "connection")}}
    client.cookies.set("jar", "callers")
    assert client.post(path, content=asks(), headers=given).status_code == 200
    [asked] = up.requests
    hosts = {"host", "connection", "content-length", "transfer-encoding", "accept-encoding"}
    known = {"user-agent", "accept", "content-type", "authorization"}
    assert asked.headers.keys() <= hosts | known
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers.get("connection", "keep-alive") == "keep-alive"
    assert "callers" not in str(asked.headers)


@pytest.mark.parametrize("path", [CHAT, "/v1/files"])
@pytest.mark.proves("R23", "upstream response headers", "cookies")
def test_no_header_of_the_upstream_comes_down_but_those_that_may(client, up, path):
    answers = {
        "set-cookie": "session=upstream; Path=/",
        "x-goog-api-key": "AIza-upstream",
        "authorization": "Bearer upstream",
        "www-authenticate": "Bearer upstream",
        "server": "upstream",
        "via": "1.1 upstream",
        "location": "http://upstream",
        "x-secret": "upstream",
        "access-control-allow-origin": "*",
        "strict-transport-security": "max-age=1",
        "x-ratelimit-remaining-requests": "9",
        "openai-processing-ms": "7",
        "x-request-id": "req_theirs",
        "connection": "x-secret",
    }
    up.answer(BODY, 200, answers)
    response = client.post(path, content=asks())
    assert response.status_code == 200
    ours = {"content-type", "content-length", "transfer-encoding", "date", "connection"}
    told = {"x-ratelimit-remaining-requests", "openai-processing-ms", "x-tollhouse-upstream-request-id"}
    assert set(response.headers) <= ours | told | {"x-request-id", "x-tollhouse-target"}
    assert told <= set(response.headers)
    assert response.headers["x-request-id"] != "req_theirs"
    assert not client.cookies


@pytest.mark.proves("cookies")
def test_an_upstreams_cookie_is_not_sent_with_the_next_callers_request(client, up):
    up.answer(BODY, 200, {"set-cookie": "session=tenant-one; Path=/"})
    for path in (CHAT, "/v1/files", CHAT):
        client.post(path, content=asks())
    assert [request.headers.get("cookie") for request in up.requests] == [None] * 3


CRLF = [
    "\r\nx-evil: 1",
    "\nx-evil: 1",
    "\rx-evil: 1",
    "\u2028x-evil: 1",
    "\u560d\u560ax-evil: 1",
    "\0",
    "\x85x-evil: 1",
]


@pytest.mark.parametrize("evil", CRLF, ids=ascii)
@pytest.mark.proves("R24")
def test_a_line_end_in_a_model_name_or_metadata_adds_no_header_and_no_log_line(gate, client, up, evil):
    up.answer({**BODY, "model": "x" + evil}, 200, {"x-request-id": "up_1"})
    lines = gate.output.count("\n")
    for model in ("m" + evil, "up/x" + evil, evil):
        response = client.post(CHAT, content=asks(model=model, user="u" + evil, metadata={"k" + evil: "v" + evil}))
        assert response.status_code in (200, 404)
        assert "x-evil" not in response.headers
        assert all(value.isprintable() for value in response.headers.values())
    assert "x-evil" not in up.requests[-1].headers
    assert up.requests[-1].json()["model"] == "x" + evil
    assert gate.output.count("\n") == lines


@pytest.mark.parametrize("evil", ["a\rb", "a\nb", "a\0b", "a\r\nx-evil: 1"], ids=ascii)
@pytest.mark.proves("R24")
def test_a_line_end_in_a_header_of_the_caller_is_no_part_of_its_value(gate, up, evil):
    up.answer(BODY)
    with Wire(gate.url) as wire:
        wire.send(post(asks(), CHAT, f"OpenAI-Beta: {evil}", f"X-Request-Id: {evil}"))
        answer = wire.answer()
    assert answer is None or answer.header("x-evil") is None
    assert answer is None or answer.status in (200, 400)
    assert all("x-evil" not in value and value.isprintable() for r in up.requests for value in r.headers.values())


@pytest.mark.parametrize(
    "host",
    ["gate", "gate/healthz?", "gate#", "gate/v1/chat/completions?", "127.0.0.1@gate", "[::1", "gate:99999", "x" * 5000],
    ids=lambda host: host[:30],
)
@pytest.mark.proves("CVE-2026-48710 BadHost")
def test_no_host_changes_where_a_request_goes(gate, up, host):
    up.answer(BODY)
    expected = {"/nowhere": 404, "/healthz": 200, "/v1/chat/completions": 400, "/v1/models": 200}
    for path, status in expected.items():
        with Wire(gate.url) as wire:
            method = "POST" if "chat" in path else "GET"
            wire.send(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n".encode())
            answer = wire.answer()
            assert answer.status in (status, 400)
            assert answer.status == status or host not in ("gate", "gate/healthz?", "gate#")
    assert up.requests == []


@pytest.mark.parametrize(
    "path",
    [
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/%2fchat/completions",
        "/up//v1/files",
        "/up/v1//files",
        "/v1/../v1/chat/completions",
        "/v1/chat/../../healthz",
        "/v1/%2e%2e/%2e%2e/admin",
        "/v1/%252e%252e/admin",
        "/v1/..%2f..%2fadmin",
        "/v1/..%5cadmin",
        "/up/../admin",
        "/up/%2e%2e/admin",
        "/up//..//admin",
        "/up/v1/./files/../../admin",
    ],
)
@pytest.mark.proves("no path leads around the routes")
def test_a_path_that_climbs_goes_nowhere(gate, up, path):
    up.answer(BODY)
    with Wire(gate.url) as wire:
        wire.send(post(asks(), path))
        assert wire.answer().status in (400, 404)
    assert up.requests == []


@pytest.mark.parametrize(
    "path",
    [
        "/" + "a" * 20_000,
        "/v1/" + "a/" * 10_000,
        "/%00",
        "/v1/%00",
        "/%ff%fe",
        "/v1/%0d%0ax-evil:%201",
        "/?" + "a=b&" * 5000,
    ],
    ids=lambda path: path[:20],
)
@pytest.mark.proves("no path leads around the routes")
def test_a_strange_path_is_no_error_of_ours(gate, up, path):
    up.answer(BODY)
    with Wire(gate.url) as wire:
        wire.send(post(asks(), path))
        answer = wire.answer()
        assert answer.status < 500
        assert answer.header("x-evil") is None
        assert len(answer.body) < 2000
    assert all("x-evil" not in request.headers for request in up.requests)


@pytest.mark.parametrize("target", ["http://elsewhere/v1/files", "elsewhere:443", "*"])
@pytest.mark.proves("no path leads around the routes")
def test_the_gateway_is_nobodys_forward_proxy(gate, up, target):
    up.answer(BODY)
    for method in ("GET", "CONNECT", "OPTIONS"):
        with Wire(gate.url) as wire:
            wire.send(f"{method} {target} HTTP/1.1\r\nHost: elsewhere\r\n\r\n".encode())
            answer = wire.answer()
            assert answer is None or answer.status == 200 or 400 <= answer.status < 500
    assert {request.path for request in up.requests} <= {"/v1/files"}
    assert {request.headers["host"] for request in up.requests} <= {up.url.removeprefix("http://")}
