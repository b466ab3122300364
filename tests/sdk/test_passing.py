"""What passes the gateway untouched, and what never does: other paths, headers, cookies, ids."""

import gzip
import json

import httpx
import openai
import pytest
from house import BODY, HI, KEY, USAGE, chunk, text
from tollhouse.testing import sse

pytestmark = pytest.mark.slow

FILES = {"object": "list", "data": [{"id": "file-1", "object": "file", "bytes": 1, "created_at": 1}], "has_more": False}
SECRETS = {
    "set-cookie": "session=upstream-canary; Path=/",
    "x-goog-api-key": "upstream-canary",
    "server": "upstream-canary",
    "via": "upstream-canary",
    "alt-svc": "upstream-canary",
    "x-internal": "upstream-canary",
    "keep-alive": "timeout=upstream-canary",
    "connection": "x-internal",
    "openai-organization": "upstream-canary",
}
PRIVATE = {
    "authorization": "Bearer callers-canary",
    "x-api-key": "callers-canary",
    "api-key": "callers-canary",
    "cookie": "a=callers-canary",
    "proxy-authorization": "Basic callers-canary",
    "openai-organization": "callers-canary",
    "openai-project": "callers-canary",
    "x-forwarded-for": "callers-canary",
    "forwarded": "for=callers-canary",
    "x-stainless-anything": "callers-canary",
    "x-private": "callers-canary",
    "te": "trailers",
    "connection": "keep-alive, x-private",
}


@pytest.fixture
def http(house):
    """A plain client, for what the SDK would not do."""
    with httpx.Client(base_url=house.url, timeout=30) as made:
        yield made


def told(up):
    """What the upstream was told beside the body."""
    return str([(request.path, request.headers) for request in up.requests])


def test_files_are_listed_with_the_providers_credential_and_not_the_callers(client, up):
    up.answer(FILES)
    listed = client.files.list(purpose="assistants", limit=3)
    assert [file.id for file in listed.data] == ["file-1"]
    [asked] = up.requests
    assert (asked.method, asked.path) == ("GET", "/v1/files?limit=3&purpose=assistants") or (
        asked.method,
        asked.path,
    ) == ("GET", "/v1/files?purpose=assistants&limit=3")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert "sk-callers-own" not in told(up)


def test_a_moderation_is_posted_through(client, up):
    up.answer({"id": "m-1", "model": "omni", "results": []})
    assert client.moderations.create(input="is this fine? ü").id == "m-1"
    assert up.requests[0].path == "/v1/moderations"
    assert up.requests[0].json() == {"input": "is this fine? ü"}


def test_audio_is_uploaded_for_transcription(client, up):
    sound = bytes(range(256)) * 2000
    up.answer({"text": "hello"})
    heard = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", sound, "audio/wav"))
    assert heard.text == "hello"
    assert sound in up.requests[0].body
    assert b'name="model"' in up.requests[0].body


def test_a_delete_goes_through(client, up):
    up.answer({"id": "file-1", "object": "file", "deleted": True})
    assert client.files.delete("file-1").deleted
    assert (up.requests[0].method, up.requests[0].path) == ("DELETE", "/v1/files/file-1")


