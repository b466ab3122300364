"""Which dialect, provider or endpoint a path belongs to."""

import msgspec
import pytest
from parts import BODY, CHAT, Observes, asks, config, words
from tollhouse import ConfigError, Endpoint, hookimpl
from tollhouse.testing import Client, Upstream, gateway, run


def through(method, path, body=b"", headers=None, answer=BODY, status=200, up_headers=None):
    async def ask():
        observes = Observes()
        async with Upstream() as up:
            up.answer(answer, status, up_headers)
            async with gateway(config(up.url), observes) as made:
                response = await Client(made).request(method, path, body, headers)
            return response, up.requests, observes

    return run(ask())


@pytest.mark.parametrize(
    "path", [CHAT, "/chat/completions", "/openai/deployments/m/chat/completions?api-version=2024-10-21"]
)
def test_every_spelling_of_the_chat_path_is_understood(path):
    response, requests, _ = through("POST", path, asks("m"))
    assert words(response.body) == "Hello"
    assert requests[0].path == "/v1/chat/completions"


PRIVATE = {
    "authorization": "Bearer sk-fake-caller",
    "cookie": "session=fake",
    "x-forwarded-for": "10.0.0.1",
    "openai-organization": "org-fake",
    "connection": "x-hop",
    "x-hop": "1",
    "openai-beta": "assistants=v2",
    "accept": "application/json",
}


def test_any_other_v1_path_passes_through_with_our_credential_and_no_header_of_the_callers():
    answer = {
        "content-type": "application/json",
        "set-cookie": "a=b",
        "x-secret": "1",
        "openai-organization": "ours",
        "openai-processing-ms": "5",
        "x-request-id": "up_1",
    }
    response, [asked], observes = through(
        "POST", "/v1/moderations?x=1&y=%20", b'{"input":"hi"}', PRIVATE, up_headers=answer
    )
    assert (asked.method, asked.path, asked.body) == ("POST", "/v1/moderations?x=1&y=%20", b'{"input":"hi"}')
    assert asked.headers["authorization"] == "Bearer sk-fake-a"
    assert asked.headers["openai-beta"] == "assistants=v2"
    assert not {"cookie", "x-forwarded-for", "openai-organization", "x-hop"} & asked.headers.keys()
    assert response.body == msgspec.json.encode(BODY)
    assert not {"set-cookie", "x-secret", "openai-organization"} & response.headers.keys()
    assert response.headers["openai-processing-ms"] == "5"
    assert response.headers["x-tollhouse-upstream-request-id"] == "up_1"
    assert observes.settled == [("completed", 200)]


def test_a_providers_own_prefix_goes_to_that_provider():
    _, [asked], _ = through("GET", "/a/v1/files?limit=3")
    assert (asked.method, asked.path, asked.body) == ("GET", "/v1/files?limit=3", b"")


@pytest.mark.parametrize(("status", "shown"), [(200, 200), (404, 404), (429, 429), (500, 500), (401, 502)])
def test_a_passthroughs_status_is_the_upstreams_but_for_our_credentials(status, shown):
    error = {"error": {"message": "words", "type": "t", "param": None, "code": "c"}}
    response, _, _ = through("GET", "/v1/files", answer=error, status=status)
    assert response.status == shown
    if shown == status:
        assert response.json() == error


def test_probes_are_answered_without_a_key():
    for method in ("GET", "HEAD"):
        response, requests, _ = through(method, "/")
        assert response.status == 200
        assert requests == []


@pytest.mark.parametrize("path", ["/nothing", "/v1", "//v1/models", "/b/v1/files"])
def test_a_path_nobody_takes_is_a_404_in_the_dialect(path):
    response, requests, _ = through("GET", path)
    assert response.status == 404
    assert response.json()["error"]["code"] == "not_found"
    assert requests == []


@pytest.mark.parametrize(("given", "kept"), [("req-1.a:b_C", True), ("bad id", False), ("x" * 129, False), ("", False)])
def test_a_well_formed_request_id_is_kept_and_any_other_replaced(given, kept):
    response, _, _ = through("POST", CHAT, asks("m"), {"x-request-id": given})
    assert (response.headers["x-request-id"] == given) is kept
    assert response.headers["x-request-id"].startswith("req_") is not kept or kept


def test_an_endpoint_claimed_twice_is_refused_at_start_up():
    class One:
        name = "one"

        @hookimpl
        def endpoints(self):
            return [Endpoint("/admin/v1/x", None)]

    class Two(One):
        name = "two"

    async def ask():
        async with gateway('plugins = ["openai"]', One(), Two()):
            pass

    with pytest.raises(ConfigError, match="two plugins bring the endpoint GET /admin/v1/x"):
        run(ask())


def test_an_error_before_any_route_is_worded_by_the_dialect_that_knows_the_path():
    async def ask():
        async with gateway('plugins = ["openai", "anthropic"]') as made:
            routes = made.edition.routes
            claims = {"anthropic-version": "2023-06-01"}
            paths = ("/v1/chat/completions", "/v1/messages", "/v1/models", "/v1/files", "/else")
            return [[routes.dialect_for(path, headers).name for path in paths] for headers in ({}, claims)]

    assert run(ask()) == [
        ["openai", "anthropic", "openai", "openai", "openai"],
        ["openai", "anthropic", "anthropic", "anthropic", "openai"],
    ]
