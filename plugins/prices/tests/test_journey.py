"""Calls through a gateway: what they cost, on every way, and what happens to those nobody prices."""

import subprocess
import sys

import pytest
from tollhouse import Target
from tollhouse.config import parse
from tollhouse.events import PriceMissing, RequestEnded
from tollhouse.testing import Client, Upstream, gateway, run, sse

CHAT = "/v1/chat/completions"
USAGE = {
    "prompt_tokens": 3000,
    "completion_tokens": 700,
    "total_tokens": 3700,
    "prompt_tokens_details": {"cached_tokens": 1024},
    "completion_tokens_details": {"reasoning_tokens": 600},
}
WORDS = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
DELTA = {"index": 0, "delta": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}
WHOLE = {
    **WORDS,
    "object": "chat.completion",
    "usage": USAGE,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
}
STREAMS = {
    "alone": sse(WORDS | {"choices": [DELTA]}, WORDS | {"choices": [], "usage": USAGE}),
    "beside the words": sse(WORDS | {"choices": [DELTA], "usage": USAGE}),
    "before a null": sse(WORDS | {"choices": [DELTA], "usage": USAGE}, WORDS | {"choices": [], "usage": None}),
}
COST = (3000 - 1024) * 2_500 + 1024 * 1_250 + 700 * 10_000
"""Nano-USD at the public prices of gpt-4o: 2.5, 1.25 and 10 USD per million tokens."""


def asks(model, stream=False):
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], "stream": stream}


def call(answer, *, stream=False, settings='[prices.lists]\nhost = "openai"\n', calls=1, model="host/gpt-4o"):
    """The last events, the ledger's sums and rows after some calls."""

    async def story():
        async with Upstream() as up:
            up.answer(answer)
            config = f'plugins = ["openai", "prices"]\n{settings}[providers]\nsimulator = {{ ttft = "off" }}\n'
            config += f'[providers.host]\nkind = "openai"\napi_key = "sk-fake"\nbase_url = "{up.url}/v1"\n'
            async with gateway(config) as made:
                for _ in range(calls):
                    assert (await Client(made).post(CHAT, asks(model, stream))).status == 200
                events = [event for _, event in made.feed.recent()]
                return events, await made.store.sums([], 0, 4e9), await made.store.rows(0, 4e9)

    return run(story())


@pytest.mark.parametrize("stream", [None, *STREAMS])
def test_a_call_costs_the_same_whole_and_streamed(stream):
    events, [total], [row] = call(STREAMS[stream] if stream else WHOLE, stream=bool(stream))
    [ended] = [event for event in events if isinstance(event, RequestEnded)]
    assert ended.cost == row.cost == total.cost == COST
    assert row.tokens == {"input": 1976, "cache_read": 1024, "output": 100, "reasoning": 600}
    assert (row.usage_source, total.unpriced) == ("upstream", 0)


def test_what_nobody_prices_is_booked_unpriced_and_said_once():
    events, [total], rows = call(WHOLE, settings="", calls=3)
    assert [event.target for event in events if isinstance(event, PriceMissing)] == ["host/gpt-4o"]
    assert (total.requests, total.unpriced, total.cost) == (3, 3, 0)
    assert [row.cost for row in rows] == [None] * 3


def test_a_new_configuration_says_it_again(clock):
    config = 'plugins = ["openai", "prices"]\n[providers]\nsimulator = { ttft = "off" }\n[store]\nurl = "memory:"\n'

    async def story():
        async with gateway(config) as made:
            for text in (config, config + '[prices.targets]\n"simulator/*" = { free = true }\n', config):
                await made.reload(parse(text, {}))
                await Client(made).post(CHAT, asks("simulator/echo"))
            costs = [event.cost for _, event in made.feed.recent() if isinstance(event, RequestEnded)]
            missing = [event for _, event in made.feed.recent() if isinstance(event, PriceMissing)]
            return costs, len(missing)

    assert run(story()) == ([None, 0, None], 2)


def test_a_free_target_costs_nothing_and_is_not_unpriced():
    settings = '[prices.targets]\n"simulator/*" = { free = true }\n'
    _, [total], [row] = call(WHOLE, settings=settings, model="simulator/echo")
    assert (row.cost, total.unpriced) == (0, 0)
    assert sum(row.tokens.values()) > 0


def test_a_fee_is_paid_for_each_attempt():
    _, [total], _ = call(WHOLE, settings='[prices.targets]\n"*" = { input = 0, output = 0, usd_per_request = 0.01 }\n')
    assert total.cost == 10_000_000


def test_names_that_callers_make_up_are_not_remembered_for_ever(monkeypatch):
    monkeypatch.setattr("tollhouse.edition._PRICED", 3)

    async def story():
        async with gateway('plugins = ["openai", "prices"]\n[providers]\nsimulator = {}\n') as made:
            for i in range(50):
                made.edition.rates(Target("simulator", f"made-up-{i}"))
            return len(made.edition._rates)

    assert run(story()) == 3


def test_the_price_lists_are_not_imported_before_a_gateway_starts():
    script = (
        "import sys, tollhouse_prices, tollhouse_prices.command, tollhouse_prices.pricing;"
        "tollhouse_prices.Prices(tollhouse_prices.PricesSettings());"
        "sys.exit('genai_prices' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
