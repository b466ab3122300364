"""Deliveries over real sockets, every one verified by the reference library."""

import asyncio

import msgspec
from receiving import BODY, CHAT, OTHER, SECRET, Receiver, config, until
from standardwebhooks import Webhook
from tollhouse import hookimpl
from tollhouse.config import parse
from tollhouse.events import TargetDown
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse.testing.upstream import Script
from tollhouse_webhooks.deliveries import latest
from tollhouse_webhooks.office import office_of


def served(story, *, more="", plugins=(), secret=SECRET, change=lambda text: text):
    """Run a story with a receiver, a gateway that tells it, and a client."""

    async def live():
        async with Receiver(secret) as up, gateway(change(config(up.url, more)), *plugins) as gate:
            return await story(up, gate, Client(gate))

    return run(live())


def down(gate, target="openai/gpt-5"):
    gate.emit(TargetDown(at=gate.clock.time(), target=target, why="503", until=gate.clock.time() + 10))


def test_a_request_is_told_once_with_what_the_ledger_says():
    async def story(up, gate, client):
        answer = await client.post(CHAT, BODY | {"user": "anna"})
        await until(lambda: up.messages)
        await asyncio.sleep(0.2)
        [row] = await gate.store.rows(0, 4e9)
        return answer, up, row

    answer, up, row = served(story)
    assert answer.status == 200
    [message] = up.messages
    assert message["type"] == "request.completed"
    data = message["data"]
    assert (data["id"], data["model"], data["target"], data["cost"]) == (row.id, row.model, row.target, row.cost)
    assert data["tokens"] == dict(row.tokens)
    assert data["request_id"] == answer.headers["x-request-id"]
    assert (data["outcome"], data["status"], data["attempts"]) == ("completed", 200, 1)
    assert up.refused == 0
    [request] = up.requests
    assert request.headers["content-type"] == "application/json"
    assert len(request.body) < 20_000
    assert b"hello" not in request.body


def test_a_hundred_requests_are_told_each_once_under_an_id_of_its_own():
    async def story(up, gate, client):
        answers = await asyncio.gather(*(client.post(CHAT, BODY) for _ in range(100)))
        await until(lambda: len(up.messages) >= 100)
        await asyncio.sleep(0.2)
        return {answer.headers["x-request-id"] for answer in answers}, up

    asked, up = served(story)
    assert {data["request_id"] for data in up.of("request.completed")} == asked
    assert len(up.ids) == len(set(up.ids)) == 100


def test_what_fails_is_told_as_failed_and_what_never_reached_an_upstream_is_not():
    async def story(up, gate, client):
        failing = BODY | {"model": "simulator/echo?status=503"}
        assert (await client.post(CHAT, failing)).status == 503
        assert (await client.post(CHAT, BODY | {"model": "nobody/nothing"})).status == 404
        await client.post(CHAT, BODY)
        await until(lambda: len(up.messages) >= 2)
        await asyncio.sleep(0.2)
        return up.messages

    messages = served(story)
    assert sorted(message["type"] for message in messages) == ["request.completed", "request.failed"]
    [failed] = [message["data"] for message in messages if message["type"] == "request.failed"]
    assert (failed["outcome"], failed["status"], failed["code"]) == ("failed", 503, "overloaded")


def test_two_live_secrets_both_sign_and_either_verifies():
    headers = []

    def both(text):
        return text.replace(f'secret = "{SECRET}"', f'secret = ["{OTHER}", "{SECRET}"]')

    async def story(up, gate, client):
        await client.post(CHAT, BODY)
        await until(lambda: up.messages)
        headers.append(up.requests[0])
        return up.refused

    assert served(story, change=both) == 0
    assert served(story, change=both, secret=OTHER) == 0
    for request in headers:
        assert request.headers["webhook-signature"].count("v1,") == 2
        for secret in (SECRET, OTHER):
            assert Webhook(secret).verify(request.body, request.headers)["type"] == "request.completed"


