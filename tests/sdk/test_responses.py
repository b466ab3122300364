"""`client.responses` and `client.completions` of the official SDK, against upstreams of every dialect as recorded."""

import json

import httpx2
import openai
import pytest
from house import KEY, House
from tollhouse.testing.corpus import recordings

pytestmark = pytest.mark.slow

CONFIG = """
plugins = ["openai", "./witness.py"]
undeclared_models = true

[providers.up]
kind = "openai"
base_url = "{url}/v1"
api_key = "{key}"

[providers.chat]
kind = "groq"
base_url = "{url}/v1"
api_key = "{key}"

[providers.anthropic]
base_url = "{url}"
api_key = "{key}"

[providers.gemini]
base_url = "{url}"
api_key = "{key}"

[providers.simulator]
ttft = "off"
tokens_per_second = 0

[models]
native = ["up/gpt-real"]
chat = ["chat/gpt-real"]
claude = ["anthropic/claude-real"]
gemini = ["gemini/gemini-real"]
tools = ["simulator/tools"]
thinker = ["simulator/thinker"]
echo = ["simulator/echo"]
"""
WEATHER = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


def said(endpoint, kind, providers, count, tag=""):
    """Some good recordings of an endpoint, short ones first."""
    found = [
        r
        for r in recordings(endpoint, kinds=(kind,))
        if r.status == 200 and r.provider in providers and (not tag or tag in r.tags)
    ]
    return sorted(found, key=lambda r: len(r.reply()))[:count]


WHOLE = said("responses", "json", ("openai", "azure", "xai"), 40)
STREAMS = [r for r in said("responses", "sse", ("openai", "xai"), 40) if b"response.completed" in r.reply()]
CLAUDE = said("messages", "json", ("anthropic",), 30)
CLAUDE_STREAMS = said("messages", "sse", ("anthropic",), 20)
GEMINI = said("generateContent", "json", ("gemini",), 20)
CHATS = said("chat_completions", "json", ("openai", "groq"), 20)
CHAT_STREAMS = said("chat_completions", "sse", ("openai", "groq"), 20)


def each(found):
    return pytest.mark.parametrize(
        "recording",
        found or [pytest.param(None, marks=pytest.mark.skip("no recordings"))],
        ids=lambda r: r.name if r else "none",
    )


@pytest.fixture(scope="module")
def house(tmp_path_factory, elsewhere):
    with House(tmp_path_factory.mktemp("responses"), elsewhere.url, CONFIG) as served:
        yield served


@pytest.fixture
def client(house, up):
    with openai.OpenAI(base_url=f"{house.url}/v1", api_key="sk-callers-own", max_retries=0, timeout=30) as made:
        yield made


def straight(recording):
    """The SDK before the recording itself."""
    kind = "application/json" if recording.kind == "json" else "text/event-stream"
    answer = httpx2.Response(200, headers={"content-type": kind}, content=recording.reply())
    http = httpx2.Client(transport=httpx2.MockTransport(lambda request: answer))
    return openai.OpenAI(base_url="http://there/v1", api_key="k", max_retries=0, http_client=http)


def told(response):
    """Text, calls with their arguments, and thoughts of a parsed response."""
    calls = [
        (item.name, json.loads(item.arguments or "{}")) for item in response.output if item.type == "function_call"
    ]
    return response.output_text, calls


@each(WHOLE)
def test_a_whole_response_is_parsed_as_without_a_gateway(client, up, recording):
    up.answer(json.loads(recording.reply()))
    with straight(recording) as direct:
        plain = direct.responses.create(model="m", input="hi")
    assert client.responses.create(model="native", input="hi").model_dump() == plain.model_dump()


@each(STREAMS)
def test_a_streamed_response_is_parsed_as_without_a_gateway(client, up, recording):
    up.answer(recording.reply(), headers={"content-type": "text/event-stream"})
    with straight(recording) as direct:
        plain = [event.model_dump() for event in direct.responses.create(model="m", input="hi", stream=True)]
    seen = [event.model_dump() for event in client.responses.create(model="native", input="hi", stream=True)]
    assert seen == plain


