"""Errors as the SDK sees them: class, status, code, type, param, request id; and whether it tries again."""

import openai
import pytest
from house import BODY, HI, KEY, chunk
from tollhouse.testing import sse

pytestmark = pytest.mark.slow


def fault(words):
    return [{"role": "user", "content": f"hello [[fault: {words}]]"}]


def raised_by(call, kind):
    """The error, after what every error must have was checked."""
    with pytest.raises(kind) as raised:
        call()
    error = raised.value
    assert type(error) is kind
    assert error.request_id == error.response.headers["x-request-id"]
    assert error.request_id
    assert set(error.response.json()["error"]) >= {"message", "type", "param", "code"}
    assert error.message
    return error


def test_an_unknown_model_is_not_found_and_the_error_names_what_exists(client):
    error = raised_by(lambda: client.chat.completions.create(model="gpt-imaginary", messages=HI), openai.NotFoundError)
    assert (error.status_code, error.code, error.type, error.param) == (
        404,
        "model_not_found",
        "invalid_request_error",
        "model",
    )
    assert "gpt-imaginary" in error.message
    assert "echo, demo, lorem, thinker, tools, embed, remote, pretty-bird" in error.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": "hi"}, "messages"),
        ({"messages": HI, "max_tokens": "many"}, "max_tokens"),
        ({"messages": HI, "n": 0}, "n"),
        ({"messages": HI, "stream": "yes"}, "stream"),
    ],
)
def test_a_wrong_field_is_a_bad_request_that_names_it(client, body, param):
    error = raised_by(
        lambda: client.post("/chat/completions", body={"model": "echo", **body}, cast_to=object),
        openai.BadRequestError,
    )
    assert (error.status_code, error.type, error.param) == (400, "invalid_request_error", param)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"",
        b"[]",
        b'"hi"',
        b"null",
        b'{"model": "echo", "messages": [], "x": NaN}',
        b'{"model": "echo", "messages": ["\xff"]}',
        b'{"model": "echo", "messages": ' + b"[" * 100_000,
        b'{"messages": []}',
    ],
    ids=["cut", "empty", "array", "string", "null", "nan", "not-utf8", "deep", "no-model"],
)
def test_a_body_that_is_no_request_is_a_bad_request(client, up, body):
    error = raised_by(
        lambda: client.post(
            "/chat/completions", content=body, cast_to=object, options={"headers": {"content-type": "application/json"}}
        ),
        openai.BadRequestError,
    )
    assert error.type == "invalid_request_error"
    assert up.requests == []


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, openai.BadRequestError, "invalid_request"),
        (404, openai.NotFoundError, "model_not_found"),
        (409, openai.ConflictError, "invalid_request"),
        (422, openai.UnprocessableEntityError, "invalid_request"),
        (429, openai.RateLimitError, "rate_limit_exceeded"),
        (500, openai.InternalServerError, "server_error"),
        (503, openai.InternalServerError, "overloaded"),
        (529, openai.InternalServerError, "overloaded"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_failure_of_the_provider_has_its_class_status_and_code(client, status, kind, code, stream):
    error = raised_by(
        lambda: client.chat.completions.create(model="echo", messages=fault(f"status={status}"), stream=stream), kind
    )
    assert (error.status_code, error.code) == (status, code)
    assert error.type


def test_the_words_of_an_upstreams_error_are_kept(client, up):
    said = {"message": "Too long.", "type": "invalid_request_error", "param": "messages", "code": "context_length"}
    up.answer({"error": {**said, "more": 1}}, 400)
    error = raised_by(lambda: client.chat.completions.create(model="remote", messages=HI), openai.BadRequestError)
    assert "Too long." in error.message
    assert (error.type, error.param, error.code) == (said["type"], said["param"], said["code"])
    assert error.body == {**said, "more": 1}


def test_a_rate_limit_says_when_to_come_back(client):
    error = raised_by(
        lambda: client.chat.completions.create(model="echo", messages=fault("status=429 retry_after=1500ms")),
        openai.RateLimitError,
    )
    assert error.response.headers["retry-after"] == "2"
    assert error.response.headers["retry-after-ms"] == "1500"


def test_the_sdk_comes_back_when_it_was_told_to(client, up):
    up.answer({"error": {"message": "slow down"}}, 429, {"retry-after-ms": "20"})
    up.answer({"error": {"message": "busy"}}, 503, {"retry-after-ms": "20"})
    up.answer(BODY)
    answer = client.with_options(max_retries=2).chat.completions.create(model="remote", messages=HI)
    assert answer.choices[0].message.content == "Hello"
    assert len(up.requests) == 3


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_the_sdk_does_not_repeat_what_the_upstream_called_wrong(client, up, status):
    up.answer({"error": {"message": "no"}}, status)
    with pytest.raises(openai.APIStatusError):
        client.with_options(max_retries=2).chat.completions.create(model="remote", messages=HI)
    assert len(up.requests) == 1


@pytest.mark.parametrize("status", [401, 402, 403])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_a_credential_the_upstream_refuses_is_our_failure_and_is_neither_shown_nor_retried(
    client, up, house, status, stream
):
    message = f"Incorrect API key provided: {KEY}. You can find your API key at https://example.com."
    up.answer(
        {"error": {"message": message, "type": "invalid_request_error", "param": KEY, "code": "invalid_api_key"}},
        status,
        {"www-authenticate": f'Bearer realm="{KEY}"'},
    )
    retrying = client.with_options(max_retries=2)
    error = raised_by(
        lambda: retrying.chat.completions.create(model="remote", messages=HI, stream=stream),
        openai.InternalServerError,
    )
    assert error.status_code == 502
    assert error.response.headers["x-should-retry"] == "false"
    assert KEY not in error.response.text
    assert KEY not in str(error.response.headers)
    assert KEY not in house.output
    assert len(up.requests) == 1


def test_nobody_there_is_a_bad_gateway(client, up):
    up.then(lambda request: (_ for _ in ()).throw(ConnectionError))
    error = raised_by(lambda: client.chat.completions.create(model="remote", messages=HI), openai.InternalServerError)
    assert error.status_code == 502


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"<html>busy</html>", "text/html"), (b'{"id": "c1", "choi', "application/json"), (b"{}", "application/json")],
    ids=["html", "cut", "empty"],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_garbage_with_a_200_is_a_bad_gateway(client, up, body, kind, stream):
    up.answer(body, 200, {"content-type": kind})
    error = raised_by(
        lambda: client.chat.completions.create(model="remote", messages=HI, stream=stream),
        openai.InternalServerError,
    )
    assert error.status_code == 502
    assert "busy" not in error.response.text