def test_a_reload_rotates_secrets_and_adds_and_drops_webhooks_without_losing_a_message():
    async def story(up, gate, client):
        async with Receiver(OTHER) as second:
            sent = 0
            rotated = config(up.url).replace(f'"{SECRET}"', f'["{OTHER}", "{SECRET}"]')
            added = rotated + f'[webhooks.new]\nurl = "{second.url}"\nsecret = "{OTHER}"\nallow = ["127.0.0.1"]\n'
            for text in (rotated, added, added, rotated, config(up.url)):
                asking = [asyncio.create_task(client.post(CHAT, BODY)) for _ in range(10)]
                await gate.reload(parse(text + '[store]\nurl = "memory:"\n', {}))
                await asyncio.gather(*asking)
                sent += 10
            await until(lambda: len(up.of("request.completed")) >= sent)
            await until(lambda: second.of("request.completed"))
            await until(lambda: len(up.of("config.reloaded")) >= 5)
            return sent, up, second

    sent, up, second = served(story)
    assert len({data["id"] for data in up.of("request.completed")}) == sent
    assert (up.refused, second.refused) == (0, 0)
    assert {data["edition"] for data in up.of("config.reloaded")} == {2, 3, 4, 5, 6}


def test_a_receiver_that_hangs_or_is_dead_delays_no_other():
    async def story(up, gate, client):
        hanging = Upstream(Script(200, {}, [3600.0]))
        hanging.then(lambda request: Script(200, {}, [3600.0]))
        async with hanging:
            text = config(up.url) + "".join(
                f'[webhooks.{name}]\nurl = "{url}"\nsecret = "{SECRET}"\nallow = ["127.0.0.1"]\ntimeout = "60s"\n'
                for name, url in (("hangs", hanging.url), ("dead", "http://127.0.0.1:9"))
            )
            await gate.reload(parse(text + '[store]\nurl = "memory:"\n', {}))
            loop = asyncio.get_running_loop()
            await until(lambda: hanging.requests)
            began = loop.time()
            await asyncio.gather(*(client.post(CHAT, BODY) for _ in range(50)))
            await until(lambda: len(up.of("request.completed")) >= 50)
            return loop.time() - began, len(hanging.requests)

    seconds, hung = served(story)
    assert seconds < 20  # a hundredth of what waiting for the other would take
    assert 1 <= hung <= 8


def test_what_filters_do_not_name_does_not_pass():
    class Names:
        @hookimpl
        async def authenticate(self, exchange):
            from tollhouse import Principal

            team = exchange.headers.get("x-team", "")
            return Principal(key=f"key-of-{team}", team=team)

    async def story(up, gate, client):
        for team in ("search", "ads", ""):
            assert (await client.post(CHAT, BODY, {"x-team": team})).status == 200
        down(gate)
        await client.post(CHAT, BODY, {"x-team": "search-eu"})
        await until(lambda: len(up.messages) >= 2)
        await asyncio.sleep(0.2)
        return [(message["type"], message["data"]["team"]) for message in up.messages]

    told = served(story, more='team = ["search*"]\nmodel = "simulator/*"\n', plugins=[Names])
    assert sorted(told) == [("request.completed", "search"), ("request.completed", "search-eu")]


def test_only_the_types_asked_for_are_sent():
    async def story(up, gate, client):
        await client.post(CHAT, BODY)
        down(gate)
        await until(lambda: up.messages)
        await asyncio.sleep(0.2)
        return [message["type"] for message in up.messages]

    assert served(story, more='events = ["provider.*", "budget.exhausted"]\n') == ["provider.down"]


def test_an_event_seen_by_two_processes_is_sent_once():
    """Two gateways on one store hear of the same budget; each hears of its own breaker."""
    from tollhouse_budget import BudgetExhausted

    async def story(tmp_path, receiver):
        text = config(receiver.url) + f'[store]\nurl = "sqlite:{tmp_path}/state.db"\n'
        async with gateway(text, folder=tmp_path) as one, gateway(text, folder=tmp_path) as other:
            for number, gate in enumerate((one, other)):
                event = BudgetExhausted(
                    at=gate.clock.time() + number,
                    budget="team search",
                    scope={"team": "search"},
                    percent=100 + number,
                    spent=10 + number,
                    limit=10,
                    period="day",
                    resets_at=1,
                )
                gate.emit(event)
                down(gate)
            await until(lambda: len(receiver.of("provider.down")) >= 2)
            await asyncio.sleep(0.5)
            return receiver.of("budget.exhausted"), receiver.of("provider.down")

    async def live(folder):
        async with Receiver() as receiver:
            return await story(folder, receiver)

    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        budgets, targets = run(live(Path(folder)))
    assert len(budgets) == 1
    assert len(targets) == 2


