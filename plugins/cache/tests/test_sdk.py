"""The official SDKs of two dialects, streamed and not, at a served gateway: one call upstream answers all of them."""

import asyncio

import pytest
from tollhouse.testing import Served, Upstream, run, sse

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")

pytestmark = pytest.mark.slow

CONFIG = """
plugins = ["openai", "anthropic", "cache"]
server.engine = "{engine}"
[providers.up]
kind = "openai"
base_url = "{url}/v1"
api_key = "sk-fake-up"
[models]
m = ["up/gpt"]
"""
SYSTEM, HI = "Be short.", [{"role": "user", "content": "hi"}]
CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def reply(message, finish):
    usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {
        "id": "up-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt",
        "choices": [choice],
        "usage": usage,
    }


def with_upstream(tmp_path, body, blocking, engine="hypercorn"):
    """What `blocking(url of the gateway)` returns, and how often the upstream was asked."""

    def served(url):
        with Served(tmp_path, CONFIG.format(url=url, engine=engine)) as gate:
            return blocking(gate.url)

    async def whole():
        async with Upstream() as up:
            up.answer(body)
            return await asyncio.to_thread(served, up.url), len(up.requests)

    return run(whole(), seconds=60)


def clients(url):
    return openai.OpenAI(base_url=f"{url}/v1", api_key="none"), anthropic.Anthropic(base_url=url, api_key="none")


def test_text_is_asked_for_once_by_both_sdks_streamed_and_not(tmp_path):
    def ask(url):
        one, two = clients(url)
        chat = {"model": "m", "messages": [{"role": "system", "content": SYSTEM}, *HI], "max_completion_tokens": 20}
        first = one.chat.completions.create(**chat)
        streamed = list(one.chat.completions.create(**chat, stream=True, stream_options={"include_usage": True}))
        whole = two.messages.with_raw_response.create(model="m", system=SYSTEM, messages=HI, max_tokens=20)
        with two.messages.stream(model="m", system=SYSTEM, messages=HI, max_tokens=20) as stream:
            final = stream.get_final_message()
        message = whole.parse()
        response = one.responses.create(model="m", instructions=SYSTEM, input="hi", max_output_tokens=20, store=False)
        assert whole.headers["x-tollhouse-cache"] == "hit"
        assert (message.usage.input_tokens, message.usage.output_tokens) == (7, 3)
        assert (message.stop_reason, final.stop_reason, final.usage.output_tokens) == ("end_turn", "end_turn", 3)
        assert len({first.id, streamed[0].id, message.id, final.id}) == 4
        assert streamed[-1].usage.total_tokens == first.usage.total_tokens == 10
        said = "".join(chunk.choices[0].delta.content or "" for chunk in streamed if chunk.choices)
        return {first.choices[0].message.content, said, message.content[0].text, final.content[0].text} | {
            response.output_text
        }

    assert with_upstream(tmp_path, reply({"content": "Hello"}, "stop"), ask) == ({"Hello"}, 1)


def test_a_tool_call_is_asked_for_once_by_both_sdks_streamed_and_not(tmp_path):
    def ask(url):
        one, two = clients(url)
        function = {"name": "weather", "parameters": SCHEMA}
        chat = {"model": "m", "messages": HI, "max_completion_tokens": 20}
        chat["tools"] = [{"type": "function", "function": function}]
        message = {"model": "m", "messages": HI, "max_tokens": 20}
        message["tools"] = [{"name": "weather", "input_schema": SCHEMA}]
        first = one.chat.completions.create(**chat).choices[0].message.tool_calls[0]
        with one.chat.completions.stream(**chat) as stream:
            streamed = stream.get_final_completion().choices[0].message.tool_calls[0]
        with two.messages.stream(**message) as stream:
            final = stream.get_final_message().content[-1]
        whole = two.messages.create(**message).content[-1]
        assert first.function.arguments == streamed.function.arguments == '{"city": "Rome"}'
        assert first.id == streamed.id == "call_1"
        return whole.input, final.input

    body = reply({"content": None, "tool_calls": [CALL]}, "tool_calls")
    assert with_upstream(tmp_path, body, ask) == (({"city": "Rome"}, {"city": "Rome"}), 1)


def test_many_clients_at_once_make_one_call(tmp_path):
    async def all_at_once(url):
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:

            async def stream():
                chunks = await client.chat.completions.create(model="m", messages=HI, stream=True)
                return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])

            async def whole():
                return (await client.chat.completions.create(model="m", messages=HI)).choices[0].message.content

            return set(await asyncio.gather(*(stream() if n % 2 else whole() for n in range(40))))

    def ask(url):
        return asyncio.run(all_at_once(url))

    assert with_upstream(tmp_path, reply({"content": "Hello"}, "stop"), ask) == ({"Hello"}, 1)


@pytest.mark.parametrize("engine", ["hypercorn", "uvicorn"])
def test_a_client_who_leaves_a_shared_stream_takes_nothing_from_the_others(tmp_path, engine):
    pytest.importorskip(engine)

    async def one_leaves(url):
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none") as client:
            first = await client.chat.completions.create(model="m", messages=HI, stream=True)
            await anext(aiter(first))
            second = await client.chat.completions.create(model="m", messages=HI, stream=True)
            await first.close()
            return "".join([chunk.choices[0].delta.content or "" async for chunk in second])

    def chunk(delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt", "choices": [choice]}

    pieces = [sse(chunk({"content": f"{n} "}), done=False) for n in range(8)]
    paced = [part for piece in pieces for part in (piece, 0.15)]
    answer = [*paced, sse(chunk({}, "stop"))]
    read = with_upstream(tmp_path, answer, lambda url: asyncio.run(one_leaves(url)), engine)
    assert read == ("0 1 2 3 4 5 6 7 ", 1)