def test_a_streamed_passthrough_is_passed_as_it_comes(client, up):
    said = [
        {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": "aGk="},
        {"type": "image_generation.completed", "b64_json": "aGkh"},
    ]
    up.answer(sse(*said, done=False))
    events = list(client.images.generate(model="gpt-image", prompt="a door", stream=True, partial_images=1))
    assert [e.type for e in events] == ["image_generation.partial_image", "image_generation.completed"]
    assert up.requests[0].json()["model"] == "gpt-image"


def test_an_error_of_a_passthrough_is_the_upstreams_own(client, up):
    error = {"message": "No such file", "type": "invalid_request_error", "param": "id", "code": "not_found"}
    up.answer({"error": error}, 404)
    with pytest.raises(openai.NotFoundError, match="No such file") as raised:
        client.files.retrieve("file-2")
    assert raised.value.body == error


def test_a_credential_refused_in_a_passthrough_is_not_the_callers_401(client, up, house):
    up.answer({"error": {"message": f"bad key {KEY}", "code": "invalid_api_key"}}, 401)
    with pytest.raises(openai.InternalServerError) as raised:
        client.with_options(max_retries=2).files.list()
    assert raised.value.status_code == 502
    assert KEY not in raised.value.response.text
    assert KEY not in house.output
    assert len(up.requests) == 1


def test_a_provider_can_be_addressed_by_its_prefix(house, up):
    up.answer(FILES)
    with openai.OpenAI(base_url=f"{house.url}/up/v1", api_key="sk-callers-own", max_retries=0) as client:
        assert client.files.list().data
        up.clear()
        up.answer(BODY)
        assert client.chat.completions.create(model="unmapped", messages=HI).choices[0].message.content == "Hello"
    [asked] = up.requests
    assert asked.path == "/v1/chat/completions"
    assert asked.json()["model"] == "unmapped"
    assert asked.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("path", ["/v1/../admin", "/up/v1/%2e%2e/admin", "/v1/files/..%2f..%2fadmin", "/v1/.%2e/x"])
def test_no_path_climbs_out_of_the_providers_address(house, http, up, path):
    up.answer(FILES)
    response = http.send(httpx.Request("GET", httpx.URL(house.url).copy_with(raw_path=path.encode())))
    assert response.status_code == 404
    assert up.requests == []


@pytest.mark.parametrize(
    ("path", "body", "reply"),
    [
        ("/v1/chat/completions", {"model": "remote", "messages": HI}, BODY),
        ("/v1/chat/completions", {"model": "remote", "messages": HI, "stream": True}, None),
        ("/v1/chat/completions", {"model": "remote", "messages": HI}, {"error": {"message": "no"}}),
        ("/v1/files", None, FILES),
        ("/up/v1/files", None, FILES),
    ],
    ids=["chat", "stream", "error", "passthrough", "prefix"],
)
def test_no_cookie_credential_or_hop_by_hop_header_passes_either_way(http, up, path, body, reply):
    status = 400 if reply and "error" in reply else 200
    whole = sse(chunk({"content": "hi"}), chunk(finish="stop"), chunk(usage=USAGE))
    up.answer(reply or whole, status, {**SECRETS, "openai-processing-ms": "5"})
    response = http.request("POST" if body else "GET", path, json=body, headers=PRIVATE)
    assert response.status_code == status
    assert "callers-canary" not in told(up)
    assert set(up.requests[0].headers) <= {
        "host",
        "authorization",
        "user-agent",
        "accept",
        "content-type",
        "content-length",
        "transfer-encoding",
        "connection",
    }
    assert up.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "upstream-canary" not in str(response.headers)
    if status == 200:
        assert response.headers["openai-processing-ms"] == "5"


def test_an_upstreams_cookie_never_comes_back_to_it(http, up):
    up.answer(BODY, headers=SECRETS)
    for _ in range(40):
        http.post("/v1/chat/completions", json={"model": "remote", "messages": HI})
    assert len(up.requests) == 40
    assert "cookie" not in told(up)


def test_a_compressed_answer_is_read_and_passed_on_plain(client, up):
    packed = gzip.compress(json.dumps(BODY).encode())
    up.answer(packed, 200, {"content-encoding": "gzip"})
    assert client.chat.completions.create(model="remote", messages=HI).choices[0].message.content == "Hello"
    whole = gzip.compress(sse(chunk({"content": "hi"}), chunk(finish="stop")))
    up.clear()
    up.answer(whole, 200, {"content-encoding": "gzip", "content-type": "text/event-stream"})
    parts = list(client.chat.completions.create(model="remote", messages=HI, stream=True))
    assert text(parts) == "hi"
    up.clear()
    up.answer(gzip.compress(json.dumps(FILES).encode()), 200, {"content-encoding": "gzip"})
    assert client.files.list().data[0].id == "file-1"


def test_headers_with_a_meaning_upstream_reach_it(client, up):
    up.answer(BODY)
    headers = {"openai-beta": "x=v1", "x-client-request-id": "abc", "idempotency-key": "k1"}
    client.chat.completions.create(model="remote", messages=HI, extra_headers=headers)
    assert {name: up.requests[0].headers.get(name) for name in headers} == headers


@pytest.mark.parametrize("given", ["abc-DEF_1.2:3", "x" * 128])
def test_a_well_formed_request_id_is_kept(client, given):
    answer = client.chat.completions.create(model="echo", messages=HI, extra_headers={"x-request-id": given})
    assert answer._request_id == given


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a\tb", "a/b", "ü".encode().decode("latin-1"), "<x>"])
def test_a_malformed_request_id_is_replaced(http, given):
    headers = {"x-request-id": given.encode("latin-1")}
    response = http.post("/v1/chat/completions", json={"model": "echo", "messages": HI}, headers=headers)
    assert response.status_code == 200
    assert response.headers["x-request-id"].startswith("req_")


def test_errors_bear_the_callers_request_id_too(client):
    with pytest.raises(openai.NotFoundError) as raised:
        client.chat.completions.create(model="none", messages=HI, extra_headers={"x-request-id": "mine-1"})
    assert raised.value.request_id == "mine-1"


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
def test_probes_are_answered(http, path):
    response = http.get(path)
    assert response.status_code == 200
    assert response.json()
    head = http.head(path)
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == response.headers["content-length"]


def test_a_wrong_method_is_told_so_in_the_sdks_words(http, up):
    up.answer(FILES, 405)
    response = http.get("/v1/nothing-here", headers={"x-request-id": "m1"})
    assert response.headers["x-request-id"] == "m1"
    assert response.status_code == 405
