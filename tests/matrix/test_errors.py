"""Every provider's errors reach callers of every dialect: their class, words and waiting time, and no key."""

import json

import pytest
from answering import STREAM
from asking import DIALECTS, ask
from cells import KEY, Stage
from hearing import aws_event, hear
from replaying import ALL, DIALECT, PROVIDER, answered, straight
from tollhouse.testing.upstream import Script

RECORDED = [r for r in ALL if r.status >= 400]
WAIT = 7

OURS = {401: 502, 402: 502, 403: 502, 408: 504, 424: 502}
"""What becomes of an upstream's status: the first ones are about the gateway's key, and not the caller's affair."""
WORDED = {
    "anthropic": {503: 529},
    "gemini": {529: 503},
    "bedrock": {529: 503},
}
"""A dialect's own status for one of ours."""
CLASSES = {
    "openai": {
        400: "BadRequestError",
        404: "NotFoundError",
        413: "APIStatusError",
        429: "RateLimitError",
        500: "InternalServerError",
        502: "InternalServerError",
        503: "InternalServerError",
        504: "InternalServerError",
        529: "InternalServerError",
    },
    "anthropic": {
        400: "BadRequestError",
        404: "NotFoundError",
        413: "ContentTooLargeError",
        429: "RateLimitError",
        500: "InternalServerError",
        502: "InternalServerError",
        504: "GatewayTimeoutError",
        529: "OverloadedError",
    },
    "gemini": {
        400: "ClientError",
        404: "ClientError",
        413: "ClientError",
        429: "ClientError",
        500: "ServerError",
        502: "ServerError",
        503: "ServerError",
        504: "ServerError",
    },
    "bedrock": {
        400: "ValidationException",
        404: "ResourceNotFoundException",
        413: "ValidationException",
        429: "ThrottlingException",
        500: "InternalServerException",
        502: "InternalServerException",
        504: "ModelTimeoutException",
        503: "ServiceUnavailableException",
    },
}
"""The class a caller catches."""


def _google(code, status, **more):
    return {"error": {"code": code, "message": f"{status} of Gemini", "status": status, **more}}


def _openai(type_, code=None):
    return {"error": {"message": f"{type_} of OpenAI", "type": type_, "param": None, "code": code}}


def _anthropic(type_):
    return {"type": "error", "error": {"type": type_, "message": f"{type_} of Anthropic"}, "request_id": "req_1"}


_RETRY = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{WAIT}s"}]
DOCUMENTED = {
    "openai": [
        (429, _openai("tokens", "rate_limit_exceeded"), {"retry-after": f"{WAIT}"}),
        (500, _openai("server_error"), {}),
        (503, _openai("service_unavailable_error"), {"retry-after": f"{WAIT}"}),
        (401, _openai("invalid_request_error", "invalid_api_key"), {}),
    ],
    "openai_responses": [
        (429, _openai("requests", "rate_limit_exceeded"), {"retry-after-ms": f"{WAIT}000"}),
        (500, _openai("server_error"), {}),
        (404, _openai("invalid_request_error", "model_not_found"), {}),
    ],
    "anthropic": [
        (413, _anthropic("request_too_large"), {}),
        (429, _anthropic("rate_limit_error"), {"retry-after": f"{WAIT}"}),
        (500, _anthropic("api_error"), {}),
        (504, _anthropic("timeout_error"), {}),
        (529, _anthropic("overloaded_error"), {"retry-after": f"{WAIT}"}),
        (403, _anthropic("permission_error"), {}),
    ],
    "gemini": [
        (429, _google(429, "RESOURCE_EXHAUSTED", details=_RETRY), {}),
        (500, _google(500, "INTERNAL"), {}),
        (503, _google(503, "UNAVAILABLE"), {}),
        (504, _google(504, "DEADLINE_EXCEEDED"), {}),
        (403, _google(403, "PERMISSION_DENIED"), {}),
    ],
    "bedrock": [
        (408, {"message": "a timeout of Bedrock"}, {"x-amzn-errortype": "ModelTimeoutException"}),
        (424, {"message": "a model error of Bedrock"}, {"x-amzn-errortype": "ModelErrorException"}),
        (429, {"message": "a throttling of Bedrock"}, {"x-amzn-errortype": "ThrottlingException"}),
        (500, {"message": "an internal error of Bedrock"}, {"x-amzn-errortype": "InternalServerException"}),
        (503, {"message": "an outage of Bedrock"}, {"x-amzn-errortype": "ServiceUnavailableException"}),
        (403, {"message": "no access of Bedrock"}, {"x-amzn-errortype": "AccessDeniedException"}),
    ],
}
"""Statuses that nobody recorded, as the vendors document them."""


def _sse(body, event=None):
    return (f"event: {event}\n" if event else "").encode() + b"data: " + json.dumps(body).encode() + b"\n\n"


BROKEN = "Overloaded in the middle"
MID_STREAM = {
    "openai": _sse({"error": {"message": BROKEN, "type": "server_error", "param": None, "code": None}}),
    "openai_responses": _sse(
        {"type": "error", "sequence_number": 99, "code": "server_error", "message": BROKEN, "param": None}, "error"
    ),
    "anthropic": _sse({"type": "error", "error": {"type": "overloaded_error", "message": BROKEN}}, "error"),
    "gemini": _sse({"error": {"code": 503, "message": BROKEN, "status": "UNAVAILABLE"}}),
    "bedrock": aws_event("modelStreamErrorException", {"message": BROKEN}, "exception"),
}
"""An error behind the first words, as each provider documents it."""


