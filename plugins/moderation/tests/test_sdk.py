"""The official SDKs at a served gateway: masked on the way up, restored on the way down, refused in their own words."""

import asyncio
import threading

import pytest
from tollhouse.testing import Served, Upstream
from wires import config, stream

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")

pytestmark = pytest.mark.slow

RULES = '"secrets", "pii:mask", { check = "terms", terms = ["forbidden fruit"] }'
TEXT = "I am alice@example.com, card 4111 1111 1111 1111"


class Elsewhere:
    """An upstream on a thread of its own, since the SDKs' calls block."""

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.up = Upstream()
        asyncio.run_coroutine_threadsafe(self.up.__aenter__(), self._loop).result(10)
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self.up.__aexit__(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with Elsewhere() as other:
        text = config(other.up.url, RULES) + '\n[store]\nurl = "sqlite:state.db"\n'
        with Served(tmp_path_factory.mktemp("gate"), text) as gate:
            yield gate, other.up


def say(up, dialect, pieces):
    up._scripts.clear()
    up.requests.clear()
    up.answer(stream(dialect, pieces))


def test_openais_chat_and_responses(served):
    gate, up = served
    client = openai.OpenAI(base_url=f"{gate.url}/v1", api_key="x")
    say(up, "openai", ["To <EMA", "IL_1>: <CA", "RD_1>."])
    messages = [{"role": "user", "content": TEXT}]
    chunks = client.chat.completions.create(model="openai", messages=messages, stream=True)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == "To alice@example.com: 4111 1111 1111 1111."
    assert up.requests[0].json()["messages"][0]["content"] == "I am <EMAIL_1>, card <CARD_1>"
    say(up, "responses", ["To <EMA", "IL_1>."])
    with client.responses.stream(model="responses", input=TEXT) as events:
        for _ in events:
            pass
        assert events.get_final_response().output_text == "To alice@example.com."
    say(up, "openai", ["Well. ", "Forbidden ", "fruit."])
    with pytest.raises(openai.APIError, match="blocked by the rule `terms`"):
        list(client.chat.completions.create(model="openai", messages=messages, stream=True))
    blocked = [{"role": "user", "content": "forbidden fruit"}]
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="openai", messages=blocked)
    assert caught.value.code == "content_policy_violation"


def test_anthropics_messages(served):
    gate, up = served
    client = anthropic.Anthropic(base_url=gate.url, api_key="x")
    say(up, "anthropic", ["To <EMA", "IL_1>: <CA", "RD_1>."])
    asked = {"model": "anthropic", "max_tokens": 9, "messages": [{"role": "user", "content": TEXT}]}
    with client.messages.stream(**asked) as events:
        assert events.get_final_text() == "To alice@example.com: 4111 1111 1111 1111."
    say(up, "anthropic", ["Well. ", "Forbidden ", "fruit."])
    with (
        pytest.raises(anthropic.APIStatusError, match="blocked by the rule"),
        client.messages.stream(**asked) as events,
    ):
        events.get_final_text()


def test_geminis_generate_content(served):
    genai = pytest.importorskip("google.genai")
    gate, up = served
    client = genai.Client(api_key="x", http_options={"base_url": gate.url})
    say(up, "gemini", ["To <EMA", "IL_1>."])
    said = "".join(one.text or "" for one in client.models.generate_content_stream(model="gemini", contents=TEXT))
    assert said == "To alice@example.com."
    with pytest.raises(genai.errors.ClientError, match="blocked by the rule"):
        client.models.generate_content(model="gemini", contents="forbidden fruit")


def test_no_secret_and_no_address_is_in_what_the_gateway_printed_or_kept(served):
    gate, _ = served
    kept = b"".join(file.read_bytes() for file in gate.folder.rglob("*") if file.is_file() and file.suffix != ".toml")
    for word in (b"alice@example", b"4111 1111"):
        assert word not in gate.output.encode() + kept
