"""What a collector is sent: received over HTTP, decoded by OpenTelemetry's own protocol."""

import asyncio
import gzip
import logging
import subprocess
import sys

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from tollhouse import ConfigError, Principal, Race, Rejected, Target, hookimpl
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse.testing.upstream import Script, sse

CONFIG = """
plugins = ["openai", "tracing", "failover"]
[providers]
one = {{ kind = "openai", base_url = "{up}/v1", api_key = "sk-fake-canary-provider" }}
two = {{ kind = "openai", base_url = "{up}/v1", api_key = "sk-fake-canary-provider" }}
[models]
fast = ["one/gpt-x", "two/gpt-y"]
[tracing]
endpoint = "{collector}/v1/traces"
delay = "60s"
{more}
"""
SAMPLED = 1
SERVER, CLIENT, INTERNAL, ERROR = 2, 3, 1, 2
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "total_tokens": 15,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": "canary answer"}, "finish_reason": "stop"}
WHOLE = {"id": "c", "object": "chat.completion", "created": 1, "model": "x", "choices": [CHOICE], "usage": USAGE}
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def chunk(delta, finish=None, **more):
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "x", "choices": [choice], **more}


STREAM = sse(
    chunk({"role": "assistant", "content": "canary"}),
    chunk({"content": " answer"}, "stop"),
    {**chunk({}), "choices": [], "usage": USAGE},
)


def asks(**more):
    return {"model": "fast", "messages": [{"role": "user", "content": "a canary prompt"}], **more}


class Spans(list):
    """The spans a collector was sent, and the requests they came in."""

    def __init__(self, requests):
        self.requests, self.resources = requests, []
        for request in requests:
            assert request.headers["content-type"] == "application/x-protobuf"
            assert request.path == "/v1/traces"
            sent = ExportTraceServiceRequest()
            sent.ParseFromString(gzip.decompress(request.body))
            for resource in sent.resource_spans:
                self.resources.append(said(resource.resource))
                for scope in resource.scope_spans:
                    self.extend(scope.spans)
        super().sort(key=lambda span: span.start_time_unix_nano)

    def of(self, kind):
        return [span for span in self if span.kind == kind]

    @property
    def text(self):
        return repr(list(self)) + repr(self.resources)


def said(node):
    values = {}
    for one in node.attributes:
        kind = one.value.WhichOneof("value")
        value = getattr(one.value, kind)
        values[one.key] = [item.string_value for item in value.values] if kind == "array_value" else value
    return values


def sent_after(work, more="", *plugins, failover=True):
    """The spans of `work(gate, client, upstream)`; the gateway is closed by then."""

    async def whole():
        async with Upstream(Script()) as listening, Upstream() as up:
            config = CONFIG.format(up=up.url, collector=listening.url, more=more)
            config = config if failover else config.replace(', "failover"', "")
            async with gateway(config, *plugins) as gate:
                await work(gate, Client(gate), up)
            return Spans(listening.requests)

    return run(whole())


def test_a_request_is_a_server_span_and_its_attempt_a_client_span_below_it():
    upstream = {}

    async def work(gate, client, up):
        up.answer(WHOLE)
        headers = {"authorization": "Bearer sk-fake-canary-caller", "x-request-id": "mine"}
        assert (await client.post("/v1/chat/completions", asks(max_tokens=50), headers)).status == 200
        upstream.update(up.requests[0].headers)

    spans = sent_after(work, 'attributes = { "deployment.environment.name" = "test" }')
    (server,), (client,) = spans.of(SERVER), spans.of(CLIENT)
    assert server.name == "POST /v1/chat/completions"
    assert (client.name, client.parent_span_id, client.trace_id) == ("chat gpt-x", server.span_id, server.trace_id)
    assert server.parent_span_id == b""
    parent, _, flags = upstream["traceparent"].rpartition("-")
    assert parent == f"00-{client.trace_id.hex()}-{client.span_id.hex()}"
    assert int(flags, 16) & SAMPLED
    assert server.start_time_unix_nano <= client.start_time_unix_nano
    assert client.start_time_unix_nano < client.end_time_unix_nano <= server.end_time_unix_nano
    attributes = said(server)
    assert attributes["http.response.status_code"] == 200
    assert attributes["http.route"] == "/v1/chat/completions"
    assert attributes["tollhouse.outcome"] == "completed"
    assert attributes["tollhouse.request_id"] == "mine"
    genai = said(client)
    assert genai["gen_ai.operation.name"] == "chat"
    assert genai["gen_ai.provider.name"] == "openai"
    assert genai["gen_ai.request.model"] == "gpt-x"
    assert genai["gen_ai.request.max_tokens"] == 50
    assert genai["gen_ai.usage.input_tokens"] == 10
    assert genai["gen_ai.usage.output_tokens"] == 5
    assert genai["gen_ai.usage.cache_read.input_tokens"] == 4
    assert genai["gen_ai.usage.reasoning.output_tokens"] == 2
    assert "gen_ai.response.time_to_first_chunk" not in genai
    (resource,) = spans.resources
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("tollhouse", "test")
    assert "canary" not in spans.text