@pytest.fixture(scope="module")
def stage():
    with Stage() as made:
        yield made


def asks(stage, own, dialect, script, streamed=False):
    """The response to a caller of `dialect` whose provider answers so. None where it cannot ask in `own`."""
    if own == "openai_responses" and dialect in ("openai", "openai_completions"):
        return None
    asked = ask(dialect, "text", PROVIDER[own], streamed)
    return stage.exchange(asked, lambda request: script)


def words(dialect, body):
    """The message, as a dialect spells it."""
    said = json.loads(body)
    return said["message"] if dialect == "bedrock" else said["error"]["message"]


def check(stage, own, dialect, script, message):
    """The caller's SDK raises its class for what became of the upstream's status, with the upstream's words."""
    response = asks(stage, own, dialect, script)
    if response is None:
        return
    ours = OURS.get(script.status, script.status)
    hidden = script.status in (401, 402, 403)
    status = ours if own == dialect and ours == script.status else WORDED.get(dialect, {}).get(ours, ours)
    if own == dialect and not hidden and response.status == script.status:
        status = script.status
        assert response.body == script.body, "an error of the same dialect passes untouched"
    assert response.status == status, response.body
    error = hear(dialect, response.body, status=response.status, headers=response.headers).error
    family = "openai" if dialect.startswith("openai") else dialect
    if status in CLASSES[family]:
        name = type(error).__name__
        named = error.response["Error"]["Code"] if dialect == "bedrock" else name
        assert named == CLASSES[family][status]
    told = words(dialect, response.body)
    assert told if hidden else message in told
    if dialect.startswith("openai"):
        said = json.loads(response.body)["error"]
        assert isinstance(said["type"], str) or own == dialect
        assert said.get("code") is None or isinstance(said["code"], str) or own == dialect
    waits = script.headers.get("retry-after") or script.headers.get("retry-after-ms") or b"retryDelay" in script.body
    assert (response.headers.get("retry-after") == f"{WAIT}") == bool(waits)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("recording", RECORDED, ids=lambda r: r.name)
def test_a_recorded_error_keeps_its_class_and_words(stage, dialect, recording):
    own = DIALECT[recording.endpoint]
    plain = straight(recording)
    assert plain.error is not None
    said = json.loads(recording.reply())
    said = said[0] if isinstance(said, list) else said
    inner = said.get("error") if isinstance(said.get("error"), dict) else said
    message = inner.get("message") or inner.get("detail") or inner.get("error")
    script = answered(recording)
    if "key not valid" in message or "Incorrect API key" in message:
        response = asks(stage, own, dialect, script)
        assert response is None or response.status in (500, 502, 400)
        return
    check(stage, own, dialect, script, message[:60])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("own", "status", "body", "headers"),
    [(own, *case) for own, cases in DOCUMENTED.items() for case in cases],
    ids=lambda value: str(value) if isinstance(value, str | int) else "",
)
def test_a_documented_error_keeps_its_class_words_and_waiting_time(stage, dialect, own, status, body, headers):
    data = json.dumps(body).encode()
    message = body.get("message") or body["error"]["message"]
    check(stage, own, dialect, Script(status, {"content-type": "application/json", **headers}, data), message)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("own", DOCUMENTED)
def test_an_upstream_that_shows_a_key_shows_it_to_nobody(stage, dialect, own):
    for status in (401, 403):
        body = {"message": f"The key {KEY} is wrong."}
        data = json.dumps(body if own == "bedrock" else {"error": {**body, "code": status, "type": "x"}}).encode()
        response = asks(stage, own, dialect, Script(status, {"content-type": "application/json"}, data))
        assert response is None or response.status in (500, 502)


@pytest.mark.parametrize("early", [True, False], ids=["before content", "behind content"])
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("own", MID_STREAM)
def test_an_error_inside_a_stream_is_raised_by_the_callers_sdk(stage, own, dialect, early):
    kind = "application/vnd.amazon.eventstream" if own == "bedrock" else "text/event-stream"
    words = STREAM[own]([("text", "Hello!")], "stop", 1)
    begun = b"" if early else _first_words(own, words)
    script = Script(200, {"content-type": kind}, begun + MID_STREAM[own])
    response = asks(stage, own, dialect, script, streamed=True)
    if response is None:
        return
    assert (response.status == 200) != early
    heard = hear(dialect, response.body, status=response.status, headers=response.headers, streamed=True)
    assert heard.error is not None
    assert BROKEN in str(heard.error)
    assert heard.finish is None


def _first_words(own, stream):
    """A stream up to its first words."""
    if own == "bedrock":
        size = 0
        for _ in range(2):
            size += int.from_bytes(stream[size : size + 4], "big")
        return stream[:size]
    events = stream.split(b"\n\n")
    cut = next(n for n, event in enumerate(events) if b"He" in event)
    return b"\n\n".join(events[: cut + 1]) + b"\n\n"
