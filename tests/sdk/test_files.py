"""The configuration that ships, a provider of one's own in one file, and what is printed and kept."""

import shutil
from pathlib import Path

import openai
import pytest
from house import HI, text
from tollhouse.store.opening import open_store
from tollhouse.testing import Served, run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

OWN = '''
from tollhouse import ProviderError, SimpleProvider, Usage


class MyProvider(SimpleProvider):
    """Counts to three, or says why not."""

    async def generate(self, request):
        said = request.body.messages[-1].parts[0].text
        if said == "fail":
            raise ProviderError("cannot count today", kind="overloaded", status=503, retry_after=3)
        for number in range(1, 4):
            yield f"{number} "
        yield Usage(input=1, output=3)
'''


def client_of(served):
    return openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0, timeout=30)


def test_the_shipped_configuration_is_served_and_answers(tmp_path):
    shutil.copy(ROOT / "gateway.toml", tmp_path)
    config = (tmp_path / "gateway.toml").read_text()
    with Served(tmp_path, config, {"HOME": str(tmp_path)}) as served, client_of(served) as client:
        assert [model.id for model in client.models.list().data] == ["demo"]
        answer = client.chat.completions.create(model="demo", messages=HI)
        assert "Tollhouse" in answer.choices[0].message.content
        parts = list(client.chat.completions.create(model="demo", messages=HI, stream=True, max_tokens=5))
        assert len(text(parts).split()) >= 3
        assert "curl http://127.0.0.1:" in served.output
        assert served.stop() == 0
    assert config == (ROOT / "gateway.toml").read_text()
    state = tmp_path / ".tollhouse"
    assert (state / "state.db").is_file()
    assert state.stat().st_mode & 0o077 == 0
    assert run(ledger(state / "state.db")) == {("completed",): 2}


async def ledger(file):
    """How many exchanges ended how, as the store that was left behind tells."""
    store = open_store(f"sqlite:{file}")
    try:
        return {total.by: total.requests for total in await store.sums(["outcome"], 0, 1e11)}
    finally:
        await store.close()


def test_a_provider_of_ones_own_needs_one_file_and_two_lines(tmp_path):
    (tmp_path / "my_provider.py").write_text(OWN)
    config = 'plugins = ["openai", "./my_provider.py"]\n[providers]\nmy_provider = {}\n'
    with Served(tmp_path, config) as served, client_of(served) as client:
        answer = client.chat.completions.create(model="my_provider/any", messages=HI)
        assert answer.choices[0].message.content == "1 2 3 "
        assert answer.usage.completion_tokens == 3
        parts = list(client.chat.completions.create(model="my_provider/any", messages=HI, stream=True))
        assert text(parts) == "1 2 3 "
        with pytest.raises(openai.InternalServerError, match="cannot count today") as raised:
            client.chat.completions.create(
                model="my_provider/any", messages=[{"role": "user", "content": "fail"}], stream=True
            )
        assert raised.value.status_code == 503
        assert raised.value.response.headers["retry-after"] == "3"


def test_a_provider_with_a_bug_is_a_500_that_shows_nothing_of_it(tmp_path):
    (tmp_path / "buggy.py").write_text(
        "from tollhouse import SimpleProvider\n\n\nclass Buggy(SimpleProvider):\n"
        "    async def generate(self, request):\n        yield str(1 / len([]))\n"
    )
    with Served(tmp_path, 'plugins = ["openai", "./buggy.py"]\n[providers.buggy]\n') as served:
        with client_of(served) as client, pytest.raises(openai.InternalServerError) as raised:
            client.chat.completions.create(model="buggy/x", messages=HI)
        assert (raised.value.status_code, raised.value.code) == (500, "internal_error")
        assert "division" not in raised.value.response.text
        assert served.stop() == 0


def test_the_retries_of_the_gateway_are_not_multiplied_by_those_of_the_sdk(tmp_path, up):
    (tmp_path / "again.py").write_text(
        "from tollhouse import Next, hookimpl\n\n\nclass Again:\n"
        "    def __init__(self, settings=None):\n        pass\n\n"
        "    @hookimpl\n    async def recover(self, exchange, attempt):\n"
        "        return Next(attempt.target) if len(exchange.attempts) < 2 else None\n"
    )
    config = (
        'plugins = ["openai", "./again.py"]\n[providers.up]\nkind = "openai"\n'
        f'base_url = "{up.url}/v1"\napi_key = "k"\n[models]\nm = ["up/x"]\n'
    )
    up.answer({"error": {"message": "busy"}}, 503, {"retry-after-ms": "10"})
    with Served(tmp_path, config) as served, client_of(served) as client:
        with pytest.raises(openai.InternalServerError) as raised:
            client.with_options(max_retries=2).chat.completions.create(model="m", messages=HI)
        assert raised.value.response.headers["x-should-retry"] == "false"
        assert raised.value.response.headers["x-tollhouse-attempts"] == "2"
    assert len(up.requests) == 2