def test_a_callers_trace_goes_on_with_its_state():
    state = []

    async def work(gate, client, up):
        up.answer(WHOLE)
        headers = {"traceparent": PARENT, "tracestate": "vendor=opaque"}
        await client.post("/v1/chat/completions", asks(), headers)
        state.append(up.requests[0].headers["tracestate"])

    spans = sent_after(work)
    (server,), (client,) = spans.of(SERVER), spans.of(CLIENT)
    assert server.trace_id.hex() == client.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert server.parent_span_id.hex() == "b7ad6b7169203331"
    assert state == ["vendor=opaque"]


@pytest.mark.parametrize(
    "given", ["", "nonsense", "00-0-0-01", PARENT[:-1], "ff" + PARENT[2:], "00-" + "0" * 32 + PARENT[35:]]
)
def test_a_traceparent_that_is_none_begins_a_new_trace(given):
    async def work(gate, client, up):
        up.answer(WHOLE)
        answer = await client.post("/v1/chat/completions", asks(), {"traceparent": given})
        assert answer.status == 200

    (server,) = sent_after(work).of(SERVER)
    assert server.parent_span_id == b""
    assert server.trace_id.hex() != "0af7651916cd43dd8448eb211c80319c"


def test_who_does_not_join_begins_each_trace_and_who_does_not_propagate_says_nothing_upstream():
    headers = []

    async def work(gate, client, up):
        up.answer(WHOLE)
        await client.post("/v1/chat/completions", asks(), {"traceparent": PARENT})
        headers.append(up.requests[0].headers)

    (server,) = sent_after(work, "join = false\npropagate = false").of(SERVER)
    assert server.parent_span_id == b""
    assert "traceparent" not in headers[0]


def test_a_stream_tells_when_its_first_chunk_came():
    async def work(gate, client, up):
        up.answer(STREAM)
        assert (await client.post("/v1/chat/completions", asks(stream=True))).status == 200

    (client,) = sent_after(work).of(CLIENT)
    seconds = (client.end_time_unix_nano - client.start_time_unix_nano) / 1e9
    assert 0 < said(client)["gen_ai.response.time_to_first_chunk"] <= seconds
    assert said(client)["gen_ai.usage.output_tokens"] == 5


def test_a_failover_is_two_attempts_of_which_the_first_is_an_error():
    async def work(gate, client, up):
        up.answer({"error": {"message": "sk-fake-canary-echo", "code": "sk-fake-canary-code"}}, 503)
        up.answer(WHOLE)
        assert (await client.post("/v1/chat/completions", asks())).status == 200
        parents = [request.headers["traceparent"] for request in up.requests]
        assert len(set(parents)) == 2

    spans = sent_after(work, "[failover]\nretries = 0\n")
    (server,), (first, second) = spans.of(SERVER), spans.of(CLIENT)
    assert first.parent_span_id == second.parent_span_id == server.span_id
    assert (first.name, second.name) == ("chat gpt-x", "chat gpt-y")
    assert (first.status.code, second.status.code, server.status.code) == (ERROR, 0, 0)
    assert said(first)["error.type"] == "overloaded"
    assert said(first)["http.response.status_code"] == 503
    assert said(server)["tollhouse.attempts"] == 2
    assert "canary" not in spans.text


