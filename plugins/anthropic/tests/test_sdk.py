"""Anthropic's own SDK at a served gateway: what it parses is what was said, and errors have its classes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from replies import BODY, STREAM, sse_of
from tollhouse.testing import Served, Upstream

anthropic = pytest.importorskip("anthropic")

pytestmark = pytest.mark.slow

CONFIG = """
plugins = ["anthropic", "openai", "simulator"]
undeclared_models = true
[providers.simulator]
ttft = "off"
tokens_per_second = 0
[providers.claude]
kind = "anthropic"
base_url = "{url}"
api_key = "sk-ant-key"
[providers.gpt]
kind = "openai"
base_url = "{url}/v1"
api_key = "sk-key"
[models]
echo = ["simulator/echo"]
thinker = ["simulator/thinker"]
tools = ["simulator/tools"]
claude = ["claude/m"]
gpt = ["gpt/m"]
"""
HI = [{"role": "user", "content": "hi there"}]
TOOLS = [
    {
        "name": "weather",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]


class Elsewhere:
    """An upstream on a thread of its own, since the SDK's calls block."""

    def __enter__(self) -> Elsewhere:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.up = Upstream()
        asyncio.run_coroutine_threadsafe(self.up.__aenter__(), self._loop).result(10)
        return self

    def say(self, body: Any) -> None:
        """Answer whatever is asked next with this."""
        self.up._scripts.clear()
        self.up.answer(body)

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.up.__aexit__(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as upstream:
        yield upstream


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory, elsewhere: Elsewhere) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("gate")
    with Served(folder, CONFIG.format(url=elsewhere.up.url)) as served:
        yield served


@pytest.fixture
def client(gate: Served) -> Iterator[Any]:
    with anthropic.Anthropic(base_url=gate.url, api_key="sk-callers-own", max_retries=0, timeout=30) as made:
        yield made


def test_a_message_is_created(client: Any) -> None:
    said = client.messages.create(model="echo", max_tokens=100, messages=HI)
    assert said.content[0].text == "hi there"
    assert (said.stop_reason, said.role) == ("end_turn", "assistant")
    assert said.usage.input_tokens > 0
    assert said.usage.output_tokens > 0
    assert said._request_id.startswith("req_")


def test_a_message_is_streamed(client: Any) -> None:
    with client.messages.stream(model="thinker", max_tokens=500, messages=HI) as stream:
        text = "".join(stream.text_stream)
        said = stream.get_final_message()
    assert [block.type for block in said.content] == ["thinking", "text"]
    assert said.content[1].text == text
    assert said.stop_reason == "end_turn"
    assert said.usage.output_tokens > 0


@pytest.mark.parametrize("stream", [True, False])
def test_a_tool_is_called_and_answered(client: Any, stream: bool) -> None:
    ask: dict[str, Any] = {"model": "tools", "max_tokens": 500, "tools": TOOLS, "tool_choice": {"type": "any"}}
    if stream:
        with client.messages.stream(messages=HI, **ask) as events:
            said = events.get_final_message()
    else:
        said = client.messages.create(messages=HI, **ask)
    assert said.stop_reason == "tool_use"
    [call] = [block for block in said.content if block.type == "tool_use"]
    assert call.name == "weather"
    assert isinstance(call.input["city"], str)
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}
    turns = [*HI, {"role": "assistant", "content": said.content}, {"role": "user", "content": [result]}]
    again = client.messages.create(messages=turns, **{**ask, "tool_choice": {"type": "auto"}})
    assert again.stop_reason == "end_turn"


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequestError"),
        (404, "NotFoundError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
        (503, "OverloadedError"),
        (529, "OverloadedError"),
    ],
)
def test_an_upstreams_error_has_the_sdks_class(client: Any, status: int, name: str) -> None:
    text = f"hi [[fault: status={status}]]"
    with pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(model="echo", max_tokens=9, messages=[{"role": "user", "content": text}])
    assert type(caught.value).__name__ == name
    assert caught.value.request_id.startswith("req_")
    assert caught.value.api_message


