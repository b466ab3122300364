"""What the SDK parses through the gateway is what it parses from the recording, however the bytes were cut."""

import msgspec
import openai
import pytest
from replay import ALL, SILENT, Stage, body_of, chunks_of, place, reply_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not ALL, reason="no recordings: TOLLHOUSE_RECORDINGS may name the folder of `corpus`"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),
]

GOOD = [r for r in ALL if r.status == 200]
STREAMS = [r for r in GOOD if r.kind != "json"]
WHOLE = [r for r in GOOD if r.kind == "json"]
ERRORS = [r for r in ALL if r.status != 200]


def sample():
    """Sixteen short streams: with more than ASCII, with tool calls, and others."""
    short = sorted((r for r in STREAMS if 500 < len(reply_of(r)) < 12_000), key=lambda r: len(reply_of(r)))
    wide = [r for r in short if not reply_of(r).isascii()][:6]
    calls = [r for r in short if "tool-call" in r.tags and r not in wide][:4]
    return [*wide, *calls, *(r for r in short if r not in wide and r not in calls)][:16]


def by_name(recording):
    return recording.name


@pytest.fixture(scope="module")
def stage():
    with Stage() as made:
        yield made
        assert not made.gateway.in_flight


def seen(heard, asked):
    """The chunks a caller gets: one of usage alone only when they asked for it."""
    return [chunk for chunk in heard.chunks if asked or chunk["choices"] or not chunk["usage"]]


def reported(recording):
    """The last usage object of a reply; None when it has none."""
    data = reply_of(recording)
    if recording.kind == "json":
        return msgspec.json.decode(data).get("usage") or None
    lines = [line[5:].strip() for line in data.splitlines() if line.startswith(b"data:")]
    bodies = [msgspec.json.decode(line) for line in lines if line.startswith(b"{")]
    used = [body["usage"] for body in bodies if body.get("usage")]
    return used[-1] if used else None


def check_usage(recording, attempt):
    """The attempt's usage is the recording's: the same object, and the same numbers in its buckets."""
    said = reported(recording)
    if said is None:
        assert attempt.usage is None or attempt.usage.source == "estimate"
        return
    usage = attempt.usage
    assert usage.source == "upstream"
    assert msgspec.json.decode(usage.raw) == said
    total = said["total_tokens"]
    assert usage.total_input == said.get("prompt_tokens", total)
    assert usage.total == total
    details = said.get("prompt_tokens_details") or {}
    # One host was recorded to report more tokens from its cache than the prompt had.
    cached = details.get("cached_tokens") or said.get("prompt_cache_hit_tokens") or 0
    assert (usage.cache_read or 0) == min(cached, usage.total_input)
    details = said.get("completion_tokens_details") or {}
    if "completion_tokens" in said:
        room = total - usage.total_input
        assert (usage.reasoning or 0) == min(details.get("reasoning_tokens") or 0, room)
    assert all(value >= 0 for value in usage.buckets().values())


def check_request(recording, request, body):
    """The upstream was asked what was recorded, at the recorded place, for its own model."""
    at = place(recording)
    expected = {**body, "model": at.model or body["model"]}
    if body.get("stream"):
        if at.kind in SILENT:
            expected.pop("stream_options", None)
        elif not (body.get("stream_options") or {}).get("include_usage"):
            expected["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
    assert request.json() == expected
    if recording.path():
        recorded, _, query = recording.path().partition("?")
        assert request.path.partition("?")[0] == recorded
        assert not query or at.kind != "azure" or request.path.partition("?")[2] == query
    secret = "api-key" if at.kind == "azure" else "authorization"
    assert request.headers[secret].endswith("sk-fake")


@pytest.mark.parametrize("recording", WHOLE, ids=by_name)
def test_a_whole_reply_is_what_was_recorded(stage, recording):
    body = body_of(recording)
    straight = stage.straight(recording, body)
    through = stage.through(recording, body, chunks_of(reply_of(recording), recording.name))
    assert straight.error is None
    [request] = stage.up.requests
    check_request(recording, request, body)
    [attempt] = stage.watches.attempts
    if error := msgspec.json.decode(reply_of(recording)).get("error"):
        # An error that was recorded with status 200 gets the status it should have had.
        assert through.failure == (openai.BadRequestError, error["status"], error)
        assert attempt.state == "failed"
        return
    assert through.error is None
    assert through.whole == straight.whole
    assert attempt.state == "won"
    check_usage(recording, attempt)
    assert stage.watches.outcomes == ["completed"]


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "unasked"])
@pytest.mark.parametrize("recording", STREAMS, ids=by_name)
def test_a_stream_is_what_was_recorded_wherever_it_is_cut(stage, recording, asked):
    body = body_of(recording, asked)
    straight = stage.straight(recording, body)
    through = stage.through(recording, body, chunks_of(reply_of(recording), recording.name))
    [request] = stage.up.requests
    check_request(recording, request, body)
    [attempt] = stage.watches.attempts
    if straight.error is None:
        assert through.error is None
        assert through.chunks == seen(straight, asked)
        assert attempt.state == "won"
        check_usage(recording, attempt)
        assert stage.watches.outcomes == ["completed"]
        return
    # An error inside the recorded stream: a real status before any content, else an error event behind it.
    assert through.error is not None
    assert through.error.body == straight.error.body
    said = [choice["delta"] for chunk in straight.chunks for choice in chunk["choices"]]
    if any(value for delta in said for name, value in delta.items() if name != "role"):
        assert type(through.error) is openai.APIError
        assert through.chunks == seen(straight, asked)
    else:
        assert isinstance(through.error, openai.APIStatusError)
        assert through.chunks == []
    assert attempt.state == "failed"
    assert stage.watches.outcomes == ["failed"]


@pytest.mark.parametrize("recording", sample(), ids=by_name)
def test_a_stream_cut_at_every_byte_is_what_was_recorded(stage, recording):
    body = body_of(recording, True)
    data = reply_of(recording)
    straight = stage.straight(recording, body)
    through = stage.through(recording, body, [data[at : at + 1] for at in range(len(data))])
    assert through.failure == straight.failure
    assert through.chunks == straight.chunks


@pytest.mark.parametrize("recording", ERRORS, ids=by_name)
def test_an_error_is_the_one_recorded_unless_it_is_about_our_key(stage, recording):
    body = body_of(recording)
    straight = stage.straight(recording, body)
    through = stage.through(recording, body, chunks_of(reply_of(recording), recording.name))
    assert straight.error is not None
    if recording.status in (401, 402, 403):
        assert type(through.error) is openai.InternalServerError
        assert through.error.status_code == 502
        assert through.error.response.headers["x-should-retry"] == "false"
        assert set(through.error.body) == {"message", "type", "param", "code"}
    else:
        assert through.failure == straight.failure
    [attempt] = stage.watches.attempts
    assert (attempt.state, attempt.status, attempt.usage) == ("failed", recording.status, None)
    assert stage.watches.outcomes == ["failed"]
