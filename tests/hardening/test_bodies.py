"""Bodies: too large, too slow, packed, and JSON that is none or says more than one thing."""

import gzip
import os
import time
import zlib
from pathlib import Path

import msgspec
import pytest
from scene import BODY, CHAT, Gate, asks
from tollhouse.testing.corpus import root
from wire import Wire, post

pytestmark = pytest.mark.slow

MIB = 1 << 20
SOON = 1.0
"""Ten times the 100 ms a refusal may take."""
DATA = root().parent / "data" if root() else Path("absent")
SUITE = DATA / "JSONTestSuite"
UTF8 = DATA / "utf8tests" / "utf8tests.bin"


def refused(client, up, body, status=400):
    """One body is refused at once, and nobody asked upstream."""
    began = time.monotonic()
    response = client.post(CHAT, content=body)
    assert time.monotonic() - began < SOON
    assert response.status_code == status, response.text
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert up.requests == []
    return response.json()["error"]


def member(value, name=b"x"):
    """A chat request with one more member."""
    return b'{"model":"m","messages":[],"' + name + b'":' + value + b"}"


@pytest.mark.proves("64 MiB body", "R18")
def test_a_body_of_64_mib_is_refused_without_being_held(gate, client, up):
    client.get("/healthz")
    before = gate.memory()
    with Wire(gate.url) as wire:
        wire.send(post(b"")[:-5] + f"{64 * MIB}\r\n\r\n".encode())
        assert wire.answer().status == 413
    response = client.post(CHAT, content=(b"x" * MIB for _ in range(64)))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"
    assert gate.memory() - before < 48
    assert up.requests == []


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.proves("R20")
def test_a_packed_request_is_read_as_what_it_is(client, up, coding):
    up.answer(BODY)
    packed = {"gzip": gzip.compress, "deflate": zlib.compress}[coding](asks())
    assert client.post(CHAT, content=packed, headers={"content-encoding": coding}).status_code == 200
    assert up.requests[0].json()["messages"] == [{"role": "user", "content": "hi"}]
    assert "content-encoding" not in up.requests[0].headers


@pytest.mark.proves("R20")
def test_a_request_that_expands_a_thousandfold_is_a_413(gate, client, up):
    bomb = gzip.compress(bytes(256 * MIB))
    assert len(bomb) < MIB
    before = gate.memory()
    began = time.monotonic()
    response = client.post(CHAT, content=bomb, headers={"content-encoding": "gzip"})
    assert time.monotonic() - began < SOON
    assert response.status_code == 413
    assert gate.memory() - before < 32
    assert up.requests == []


@pytest.mark.proves("R20")
def test_a_request_of_an_unknown_coding_is_a_415(client, up):
    response = client.post(CHAT, content=asks(), headers={"content-encoding": "snappy"})
    assert response.status_code == 415
    assert "gzip" in response.headers["accept-encoding"]
    assert up.requests == []


@pytest.mark.proves("R20")
def test_an_upload_goes_up_as_it_is_packed(client, up):
    up.answer(BODY)
    packed = gzip.compress(b"hello")
    assert client.post("/v1/files", content=packed, headers={"content-encoding": "gzip"}).status_code == 200
    assert up.requests[0].body == packed


@pytest.mark.skipif(not SUITE.exists(), reason="the suite is not here")
@pytest.mark.proves("JSONTestSuite n_ inside the body (188)", "R19")
def test_json_that_must_be_refused_is_refused_wherever_it_stands(client, up):
    files = sorted(SUITE.glob("n_*.json"))
    assert len(files) == 188
    for file in files:
        for body in (
            member(file.read_bytes()),
            b'{"model":"m","messages":' + file.read_bytes() + b"}",
            file.read_bytes(),
        ):
            assert refused(client, up, body), file.name


@pytest.mark.skipif(not SUITE.exists(), reason="the suite is not here")
@pytest.mark.proves("R19")
def test_json_that_must_be_accepted_goes_up_as_it_came_and_what_may_be_either_is_never_a_5xx(client, up):
    up.answer(BODY)
    for file in sorted(SUITE.glob("y_*.json")):
        body = member(file.read_bytes()).replace(b'"m"', b'"up/x"', 1)
        response = client.post(CHAT, content=body)
        assert response.status_code == 200, file.name
        assert up.requests[-1].json()["x"] == msgspec.json.decode(file.read_bytes()), file.name
    for file in sorted(SUITE.glob("i_*.json")):
        assert client.post(CHAT, content=member(file.read_bytes())).status_code < 500, file.name


@pytest.mark.skipif(not UTF8.exists(), reason="the tests are not here")
@pytest.mark.proves("R19")
def test_broken_utf8_is_a_400_and_sound_utf8_goes_up(client, up):
    seen = {"valid": 0, "invalid": 0}
    for line in UTF8.read_bytes().splitlines():
        number, _, rest = line.partition(b":")
        kind, _, text = rest.partition(b":")
        if not number.strip() or kind not in (b"valid", b"invalid"):
            continue
        seen[kind.decode()] += 1
        up.clear()
        up.answer(BODY)
        body = b'{"model":"m","messages":[{"role":"user","content":"' + escaped(text) + b'"}]}'
        response = client.post(CHAT, content=body)
        assert response.status_code == (200 if kind == b"valid" else 400), line
        assert len(up.requests) == (kind == b"valid"), line
        if up.requests:
            assert up.requests[0].json()["messages"][0]["content"].encode() == text
    assert seen["valid"] > 20
    assert seen["invalid"] > 50