def test_both_of_a_race_are_spans_and_the_loser_is_no_error():
    class Races:
        name = "races"

        @hookimpl
        def race(self, exchange, attempt):
            return Race(0.01, Target("two", "gpt-y"))

    async def work(gate, client, up):
        up.then(lambda request: Script(200, {}, [60.0]))
        up.answer(WHOLE)
        assert (await client.post("/v1/chat/completions", asks())).status == 200
        assert len({request.headers["traceparent"] for request in up.requests}) == 2

    spans = sent_after(work, "", Races, failover=False)
    (server,), (lost, won) = spans.of(SERVER), spans.of(CLIENT)
    assert lost.parent_span_id == won.parent_span_id == server.span_id
    assert (said(lost)["tollhouse.attempt.state"], said(won)["tollhouse.attempt.state"]) == ("lost", "won")
    assert (lost.status.code, lost.name, won.name) == (0, "chat gpt-x", "chat gpt-y")


def test_a_request_that_fails_is_an_error_and_one_that_is_refused_is_not():
    async def work(gate, client, up):
        up.answer({"error": {"message": "no"}}, 500)
        assert (await client.post("/v1/chat/completions", asks(model="nobody"))).status == 404
        assert (await client.post("/v1/chat/completions", asks())).status >= 500

    refused, failed = sent_after(work).of(SERVER)
    assert (refused.status.code, failed.status.code) == (0, ERROR)
    assert said(refused)["error.type"] == "model_not_found"
    assert said(refused)["tollhouse.outcome"] == "rejected"


def test_who_is_turned_away_at_the_door_is_a_span_too():
    class Door:
        name = "door"

        @hookimpl
        async def authenticate(self, exchange):
            if exchange.headers.get("authorization"):
                return Principal(key="ci", user="canary-user", team="search")
            raise Rejected("sk-fake-canary", status=401, code="invalid_api_key")

    async def work(gate, client, up):
        up.answer(WHOLE)
        assert (await client.post("/v1/chat/completions", asks())).status == 401
        await client.post("/v1/chat/completions", asks(), {"authorization": "Bearer sk-fake-canary"})

    spans = sent_after(work, "", Door)
    away, known = spans.of(SERVER)
    assert said(away)["error.type"] == "invalid_api_key"
    assert (said(known)["tollhouse.key"], said(known)["tollhouse.team"]) == ("ci", "search")
    assert "canary" not in spans.text


def test_a_caller_who_leaves_ends_both_spans():
    async def work(gate, client, up):
        up.answer([sse(chunk({"content": "three"}), done=False), 20.0])
        async with client.stream("/v1/chat/completions", asks(stream=True)) as stream:
            async for _ in stream.chunks():
                break
            await stream.leave()

    spans = sent_after(work)
    (server,), (client,) = spans.of(SERVER), spans.of(CLIENT)
    assert (said(server)["tollhouse.outcome"], said(server)["http.response.status_code"]) == ("disconnected", 499)
    assert said(client)["tollhouse.usage_source"] == "estimate"
    assert client.end_time_unix_nano <= server.end_time_unix_nano


def test_content_is_recorded_when_asked_for_and_bounded():
    async def work(gate, client, up):
        up.answer(WHOLE)
        up.answer(STREAM)
        body = asks(
            messages=[{"role": "system", "content": "s" * 5000}, {"role": "user", "content": "a canary prompt"}]
        )
        await client.post("/v1/chat/completions", body)
        await client.post("/v1/chat/completions", asks(stream=True))

    spans = sent_after(work, 'content = true\ncontent_max = "1 KiB"')
    whole, streamed = spans.of(SERVER)
    asked = said(whole)["gen_ai.input.messages"]
    assert asked == (
        '[{"role":"system","parts":[{"type":"text","content":"' + "s" * 1024 + '"}]},'
        '{"role":"user","parts":[{"type":"text","content":"a canary prompt"}]}]'
    )
    for one in (whole, streamed):
        answered = said(one)["gen_ai.output.messages"]
        assert answered == '[{"role":"assistant","parts":[{"type":"text","content":"canary answer"}]}]'
    assert "sk-fake" not in spans.text


def test_hooks_are_spans_when_asked_for():
    class Slow:
        name = "slow"

        @hookimpl
        async def admit(self, exchange):
            await asyncio.sleep(0.01)

    async def work(gate, client, up):
        up.answer(WHOLE)
        await client.post("/v1/chat/completions", asks())

    spans = sent_after(work, "hooks = true", Slow)
    (server,) = spans.of(SERVER)
    hooks = {span.name: span for span in spans.of(INTERNAL)}
    assert hooks["admit slow"].parent_span_id == server.span_id
    assert hooks["admit slow"].end_time_unix_nano - hooks["admit slow"].start_time_unix_nano >= 9_000_000
    assert not any(name.endswith(" tracing") for name in hooks)


