"""The caps over HTTP/2, which needs no content-length; core/tests/serving/test_http2.py floods its connections."""

import httpx
import pytest
from scene import BODY, CHAT, Gate, asks

MIB = 1 << 20


@pytest.fixture(scope="module")
def gate(tmp_path_factory, elsewhere):
    """The one engine that speaks HTTP/2."""
    with Gate(tmp_path_factory.mktemp("gate"), elsewhere.url, "hypercorn") as served:
        yield served


@pytest.fixture
def client(gate, up):
    """A client that speaks nothing else."""
    with httpx.Client(base_url=gate.url, timeout=20, http1=False, http2=True) as made:
        yield made


@pytest.mark.proves("64 MiB body", "R18")
def test_a_body_of_64_mib_is_a_413_and_is_not_held(gate, client, up):
    client.get("/healthz")
    before = gate.memory()
    response = client.post(CHAT, content=(b"x" * MIB for _ in range(64)))
    assert response.http_version == "HTTP/2"
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")
    assert gate.memory() - before < 48
    assert up.requests == []


@pytest.mark.proves("R21")
def test_a_head_beyond_its_caps_is_a_431(client, up):
    up.answer(BODY)
    for headers in ({"x-large": "x" * 33 * 1024}, {f"x-{number}": "y" for number in range(120)}):
        response = client.post(CHAT, content=asks(), headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (431, "headers_too_large")
    assert up.requests == []
    assert client.post(CHAT, content=asks()).status_code == 200


@pytest.mark.proves("R21")
def test_a_head_far_beyond_them_ends_the_connection_only(gate, client, up):
    up.answer(BODY)
    with pytest.raises(httpx.TransportError):
        client.post(CHAT, content=asks(), headers={f"x-{number}": "y" * 8000 for number in range(20)})
    assert up.requests == []
    with httpx.Client(base_url=gate.url, timeout=20, http1=False, http2=True) as other:
        assert other.post(CHAT, content=asks()).status_code == 200