def escaped(text):
    """Bytes as they may stand in a JSON string, whether they are UTF-8 or not."""
    return b"".join(b"\\u%04x" % byte if byte < 32 or byte in b'"\\' else bytes([byte]) for byte in text)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'], ids=bytes.decode)
@pytest.mark.parametrize("name", [b"x", b"messages", b"tools", b"model"], ids=bytes.decode)
@pytest.mark.proves("nesting 1e5", "R19")
def test_nesting_of_any_depth_is_refused_at_once(client, up, opening, name):
    for depth in (100_000, 1_000_000):
        value = opening * depth
        body = b'{"model":"m","messages":[],"y":1}'.replace(b'"y":1', b'"y":' + value)
        if name != b"x":
            body = b'{"' + name + b'":' + value + b"}"
        assert refused(client, up, body)["code"] == "invalid_json"


@pytest.mark.proves("R19")
def test_no_depth_is_an_error_of_ours(client, up):
    """Depths around the limit, where one reader still can and the next one cannot."""
    up.answer(BODY)
    accepted = 0
    for depth in [*range(900, 1010, 1), 2000]:
        response = client.post(CHAT, content=member(b"[" * depth + b"]" * depth))
        assert response.status_code in (200, 400), depth
        accepted += response.status_code == 200
    assert 0 < accepted < 111


STRANGE = {
    "a list": b"[]",
    "a string": b'"model"',
    "null": b"null",
    "a number": b"1",
    "nothing": b"",
    "a byte order mark": b"\xef\xbb\xbf" + asks(),
    "UTF-16": asks().decode().encode("utf-16"),
    "UTF-32": asks().decode().encode("utf-32"),
    "Latin-1": b'{"model":"m","messages":[{"role":"user","content":"\xe4"}]}',
    "NaN": member(b"NaN", b"temperature"),
    "Infinity": member(b"-Infinity", b"temperature"),
    "a lone high surrogate": b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
    "a lone low surrogate": b'{"model":"m","messages":[{"role":"user","content":"\\udc00 x"}]}',
    "surrogates in the wrong order": b'{"model":"m","messages":[{"role":"user","content":"\\udc00\\ud800"}]}',
    "a surrogate as a name": member(b"1", b"\\ud800"),
    "a surrogate as the model": b'{"model":"\\ud800","messages":[]}',
    "a surrogate in UTF-8": b'{"model":"m","messages":[{"role":"user","content":"\xed\xa0\x80"}]}',
    "an overlong slash": b'{"model":"m","messages":[{"role":"user","content":"\xc0\xaf"}]}',
    "a raw NUL": b'{"model":"m\0","messages":[]}',
    "a comment": b'{"model":"m","messages":[] /* x */}',
    "a trailing comma": b'{"model":"m","messages":[],}',
    "two values": asks() + asks(),
    "something behind": asks() + b"\0",
    "a digit too many": member(b"9" * 1_000_000),
    "a limit of 1e6 digits": member(b"9" * 1_000_000, b"max_tokens"),
    "a seed of 1e6 digits": member(b"9" * 1_000_000, b"seed"),
    "a fraction of 1e6 digits": member(b"0." + b"9" * 1_000_000, b"temperature"),
    "a number in a message of 1e6 digits": b'{"model":"m","messages":[{"role":"user","content":'
    + b"9" * 1_000_000
    + b"}]}",
    "the model twice": b'{"model":"m","messages":[],"model":"up/dear"}',
    "the model twice, once in disguise": b'{"model":"m","messages":[],"mod\\u0065l":"up/dear"}',
    "the messages twice": b'{"model":"m","messages":[],"messages":[{"role":"user","content":"x"}]}',
    "any field twice": b'{"model":"m","messages":[], "x": 1, "x": 1}',
    "the model in capitals": b'{"model":"m","messages":[],"Model":"up/dear"}',
    "100,000 fields": b'{"model":"m","messages":[]' + b"".join(b',"%d":1' % n for n in range(100_000)) + b"}",
    "no model": b'{"messages":[]}',
    "an empty model": b'{"model":"","messages":[]}',
    "a model that is none": b'{"model":["m"],"messages":[]}',
    "messages that are none": b'{"model":"m","messages":"hi"}',
}


@pytest.mark.parametrize("body", STRANGE.values(), ids=STRANGE)
@pytest.mark.proves("R19")
def test_a_body_that_could_mean_two_things_or_none_is_a_400(client, up, body):
    assert refused(client, up, body)["message"]