def test_an_unknown_model_and_a_missing_field_are_told_apart(client: Any) -> None:
    with pytest.raises(anthropic.NotFoundError) as missing:
        client.messages.create(model="nope", max_tokens=9, messages=HI)
    assert missing.value.error_code == "model_not_found"
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        client.post("/v1/messages", cast_to=object, body={"model": "echo", "messages": HI})


def test_a_stream_that_breaks_raises(client: Any) -> None:
    text = "one two three four five six [[fault: error_after=3 status=529]]"
    with (
        pytest.raises(anthropic.APIStatusError),
        client.messages.stream(model="echo", max_tokens=99, messages=[{"role": "user", "content": text}]) as stream,
    ):
        stream.until_done()


def test_models_are_listed(client: Any) -> None:
    listed = client.models.list()
    assert [model.id for model in listed.data] == ["echo", "thinker", "tools", "claude", "gpt"]
    assert client.models.retrieve("echo").display_name == "echo"


def test_what_an_upstream_of_anthropics_says_arrives_whole(client: Any, elsewhere: Elsewhere) -> None:
    elsewhere.say(BODY)
    said = client.messages.create(model="claude", max_tokens=9, messages=HI)
    assert said.to_dict() == BODY
    elsewhere.say(STREAM)
    with client.messages.stream(model="claude", max_tokens=9, messages=HI) as stream:
        blocks = stream.get_final_message().content
    assert [block.type for block in blocks] == ["thinking", "text", "tool_use", "tool_use"]
    assert (blocks[0].signature, blocks[2].input, blocks[3].input) == ("sig", {"a": 1}, {})
    elsewhere.say({"input_tokens": 19})
    assert client.messages.count_tokens(model="claude", messages=HI).input_tokens == 19


def test_the_beta_namespace_goes_up_with_its_query_and_header(client: Any, elsewhere: Elsewhere) -> None:
    elsewhere.say(BODY)
    query = {"beta": "true"}
    client.beta.messages.create(model="claude", max_tokens=9, messages=HI, betas=["b-2026"], extra_query=query)
    sent = elsewhere.up.requests[-1]
    assert sent.path == "/v1/messages?beta=true"
    assert sent.headers["anthropic-beta"] == "b-2026"
    assert "sk-callers-own" not in str(sent.headers)


def test_mixed_calls_of_an_upstream_of_openais_are_blocks_in_their_order(client: Any, elsewhere: Elsewhere) -> None:
    calls = [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":'}},
        {"index": 0, "function": {"arguments": '"Rome"}'}},
        {"index": 1, "id": "c2", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}},
    ]
    elsewhere.say(sse_of(*({"tool_calls": [call]} for call in calls), reason="tool_calls"))
    with client.messages.stream(model="gpt", max_tokens=9, messages=HI, tools=TOOLS) as stream:
        said = stream.get_final_message()
    assert [block.input for block in said.content] == [{"city": "Rome"}, {"city": "Oslo"}]
    assert said.stop_reason == "tool_use"


def test_calls_that_an_upstream_of_openais_tells_by_turns_are_blocks_all_the_same(
    client: Any, elsewhere: Elsewhere
) -> None:
    calls = [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": ""}},
        {"index": 1, "id": "c2", "type": "function", "function": {"name": "weather", "arguments": '{"city":'}},
        {"index": 0, "function": {"arguments": '{"city":"Rome"'}},
        {"index": 1, "function": {"arguments": '"Oslo"}'}},
        {"index": 0, "function": {"arguments": "}"}},
    ]
    elsewhere.say(sse_of(*({"tool_calls": [call]} for call in calls), reason="tool_calls"))
    with client.messages.stream(model="gpt", max_tokens=9, messages=HI, tools=TOOLS) as stream:
        said = stream.get_final_message()
    assert [block.input for block in said.content] == [{"city": "Rome"}, {"city": "Oslo"}]


def test_a_batch_passes_through(client: Any, elsewhere: Elsewhere) -> None:
    elsewhere.say({"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended"})
    assert client.messages.batches.retrieve("msgbatch_1").id == "msgbatch_1"
    assert elsewhere.up.requests[-1].path == "/v1/messages/batches/msgbatch_1"