def test_a_share_of_the_traces_is_recorded_and_callers_decide_for_theirs():
    upstream = []

    async def work(gate, client, up):
        up.answer(WHOLE)
        await client.post("/v1/chat/completions", asks())
        await client.post("/v1/chat/completions", asks(), {"traceparent": PARENT})
        await client.post("/v1/chat/completions", asks(), {"traceparent": PARENT[:-1] + "0"})
        upstream.extend(int(request.headers["traceparent"][-2:], 16) & SAMPLED for request in up.requests)

    spans = sent_after(work, "ratio = 0")
    assert [span.trace_id.hex() for span in spans.of(SERVER)] == ["0af7651916cd43dd8448eb211c80319c"]
    assert upstream == [0, 1, 0]


def test_the_collector_is_sent_its_headers():
    async def work(gate, client, up):
        up.answer(WHOLE)
        await client.post("/v1/chat/completions", asks())

    spans = sent_after(work, 'headers_secret = { x-team = "sk-fake-canary-collector" }')
    assert spans.requests[0].headers["x-team"] == "sk-fake-canary-collector"
    assert "canary" not in spans.text


@pytest.mark.parametrize("status", [400, 302])
def test_a_collector_that_refuses_is_told_of_once_and_delays_nobody(caplog, status):
    async def work():
        async with Upstream(Script(status, {"location": "http://127.0.0.1:9/"})) as collector, Upstream() as up:
            up.answer(WHOLE)
            config = CONFIG.format(up=up.url, collector=collector.url, more="").replace('"60s"', '"10ms"')
            async with gateway(config) as gate:
                for _ in range(5):
                    assert (await Client(gate).post("/v1/chat/completions", asks())).status == 200
                    await asyncio.sleep(0.05)
            return len(collector.requests)

    with caplog.at_level(logging.INFO):
        assert run(work()) > 1
    said_of_it = [one for one in caplog.records if "collector" in one.getMessage() or "opentelemetry" in one.name]
    assert [one.getMessage() for one in said_of_it] == [
        f"spans cannot be sent and are lost until they can: the collector answered {status}"
    ]


def test_a_collector_that_is_away_or_hangs_does_not_hold_up_the_end():
    async def work(answer):
        async with Upstream(answer) as collector, Upstream() as up:
            up.answer(WHOLE)
            async with gateway(CONFIG.format(up=up.url, collector=collector.url, more="")) as gate:
                assert (await Client(gate).post("/v1/chat/completions", asks())).status == 200
                if answer is None:
                    await collector.__aexit__()
            return True

    assert run(work(Script(200, {}, [60.0])), seconds=25)
    assert run(work(None), seconds=25)


def test_a_collector_that_is_busy_is_asked_again():
    answers = [Script(503), Script(200)]

    async def work():
        async with Upstream(*answers) as collector, Upstream() as up:
            up.answer(WHOLE)
            config = CONFIG.format(up=up.url, collector=collector.url, more="").replace('"60s"', '"10ms"')
            async with gateway(config) as gate:
                await Client(gate).post("/v1/chat/completions", asks())
                while len(collector.requests) < 2:
                    await asyncio.sleep(0.01)
            first, second = collector.requests[:2]
            assert first.body == second.body

    run(work())


@pytest.mark.parametrize(
    "address", ["collector:4318", "ftp://collector/", "http://user:sk-fake@collector/", "http://c/?key=sk-fake"]
)
def test_an_endpoint_that_is_no_address_is_refused_without_being_repeated(address):
    async def work():
        async with gateway(f'plugins = ["openai", "tracing"]\n[tracing]\nendpoint = "{address}"\n'):
            pass

    with pytest.raises(ConfigError, match=r"tracing\.endpoint") as raised:
        run(work())
    assert "sk-fake" not in str(raised.value)


def test_a_plugin_that_is_not_started_imports_no_opentelemetry():
    code = "import sys, tollhouse_tracing; assert not any(name.startswith('opentelemetry') for name in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