@each(CLAUDE)
def test_a_claude_answers_a_caller_of_responses(client, up, recording):
    body = json.loads(recording.reply())
    up.answer(body)
    response = client.responses.create(model="claude", input="hi", tools=[WEATHER])
    text, calls = told(response)
    assert text == "".join(block["text"] for block in body["content"] if block["type"] == "text")
    assert calls == [(block["name"], block["input"]) for block in body["content"] if block["type"] == "tool_use"]
    assert response.status == (
        "incomplete" if body["stop_reason"] in ("max_tokens", "refusal", "pause_turn") else "completed"
    )
    usage = body["usage"]
    cached = (usage.get("cache_read_input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0)
    assert response.usage.input_tokens == usage["input_tokens"] + cached
    assert response.usage.output_tokens == usage["output_tokens"]
    assert up.requests[-1].path.startswith("/v1/messages")


@each(CLAUDE_STREAMS)
def test_a_stream_of_a_claude_is_followed_by_the_sdks_own_accumulation(client, up, recording):
    up.answer(recording.reply(), headers={"content-type": "text/event-stream"})
    with client.responses.stream(model="claude", input="hi", tools=[WEATHER]) as stream:
        events = list(stream)
    deltas = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    last = events[-1]
    assert last.type in ("response.completed", "response.incomplete")
    assert deltas == last.response.output_text
    assert last.response.usage.output_tokens > 0
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(numbers)


@each(GEMINI)
def test_a_gemini_answers_a_caller_of_responses(client, up, recording):
    body = json.loads(recording.reply())
    up.answer(body)
    response = client.responses.create(model="gemini", input="hi")
    parts = (body.get("candidates") or [{}])[0].get("content", {}).get("parts") or []
    text, calls = told(response)
    assert text == "".join(part.get("text", "") for part in parts if not part.get("thought"))
    assert [name for name, _ in calls] == [part["functionCall"]["name"] for part in parts if "functionCall" in part]
    asked = body["usageMetadata"].get("promptTokenCount") or 0
    assert response.usage.input_tokens >= asked


@each(CHATS)
def test_a_chat_completion_answers_a_caller_of_responses(client, up, recording):
    body = json.loads(recording.reply())
    up.answer(body)
    response = client.responses.create(model="chat", input="hi")
    message = body["choices"][0]["message"]
    text, calls = told(response)
    assert text == (message.get("content") or "")
    wanted = [call["function"] for call in message.get("tool_calls") or []]
    assert [name for name, _ in calls] == [call["name"] for call in wanted]
    assert response.usage.total_tokens == body["usage"]["total_tokens"]


@each(CHAT_STREAMS)
def test_a_stream_of_a_chat_completion_is_followed_by_the_sdks_own_accumulation(client, up, recording):
    up.answer(recording.reply(), headers={"content-type": "text/event-stream"})
    with client.responses.stream(model="chat", input="hi") as stream:
        events = list(stream)
    assert events[-1].type in ("response.completed", "response.incomplete")
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == events[-1].response.output_text


def test_a_tool_is_called_and_its_answer_taken_over_two_turns(client):
    first = client.responses.create(model="tools", input="weather in Rome?", tools=[WEATHER])
    [call] = [item for item in first.output if item.type == "function_call"]
    assert "city" in json.loads(call.arguments)
    again = [
        {"role": "user", "content": "weather in Rome?"},
        *[item.model_dump(exclude_none=True) for item in first.output],
        {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"},
    ]
    second = client.responses.create(model="tools", input=again, tools=[WEATHER])
    assert "sunny" in second.output_text
    assert second.status == "completed"


def test_thoughts_are_summaries_and_stream_as_such(client):
    with client.responses.stream(model="thinker", input="why?") as stream:
        events = list(stream)
    thoughts = "".join(e.delta for e in events if e.type == "response.reasoning_summary_text.delta")
    [item] = [item for item in events[-1].response.output if item.type == "reasoning"]
    assert thoughts
    assert item.summary[0].text == thoughts


def test_what_the_gateway_did_not_keep_cannot_be_asked_for(client):
    response = client.responses.create(model="echo", input="hi")
    with pytest.raises(openai.NotFoundError) as raised:
        client.responses.retrieve(response.id)
    assert raised.value.code == "not_found"
    with pytest.raises(openai.NotFoundError) as raised:
        client.responses.create(model="echo", input="hi", previous_response_id=response.id)
    assert raised.value.code == "previous_response_id_not_found"


def test_what_an_upstream_keeps_is_retrieved_cancelled_and_deleted(client, up):
    body = json.loads(WHOLE[0].reply()) if WHOLE else {"id": "resp_1", "object": "response", "output": []}
    up.answer(body)
    response = client.responses.create(model="native", input="hi")
    assert client.responses.retrieve(response.id).id == response.id
    assert up.requests[-1].headers["authorization"] == f"Bearer {KEY}"
    assert client.responses.cancel(response.id).id == response.id
    client.responses.delete(response.id)
    assert [r.method for r in up.requests] == ["POST", "GET", "POST", "DELETE"]


def test_an_error_in_a_stream_is_raised(client, up):
    up.answer(STREAMS[0].reply()[:-300] if STREAMS else b"data: {}\n\n", headers={"content-type": "text/event-stream"})
    with pytest.raises(openai.APIError):
        list(client.responses.create(model="native", input="hi", stream=True))


def test_a_plain_completion_is_answered_by_any_model(client):
    whole = client.completions.create(model="echo", prompt="say this")
    assert (whole.object, whole.choices[0].text) == ("text_completion", "say this")
    stream = client.completions.create(
        model="echo", prompt=["say this"], stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(choice.text for chunk in chunks for choice in chunk.choices) == "say this"
    assert chunks[-1].usage.total_tokens > 0
