"""Google's own SDK: against a served gateway, and reading recordings through a gateway as it reads them straight."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tollhouse.front import Front
from tollhouse.testing import Served, Upstream, gateway, run
from tollhouse.testing.corpus import Recording, recordings
from tollhouse_gemini import Gemini

genai = pytest.importorskip("google.genai")
errors, types = genai.errors, genai.types

CONFIG = """
plugins = ["gemini"]

[providers.simulator]
ttft = "off"
tokens_per_second = 0

[models]
echo = ["simulator/echo"]
thinker = ["simulator/thinker"]
tools = ["simulator/tools"]
embed = ["simulator/embed"]
busy = ["simulator/echo?status=429&retry_after=2"]
"""
PARSED = [
    recording
    for n, recording in enumerate(recordings("generateContent", "streamGenerateContent"))
    if recording.status == 200
    and recording.request()
    and b"$alt" not in recording.path().encode()
    and "%24alt" not in recording.path()
    and (recording.kind == "sse" or (recording.endpoint == "generateContent" and n % 5 == 0))
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The SDK as most people make it, pointed at a gateway in a process of its own."""
    folder: Path = tmp_path_factory.mktemp("served")
    with Served(folder, CONFIG) as gate:
        yield genai.Client(api_key="callers-own-key", http_options=types.HttpOptions(base_url=gate.url))
        assert "callers-own-key" not in gate.output


@pytest.mark.slow
def test_text_whole_and_streamed_with_usage(client: Any) -> None:
    reply = client.models.generate_content(model="echo", contents="hello wörld")
    assert reply.text == "hello wörld"
    assert reply.candidates[0].finish_reason == types.FinishReason.STOP
    assert (reply.usage_metadata.prompt_token_count, reply.usage_metadata.candidates_token_count) == (3, 2)
    *before, last = client.models.generate_content_stream(model="echo", contents="hello wörld")
    assert "".join(chunk.text for chunk in [*before, last]) == "hello wörld"
    assert last.usage_metadata == reply.usage_metadata
    assert last.candidates[0].finish_reason == types.FinishReason.STOP


@pytest.mark.slow
def test_a_limit_a_system_text_and_several_candidates(client: Any) -> None:
    config = types.GenerateContentConfig(max_output_tokens=1, candidate_count=2, system_instruction="be brief")
    reply = client.models.generate_content(model="echo", contents="one two three", config=config)
    assert [one.finish_reason for one in reply.candidates] == [types.FinishReason.MAX_TOKENS] * 2


@pytest.mark.slow
def test_thoughts_are_shown_apart(client: Any) -> None:
    thinking = types.ThinkingConfig(include_thoughts=True, thinking_budget=50)
    config = types.GenerateContentConfig(thinking_config=thinking)
    thought, text = client.models.generate_content(model="thinker", contents="why?", config=config).parts
    assert (thought.thought, text.thought) == (True, None)
    assert thought.text
    assert text.text


@pytest.mark.slow
def test_a_function_is_called_and_its_result_understood(client: Any) -> None:
    def weather(city: str) -> str:
        """Tells the weather of a city."""
        return f"sunny in {city}"

    chat = client.chats.create(model="tools", config=types.GenerateContentConfig(tools=[weather]))
    assert "sunny in " in chat.send_message("weather?").text
    assert [content.role for content in chat.get_history()] == ["user", "model", "user", "model"]


@pytest.mark.slow
def test_a_schema_is_held_to(client: Any) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    config = types.GenerateContentConfig(response_mime_type="application/json", response_json_schema=schema)
    reply = client.models.generate_content(model="echo", contents="give me json", config=config)
    assert isinstance(reply.parsed["n"], int)


@pytest.mark.slow
def test_embeddings_and_models(client: Any) -> None:
    vectors = client.models.embed_content(model="embed", contents=["a", "b"]).embeddings
    assert [len(vector.values) for vector in vectors] == [256, 256]
    assert next(iter(client.models.list())).name == "models/echo"
    assert client.models.get(model="echo").display_name == "echo"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "code", "status"),
    [
        (lambda models: models.generate_content(model="nobody", contents="x"), 404, "NOT_FOUND"),
        (lambda models: list(models.generate_content_stream(model="nobody", contents="x")), 404, "NOT_FOUND"),
        (lambda models: models.generate_content(model="busy", contents="x"), 429, "RESOURCE_EXHAUSTED"),
        (lambda models: list(models.generate_content_stream(model="busy", contents="x")), 429, "RESOURCE_EXHAUSTED"),
        (lambda models: models.count_tokens(model="echo", contents="x"), 400, "INVALID_ARGUMENT"),
    ],
)
def test_errors_are_googles(client: Any, call: Any, code: int, status: str) -> None:
    with pytest.raises(errors.ClientError) as caught:
        call(client.models)
    assert (caught.value.code, caught.value.status) == (code, status)
    assert caught.value.message


@pytest.mark.parametrize("recording", PARSED, ids=lambda recording: recording.name)
def test_the_sdk_reads_the_same_through_the_gateway_as_straight(recording: Recording) -> None:
    raw = recording.reply()
    stream = recording.kind == "sse"
    content_type = "text/event-stream" if stream else "application/json; charset=UTF-8"

    async def ask(transport: httpx.AsyncBaseTransport) -> list[Any]:
        options = types.HttpOptions(base_url="http://gateway", async_client_args={"transport": transport})
        models = genai.Client(api_key="k", http_options=options).aio.models
        if not stream:
            return [await models.generate_content(model="host/m", contents="x")]
        return [chunk async for chunk in await models.generate_content_stream(model="host/m", contents="x")]

    def plain(replies: list[Any]) -> list[Any]:
        return [reply.model_dump(exclude={"sdk_http_response"}) for reply in replies]

    async def scenario() -> None:
        def straight(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, headers={"content-type": content_type}, content=raw)

        expected = plain(await ask(httpx.MockTransport(straight)))
        async with Upstream() as up:
            config = f'[providers.host]\nkind = "gemini"\nbase_url = "{up.url}"\n'
            async with gateway(config, Gemini) as made:
                up.answer(raw, 200, {"content-type": content_type})
                assert plain(await ask(httpx.ASGITransport(Front(made)))) == expected
        assert expected

    run(scenario())