def test_a_limit_is_told_once_a_minute_with_who_was_refused():
    async def story(up, gate, client):
        statuses = [(await client.post(CHAT, BODY)).status for _ in range(8)]
        await until(lambda: up.of("limit.hit"))
        await asyncio.sleep(0.3)
        return statuses, up.of("limit.hit")

    more = 'events = ["limit.*"]\n[defaults]\nrate_limit = "2 requests/hour"\n'
    statuses, hits = served(
        story, more=more, change=lambda text: text.replace('"webhooks"]', '"rate_limit", "webhooks"]')
    )
    assert statuses.count(429) == 6
    assert 1 <= len(hits) <= 2  # two when a minute ended in between
    assert hits[0]["limit"].startswith("rate_limit:")
    assert hits[0]["model"] == "simulator/echo"
    assert hits[0]["id"].startswith("req_")


def test_the_store_that_goes_away_is_told_at_once_and_what_happens_meanwhile_when_it_is_back():
    from tollhouse import StoreError
    from tollhouse.store.memory import MemoryStore

    class Away:
        def __init__(self):
            import time

            self.store, self.away = MemoryStore(time.time), False

        def __getattr__(self, name):
            method = getattr(self.store, name)
            if name in ("subscribe", "scan", "close"):
                return method

            async def call(*args, **kwargs):
                if self.away:
                    raise StoreError("unplugged")
                return await method(*args, **kwargs)

            return call

    async def live():
        store = Away()
        async with Receiver() as up, gateway(config(up.url), store=store) as gate:
            client = Client(gate)
            await client.post(CHAT, BODY)
            await until(lambda: up.of("request.completed"))
            store.away = True
            await until(lambda: up.of("store.down"))
            assert (await client.post(CHAT, BODY)).status == 200
            assert len(up.of("request.completed")) == 1
            store.away = False
            await until(lambda: len(up.of("request.completed")) == 2)
            await until(lambda: up.of("store.up"))
            return len(up.of("store.down")), up.refused

    assert run(live()) == (1, 0)


def test_a_message_of_callers_making_stays_small():
    async def story(up, gate, client):
        await client.post(CHAT, BODY | {"model": "simulator/echo?" + "\x01é" * 9000})
        await client.post(CHAT, BODY | {"model": "simulator/echo?faults=" + "x" * 90_000})
        down(gate, "simulator/" + "ü\x02" * 50_000)
        await until(lambda: up.of("provider.down"))
        await asyncio.sleep(0.2)
        return max(len(request.body) for request in up.requests)

    assert served(story) < 20_000


def test_headers_of_the_operator_go_along_and_never_into_the_log():
    async def story(up, gate, client):
        await client.post(CHAT, BODY)
        await until(lambda: up.messages)
        await until_logged(gate)
        log = msgspec.json.encode([one for _, one in await latest(gate.store, "ops", 10)])
        return up.requests[0].headers["authorization"], log

    async def until_logged(gate):
        for _ in range(500):
            if await latest(gate.store, "ops", 10):
                return
            await asyncio.sleep(0.01)

    sent, log = served(story, more='headers = { Authorization = "Bearer canary" }\n')
    assert sent == "Bearer canary"
    assert b"canary" not in log
    assert SECRET.encode() not in log
    assert b"/hook" not in log


def test_a_failing_webhook_is_told_to_the_others_and_news_of_news_is_not():
    async def story(up, gate, client):
        async with Upstream(Script(410)) as gone:
            text = config(up.url) + f'[webhooks.gone]\nurl = "{gone.url}"\nsecret = "{SECRET}"\nallow = ["127.0.0.1"]\n'
            await gate.reload(parse(text + '[store]\nurl = "memory:"\n', {}))
            await until(lambda: up.of("webhook.disabled") and up.of("webhook.failed"))
            before = len(gone.requests)
            await client.post(CHAT, BODY)
            await until(lambda: up.of("request.completed"))
            await asyncio.sleep(0.3)
            return up, before, len(gone.requests), office_of(gate).lanes["gone"].off

    up, before, later, off = served(story)
    [failed] = up.of("webhook.failed")
    assert (failed["webhook"], failed["about"], failed["why"]) == ("gone", "config.reloaded", "answered 410")
    assert up.of("webhook.disabled") == [{"webhook": "gone", "id": "", "about": "", "why": "it answered 410 Gone"}]
    assert before == later == 1
    assert off