@pytest.mark.parametrize(
    "model", ["m\0", "\0", "m" * 1_000_000, "../../etc/passwd", "m\u202e", "{{7*7}}", "%s%n", "\ud83d\ude00"]
)
@pytest.mark.proves("R19")
def test_a_model_name_is_only_ever_a_name(client, up, model):
    body = asks().replace(b'"m"', b'"' + model.encode("utf-16", "surrogatepass").decode("utf-16").encode() + b'"', 1)
    body = body.replace(b"\0", b"\\u0000")
    assert refused(client, up, body, 404)["code"] == "model_not_found"


REDIRECTS = [
    {"api_base": "URL"},
    {"base_url": "URL"},
    {"api_key": "sk-attacker"},
    {"api_version": "2020-01-01", "api_base": "URL"},
    {"API_BASE": "URL"},
    {"extra_headers": {"authorization": "Bearer attacker"}},
    {"headers": {"host": "attacker"}},
    {"extra_body": {"api_base": "URL"}},
    {"extra_query": {"api_base": "URL"}},
    {"custom_llm_provider": "openai", "base_url": "URL"},
    {"litellm_params": {"api_base": "URL"}},
    {"model_list": [{"model_name": "m", "litellm_params": {"api_base": "URL"}}]},
    {"user_config": {"model_list": []}},
    {"aws_bedrock_runtime_endpoint": "URL"},
]


@pytest.mark.parametrize("fields", REDIRECTS, ids=lambda fields: "+".join(fields))
@pytest.mark.proves("api_base/api_key/extra_headers in body", "CVE-2024-6587")
def test_a_body_that_says_where_it_goes_is_refused_and_goes_nowhere(client, up, fields):
    body = asks(**fields).replace(b"URL", b"http://127.0.0.1:9")
    error = refused(client, up, body)
    assert error["code"] == "unsupported_parameter"
    assert "configuration" in error["message"]


@pytest.mark.parametrize("way", ["metadata", "header", "query", "model", "user"])
@pytest.mark.proves("api_base/api_key/extra_headers in body", "CVE-2024-6587")
def test_an_address_anywhere_else_changes_nothing(client, up, way):
    up.answer(BODY)
    url = "http://127.0.0.1:9/v1"
    more = {"metadata": {"metadata": {"api_base": url}}, "user": {"user": url}}.get(way, {})
    headers = {"x-api-base": url, "x-base-url": url, "api-base": url} if way == "header" else {}
    path = f"{CHAT}?api_base={url}&base_url={url}" if way == "query" else CHAT
    body = asks(**more) if way != "model" else asks(model=f"openai/x?api_base={url}")
    response = client.post(path, content=body, headers=headers)
    assert response.status_code == (404 if way == "model" else 200)
    assert [request.path for request in up.requests] == ([] if way == "model" else ["/v1/chat/completions"])


@pytest.mark.proves("CVE-2024-8984")
@pytest.mark.parametrize("path", [CHAT, "/v1/files"])
def test_a_boundary_of_dashes_costs_nothing(client, up, path):
    up.answer(BODY)
    body = b"--" + b"-" * MIB + b"\r\n" + b"-" * MIB
    began = time.monotonic()
    response = client.post(
        path, content=body, headers={"content-type": "multipart/form-data; boundary=" + "-" * 20_000}
    )
    assert time.monotonic() - began < SOON
    assert response.status_code == (400 if path == CHAT else 200)


@pytest.fixture(scope="module")
def hasty(tmp_path_factory, elsewhere, engine):
    """A gateway that does not wait for long."""
    server = 'body_idle = "1s"\nheader_timeout = "1s"'
    with Gate(tmp_path_factory.mktemp("hasty"), elsewhere.url, engine, server) as served:
        yield served


@pytest.mark.proves("trickled body")
def test_a_body_that_stops_coming_is_a_408(hasty, up):
    wires = [Wire(hasty.url) for _ in range(20)]
    for wire in wires:
        wire.send(post(asks())[:-10])
    for wire in wires:
        answer = wire.answer()
        assert (answer.status, answer.json()["error"]["code"]) == (408, "request_timeout")
        assert wire.closed(7)
    assert up.requests == []


@pytest.mark.proves("trickled headers, 50 conns")
def test_heads_that_trickle_in_are_closed_on(hasty, client, up):
    up.answer(BODY)
    wires = [Wire(hasty.url) for _ in range(50)]
    until = time.monotonic() + 5
    for wire in wires:
        wire.send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: gate\r\n")
    closed = set()
    while time.monotonic() < until and len(closed) < 50:
        for number, wire in enumerate(wires):
            if number not in closed:
                wire.send(b"X-More: y\r\n")
                wire.socket.settimeout(0.01)
                try:
                    if not wire.read():
                        closed.add(number)
                except TimeoutError:
                    pass
        assert client.get("/healthz").status_code == 200
    assert len(closed) == 50


@pytest.mark.proves("trickled headers, 50 conns")
def test_a_connection_that_says_nothing_is_closed(hasty):
    wires = [Wire(hasty.url) for _ in range(50)]
    assert all(wire.closed(5) for wire in wires)


@pytest.mark.proves("R19")
def test_random_bytes_are_never_an_error_of_ours(client, up):
    for size in (1, 10, 100, 1000, 100_000):
        for _ in range(20):
            assert 400 <= client.post(CHAT, content=os.urandom(size)).status_code < 500
    assert up.requests == []
