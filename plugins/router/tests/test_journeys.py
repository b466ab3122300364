"""Whole journeys: through the front, to upstreams, and what operators see of it."""

import asyncio
from collections import Counter
from decimal import Decimal

import msgspec
from routing_kit import CHAT, Known, Priced, body, config, house, router
from tollhouse import Rates, Reply, hookimpl
from tollhouse.config import parse
from tollhouse.events import RequestEnded
from tollhouse.testing import Client, gateway, run
from tollhouse.testing.jumping import run_jumping
from tollhouse.testing.upstream import Upstream, sse

ANSWER = {
    "id": "c1", "object": "chat.completion", "created": 1, "model": "x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
}  # fmt: skip
CHUNK = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "x"}
STREAM = sse(
    {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {"content": " you"}, "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    {**CHUNK, "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}},
)


RATES = {
    usd: Rates({"input": Decimal(usd), "output": Decimal(usd)}, source="test", max_output=1024)
    for usd in (1, 2, 3, 1000)
}


def limits(left):
    return {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": left}


def jumping(text, tell, *plugins, **more):
    """Runs `tell(house, client, ended)` on a gateway whose time jumps; `ended` gathers its last events."""

    async def whole():
        async with house(text, *plugins, **more) as made:
            ended = []
            made.feed.listen(lambda event: ended.append(event) if isinstance(event, RequestEnded) else None)
            return await tell(made, Client(made), ended)

    return run_jumping(whole())


def notes(event):
    return [words for who, words in event.notes if who == "router"]


def test_turns_go_round_and_the_reasons_are_there_to_be_read():
    async def tell(made, client, ended):
        answers = [await client.post(CHAT, body()) for _ in range(6)]
        assert [answer.status for answer in answers] == [200] * 6
        assert made.world.asked == ["a/x", "b/x", "c/x"] * 2
        assert [answer.headers["x-tollhouse-target"] for answer in answers] == made.world.asked
        assert notes(ended[1]) == ["round_robin: it is the turn of b/x"]
        assert ended[1].labels["router"] == "round_robin"
        assert "x-tollhouse-route" not in answers[0].headers
        assert all(one.in_flight == 0 for one in router(made)._state.targets.values())

    jumping(config(more='[router]\nstrategy = "round_robin"'), tell)


class Answers:
    """Answers every second request itself, as a cache does."""

    name = "answers"
    count = 0

    @hookimpl
    async def answer(self, exchange):
        self.count += 1
        if self.count % 2:
            return None
        return Reply(body=msgspec.json.encode(ANSWER), dialect="openai", headers={"content-type": "application/json"})


def test_what_is_answered_without_an_upstream_takes_no_turn():
    async def tell(made, client, ended):
        assert [(await client.post(CHAT, body())).status for _ in range(6)] == [200] * 6
        assert made.world.asked == ["a/x", "b/x", "c/x"]

    jumping(config(more='[router]\nstrategy = "round_robin"'), tell, Answers())


def test_the_header_says_why_when_it_is_asked_for():
    async def tell(made, client, ended):
        answer = await client.post(CHAT, body(stream=True))
        assert answer.headers["x-tollhouse-route"] == "rule: str?ms; ordered: as configured; prefer c/*"
        assert "x-tollhouse-route" not in (await client.post(CHAT, body())).headers

    rule = '{ name = "str\u00e9ms", when = { stream = true }, then = { prefer = ["c/*"] } }'
    more = f"[router]\nheader = true\nrules = [{rule}]"
    jumping(config(more=more), tell)


def test_those_who_come_together_are_spread_over_the_least_busy():
    async def tell(made, client, ended):
        made.world.first = {"a/x": 1.0, "b/x": 1.0, "c/x": 1.0}
        await asyncio.gather(*(client.post(CHAT, body()) for _ in range(30)))
        assert made.world.counts == {"a/x": 10, "b/x": 10, "c/x": 10}

    jumping(config(more='[router]\nstrategy = "least_busy"'), tell)


def test_traffic_leaves_a_slow_target_and_comes_back_to_it():
    async def tell(made, client, ended):
        world = made.world
        world.first = {"a/x": 0.1, "b/x": 0.1, "c/x": 0.1}

        async def some(count):
            world.asked.clear()
            for _ in range(count):
                await client.post(CHAT, body(stream=True))
            return world.counts

        calm = await some(90)
        assert min(calm.values()) >= 15
        world.first["b/x"] = 5.0
        slow = await some(60)
        assert slow["b/x"] <= 3
        world.first["b/x"] = 0.1
        await asyncio.sleep(60)
        assert (await some(60))["b/x"] >= 10

    jumping(config(more='[router]\nstrategy = "lowest_latency"'), tell)


def test_the_pace_of_streams_is_measured():
    async def tell(made, client, ended):
        made.world.first, made.world.each = {"a/x": 0.5, "b/x": 0.5}, {"a/x": 0.25, "b/x": 0.5}
        for _ in range(4):
            await client.post(CHAT, body(stream=True))
        a, b = (router(made)._state.targets[name] for name in ("a/x", "b/x"))
        assert abs(a.first.value - 0.5) < 1e-6
        assert abs(a.each.value - 0.25) < 1e-6
        assert abs(b.each.value - 0.5) < 1e-6
        assert a.whole.value is None

    jumping(config('m = { targets = ["a/x", "b/x"], router = "lowest_latency" }'), tell)


def test_failover_goes_on_in_the_routers_order():
    async def tell(made, client, ended):
        made.world.fails["c/x"] = {"kind": "server", "status": 500}
        answer = await client.post(CHAT, body())
        assert answer.status == 200
        assert made.world.asked == ["c/x", "b/x"]
        assert all(one.in_flight == 0 for one in router(made)._state.targets.values())

    text = config(more='[router]\nstrategy = "cheapest"', plugins=', "failover"')
    jumping(text, tell, Priced(a=RATES[3], b=RATES[2], c=RATES[1]))


def test_a_caller_who_leaves_is_no_longer_in_flight():
    async def tell(made, client, ended):
        made.world.first = {"a/x": 60.0}
        async with client.stream(CHAT, body(stream=True)) as stream:
            while not made.world.asked:
                await asyncio.sleep(0.01)
            assert router(made)._state.targets["a/x"].in_flight == 1
            await stream.leave()
        assert router(made)._state.targets["a/x"].in_flight == 0

    jumping(config('m = { targets = ["a/x"], router = "least_busy" }'), tell)


def test_a_caller_short_of_budget_is_sent_elsewhere():
    more = """
[router]
rules = [{ name = "poor", when = { budget_left = "<75%" }, then = { targets = ["c/x"] } }]
[defaults]
budget = "0.05 USD/day"
"""

    async def tell(made, client, ended):
        for _ in range(5):
            await client.post(CHAT, body(max_tokens=8), headers={"x-who": "ann"})
        # Each answer of a costs a fifth of the budget; what the third had left is known to the fourth.
        assert made.world.asked == ["a/x", "a/x", "a/x", "c/x", "c/x"]
        assert ended[-1].labels["router"] == "poor"
        await client.post(CHAT, body(max_tokens=8), headers={"x-who": "bob"})
        assert made.world.asked[-1] == "a/x"

    jumping(config(more=more, plugins=', "budget"'), tell, Priced(a=RATES[1000], b=RATES[1000], c=RATES[1]), Known())


def test_what_is_known_survives_a_reload(tmp_path):
    text = config(more='[router]\nstrategy = "round_robin"\n[store]\nurl = "memory:"')

    async def tell(made, client, ended):
        await client.post(CHAT, body())
        await made.reload(parse(text, {}, path=tmp_path / "gateway.toml"))
        await client.post(CHAT, body())
        assert made.edition.number == 2
        assert made.world.asked == ["a/x", "b/x"]

    jumping(text, tell)


def test_viewers_see_how_every_target_stands():
    more = '[router]\nrules = [{ name = "long", when = { input_tokens = ">9k" }, then = { prefer = ["c/*"] } }]'
    models = """
m = { targets = [{ target = "a/x", weight = 2 }, "b/x"], router = "quota_aware" }
n = { targets = ["b/x"], router = { strategy = "canary", to = "c/x", percent = 5 } }
"""

    async def tell(made, client, ended):
        made.world.first = {"a/x": 0.5}
        made.world.headers["a/x"] = limits("80")
        await client.post(CHAT, body(stream=True))
        answer = await client.get("/admin/v1/routes")
        m, n = answer.json()["routes"]
        assert (m["model"], m["strategy"], m["rules"]) == ("m", "quota_aware", ["long"])
        assert (n["strategy"], n["to"], n["percent"]) == ("canary", "c/x", 5.0)
        a, b = m["targets"]
        assert abs(a.pop("first_token") - 0.5) < 1e-6
        assert a.pop("quota") == {"requests": {"remaining": 80.0, "limit": 100.0, "resets_in": 60.0}}
        assert a.pop("output_token") == 0.0
        assert a == {
            "target": "a/x", "weight": 2.0, "in_flight": 0, "whole": None, "quota_left": 0.8,
            "input_price": 1.0, "output_price": 1.0,
        }  # fmt: skip
        assert (b["first_token"], b["quota_left"], b["quota"], b["input_price"]) == (None, None, {}, None)

    jumping(config(models, more), tell, Priced(a=RATES[1]), Known())


def test_callers_do_not_see_the_routes():
    async def tell(made, client, ended):
        assert (await client.get("/admin/v1/routes")).status in (401, 403)

    jumping(config(plugins=', "auth"'), tell)


SOCKETS = """
plugins = ["openai", "router"]
[providers.a]
kind = "openai"
api_key = "sk-fake-a"
base_url = "{a}/v1"
[providers.b]
kind = "openai"
api_key = "sk-fake-b"
base_url = "{b}/v1"
[models]
m = {{ targets = ["a/x", "b/x"], router = "{strategy}" }}
"""


def over_sockets(strategy, tell, text=SOCKETS):
    async def whole():
        async with (
            Upstream() as a,
            Upstream() as b,
            gateway(text.format(a=a.url, b=b.url, strategy=strategy)) as made,
        ):
            return await tell(made, Client(made), a, b)

    return run(whole())


def test_quota_is_read_from_a_real_upstreams_headers():
    async def tell(made, client, a, b):
        a.answer(ANSWER, headers=limits("20"))
        b.answer(STREAM, headers=limits("70"))
        b.answer(ANSWER, headers=limits("10"))
        targets = []
        for stream in (False, True, False, False):
            answer = await client.post(CHAT, body(stream=stream))
            assert answer.status == 200
            targets.append(answer.headers["x-tollhouse-target"])
        # a is first while nothing is known; then b, of which nothing is known; b again, which has most; then a.
        assert targets == ["a/x", "b/x", "b/x", "a/x"]

    over_sockets("quota_aware", tell)


def test_a_session_stays_with_a_real_upstream():
    async def tell(made, client, a, b):
        a.answer(STREAM)
        b.answer(STREAM)
        for n in range(20):
            for _ in range(2):
                answer = await client.post(CHAT, body(stream=True), headers={"x-session-id": f"s{n}"})
                assert b" you" in answer.body
        counts = Counter({"a": len(a.requests), "b": len(b.requests)})
        assert counts.total() == 40
        assert all(count % 2 == 0 and count >= 8 for count in counts.values())

    over_sockets("sticky", tell)


def test_streams_over_sockets_are_measured():
    async def tell(made, client, a, b):
        a.answer(STREAM)
        b.answer(STREAM)
        for _ in range(4):
            assert b" you" in (await client.post(CHAT, body(stream=True))).body
        for name in ("a/x", "b/x"):
            standing = router(made)._state.targets[name]
            assert standing.in_flight == 0
            assert 0 < standing.first.value < 10
            assert standing.whole.value is None

    over_sockets("lowest_latency", tell)


ANTHROPIC = """
plugins = ["openai", "anthropic", "router"]
[providers.a]
kind = "anthropic"
api_key = "sk-fake-a"
base_url = "{a}"
[providers.b]
kind = "openai"
api_key = "sk-fake-b"
base_url = "{b}/v1"
[models]
m = {{ targets = ["a/x", "b/x"], router = "{strategy}" }}
"""


def test_anthropics_headers_and_those_of_others_are_compared():
    async def tell(made, client, a, b):
        message = {
            "id": "m1", "type": "message", "role": "assistant", "model": "x", "stop_reason": "end_turn",
            "content": [{"type": "text", "text": "Hi"}], "usage": {"input_tokens": 5, "output_tokens": 1},
        }  # fmt: skip
        left = {
            "anthropic-ratelimit-output-tokens-limit": "8000",
            "anthropic-ratelimit-output-tokens-remaining": "4000",
            "anthropic-ratelimit-output-tokens-reset": "2099-01-01T00:00:00Z",
        }
        a.answer(message, headers=left)
        b.answer(ANSWER, headers=limits("60"))
        b.answer(ANSWER, headers=limits("40"))
        targets = [(await client.post(CHAT, body())).headers["x-tollhouse-target"] for _ in range(4)]
        assert targets == ["a/x", "b/x", "b/x", "a/x"]

    over_sockets("quota_aware", tell, ANTHROPIC)