def test_an_error_in_a_streams_first_event_is_a_real_status(client, up):
    error = {"message": "busy", "type": "overloaded_error", "param": None, "code": None}
    up.answer(sse(chunk({"role": "assistant", "content": ""}), {"error": error}))
    raised = raised_by(
        lambda: client.chat.completions.create(model="remote", messages=HI, stream=True), openai.InternalServerError
    )
    assert raised.status_code in (503, 529)
    assert raised.type == "overloaded_error"


@pytest.mark.parametrize("told", [{"code": "content_filter", "status": 400}, {"code": "content_filter"}, {"code": 400}])
def test_an_error_that_came_with_a_200_gets_the_status_it_should_have_had(client, up, told):
    error = {"message": "filtered", "type": None, "param": "prompt", **told}
    up.answer({"error": error})
    raised = raised_by(lambda: client.chat.completions.create(model="remote", messages=HI), openai.BadRequestError)
    assert raised.body == error


def test_a_path_nobody_takes_is_not_found_in_the_sdks_words(house):
    with openai.OpenAI(base_url=f"{house.url}/nowhere", api_key="any", max_retries=0) as client:
        error = raised_by(lambda: client.get("/at/all", cast_to=object), openai.NotFoundError)
    assert error.code == "not_found"


def test_the_gateway_has_survived_all_of_this(client):
    answer = client.chat.completions.create(model="echo", messages=[{"role": "user", "content": "still here"}])
    assert answer.choices[0].message.content == "still here"
