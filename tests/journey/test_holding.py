"""One atomic claim for all plugins, raised for further targets, settled exactly once to what was consumed."""

import asyncio
import time
from decimal import Decimal

import pytest
from parts import BODY, CHAT, STREAM, USAGE, WORDS, Demands, GoesOn, Observes, asks, config, words
from tollhouse import Demand, Rates, Rejected, Reply, StoreError, Wait, hookimpl
from tollhouse.events import DemandRefused, MarkCrossed, RequestEnded
from tollhouse.store.memory import MemoryStore
from tollhouse.testing import Client, Cut, Upstream, gateway, run, sse


class Prices:
    """Two USD per million input tokens, ten per million output tokens."""

    name = "prices"

    @hookimpl
    def price(self, target):
        return Rates({"input": Decimal(2), "output": Decimal(10)}, "test") if target.model == "x" else None


COST = USAGE["prompt_tokens"] * 2000 + USAGE["completion_tokens"] * 10000


class Money(Demands):
    """Holds a worst case in nano-USD."""

    name = "demands"

    def __init__(self, limit=10_000_000, amount=1_000_000):
        super().__init__(limit=limit, amount=amount, measure="nano_usd")


def through(answer, *plugins, calls=1, stream=False):
    async def ask():
        async with Upstream() as up:
            up.answer(answer)
            async with gateway(config(up.url), *plugins) as made:
                responses = [await Client(made).post(CHAT, asks("m", stream=stream)) for _ in range(calls)]
                events = [event for _, event in made.feed.recent()]
                sums = await made.store.sums(["target"], 0, 4e9)
                used = [await plugin.used(made) for plugin in plugins if isinstance(plugin, Demands)]
                return responses, events, sums, used, up

    return run(ask())


@pytest.mark.parametrize("stream", [False, True])
def test_a_hold_settles_to_what_was_consumed_and_the_ledger_agrees(stream):
    money = Money()
    responses, events, [line], [used], _ = through(STREAM if stream else BODY, money, Prices(), stream=stream)
    assert responses[0].status == 200
    assert used == COST
    assert (line.requests, line.cost, line.unpriced) == (1, COST, 0)
    [ended] = [event for event in events if isinstance(event, RequestEnded)]
    assert (ended.cost, ended.tokens) == (COST, {"input": 3, "output": 2})


def test_an_unpriced_call_is_counted_as_unpriced_and_keeps_what_was_held():
    class Nothing:
        name = "nothing"

        @hookimpl
        def price(self, target):
            return None

    money = Money()
    _, _, [line], [used], _ = through(BODY, money, Nothing())
    assert line.unpriced == 1
    assert used == money.amount


def test_a_refused_demand_is_a_429_with_the_true_wait_and_no_call_upstream():
    demands = Demands(limit=2)
    responses, events, _, [used], up = through(BODY, demands, calls=3)
    assert [response.status for response in responses] == [200, 200, 429]
    assert responses[2].json()["error"]["code"] == "rate_limit_exceeded"
    assert int(responses[2].headers["retry-after"]) > 0
    assert int(responses[2].headers["retry-after-ms"]) >= 1000 * (int(responses[2].headers["retry-after"]) - 1)
    assert used == 2
    assert len(up.requests) == 2
    assert [event.key for event in events if isinstance(event, DemandRefused)] == ["demands:requests"]


def test_a_demand_that_can_never_fit_says_so_and_asks_for_no_retry():
    responses, _, _, _, _ = through(BODY, Demands(limit=2, amount=3))
    assert responses[0].status == 429
    assert "more than it ever allows" in responses[0].json()["error"]["message"]
    assert responses[0].headers["x-should-retry"] == "false"


def test_the_owner_of_a_demand_words_its_refusal():
    class Words(Demands):
        name = "demands"

        @hookimpl
        async def refused(self, refusal):
            raise Rejected(f"Your {refusal.level.limit} are gone.", status=429, code="insufficient_quota")

    responses, _, _, _, _ = through(BODY, Words(limit=1), calls=2)
    assert responses[1].json()["error"]["message"] == "Your 1 are gone."
    assert responses[1].json()["error"]["code"] == "insufficient_quota"


def test_demands_of_all_plugins_are_held_together_or_not_at_all():
    class Other(Demands):
        name = "other"

        def make(self):
            return Demand(key="other:requests", kind="window", measure="requests", amount=1, limit=1, until=4e9)

    first, second = Demands(limit=10), Other()
    responses, _, _, used, _ = through(BODY, first, second, calls=3)
    assert [response.status for response in responses] == [200, 429, 429]
    assert used == [1, 1]


def test_waiting_in_a_queue_gets_the_slot_when_it_frees():
    class Queues(Demands):
        name = "demands"

        @hookimpl
        async def refused(self, refusal):
            return Wait(0.02)

    async def ask():
        queues = Queues(limit=1, kind="slots", measure="slot")
        async with Upstream() as up:
            up.answer([b"", 0.1, STREAM])
            async with gateway(config(up.url), queues) as made:
                client = Client(made)
                answers = await asyncio.gather(*(client.post(CHAT, asks("m", stream=True)) for _ in range(3)))
                assert [words(answer.body) for answer in answers] == ["Hello"] * 3
                assert await queues.used(made) == 0

    run(ask())


def test_a_wait_longer_than_the_deadline_is_refused_at_once():
    class Queues(Demands):
        name = "demands"

        @hookimpl
        async def refused(self, refusal):
            return Wait(3600.0)

    responses, _, _, _, _ = through(BODY, Queues(limit=1), calls=2)
    assert responses[1].status == 429
    assert responses[1].json()["error"]["code"] == "queue_timeout"


class Line(Demands):
    """Lets one request claim at a time; the others have a turn each when it was granted."""

    name = "demands"

    def __init__(self, seconds=60.0):
        super().__init__(limit=10)
        self.seconds, self.called, self.turns, self.order = seconds, None, [], []

    @hookimpl
    def demand(self, exchange, target):
        if self.called not in (None, exchange):
            turn = asyncio.Event()
            self.turns.append((exchange, turn))
            return Wait(self.seconds, turn)
        self.called = exchange
        exchange.when_held[self.name] = self.granted
        return super().demand(exchange, target)

    def granted(self):
        assert self.called.grant.levels[0].key == "demands:requests"
        self.order.append(self.called.id)
        if self.turns:
            self.called, turn = self.turns.pop(0)
            turn.set()
        else:
            self.called = None


def test_a_demand_may_wait_its_turn_and_hear_of_its_grant():
    line = Line()

    async def ask():
        async with Upstream() as up:
            up.answer(BODY)
            async with gateway(config(up.url), line) as made:
                answers = await asyncio.gather(*(Client(made).post(CHAT, asks("m")) for _ in range(5)))
                return [answer.status for answer in answers], await line.used(made)

    assert run(ask()) == ([200] * 5, 5)
    assert len(set(line.order)) == 5


def test_a_turn_that_does_not_come_before_the_deadline_is_a_429():
    line = Line()
    line.called = "somebody else"

    async def ask():
        async with Upstream() as up:
            up.answer(BODY)
            async with gateway(config(up.url, more='timeouts.total = "50ms"'), line) as made:
                answer = await Client(made).post(CHAT, asks("m"))
                return answer, len(up.requests)

    answer, calls = run(ask())
    assert (answer.status, answer.json()["error"]["code"], calls) == (429, "queue_timeout", 0)


def test_a_turn_that_does_not_come_in_its_time_is_asked_for_again():
    line = Line(seconds=0.01)
    line.called = "somebody else"

    async def ask():
        async with Upstream() as up:
            up.answer(BODY)
            async with gateway(config(up.url), line) as made:
                asking = asyncio.create_task(Client(made).post(CHAT, asks("m")))
                while len(line.turns) < 3:
                    await asyncio.sleep(0.005)
                line.called = None
                return (await asking).status

    assert run(ask()) == 200


def test_the_hold_is_raised_for_a_dearer_target_and_refused_as_a_whole():
    class Dearer(Demands):
        name = "demands"

        def __init__(self, second):
            super().__init__(limit=10, measure="nano_usd")
            self.second = second

        @hookimpl
        def demand(self, exchange, target):
            self.amount = 4 if target.provider == "a" else self.second
            return super().demand(exchange, target)

    async def ask(second):
        dearer = Dearer(second)
        async with Upstream() as a, Upstream() as b:
            a.answer(BODY, 503)
            b.answer(BODY)
            async with gateway(config(a.url, b.url), dearer, GoesOn(), Prices()) as made:
                response = await Client(made).post(CHAT, asks("m"))
                dearer.amount = 0
                return response, dearer.asked, len(b.requests)

    response, asked, calls = run(ask(9))
    assert (response.status, asked, calls) == (200, ["a/x", "b/x"], 1)
    response, asked, calls = run(ask(11))
    assert (response.status, asked, calls) == (429, ["a/x", "b/x"], 0)


def test_a_cached_answer_demands_with_no_target_and_costs_nothing():
    class Cache:
        name = "cache"

        @hookimpl
        async def answer(self, exchange):
            import msgspec

            return Reply(dialect="openai", body=msgspec.json.encode(BODY))

    observes, money = Observes(), Money()
    responses, _, [line], [used], up = through(STREAM, Cache(), observes, money)
    assert words(responses[0].body) == "Hello"
    assert money.asked == [None]
    assert (used, line.cost, up.requests) == (0, 0, [])
    assert observes.settled == [("answered", 200)]


def test_a_stream_cut_after_content_costs_at_least_its_input_and_what_was_delivered():
    money = Money()
    _, _, [line], [used], _ = through([sse(*WORDS, done=False), Cut], money, Prices(), stream=True)
    assert used == line.cost > 0
    assert line.output >= 2


def test_marks_are_told_once_when_they_are_crossed():
    class Marks(Demands):
        name = "demands"

        def make(self):
            return Demand(
                key="demands:requests", kind="window", measure="requests", amount=1, limit=10, until=4e9, marks=(2, 3)
            )

    _, events, _, _, _ = through(BODY, Marks(), calls=5)
    assert [event.mark for event in events if isinstance(event, MarkCrossed)] == [2, 3]


def test_the_slot_is_free_before_the_caller_can_know_that_the_call_ended():
    demands = Demands(limit=1, kind="slots", measure="slot")
    responses, _, _, _, _ = through(STREAM, demands, calls=20, stream=True)
    assert {response.status for response in responses} == {200}


class Away(MemoryStore):
    """A store that is away from the first claim on."""

    async def claim(self, hold, demands, ttl):
        raise StoreError("away")

    async def settle(self, hold, actual, *, row=None, mail=()):
        raise StoreError("away")


@pytest.mark.parametrize(("policy", "status"), [("refuse", 503), ("allow", 200), ("share", 200)])
def test_a_store_that_is_away_follows_the_demands_own_policy(policy, status, tmp_path):
    async def ask():
        async with Upstream() as up:
            up.answer(BODY)
            text = config(up.url, more=f'[store]\nurl = "sqlite:{tmp_path}/state.db"')
            async with gateway(text, Demands(if_lost=policy), store=Away(time.time)) as made:
                return await Client(made).post(CHAT, asks("m"))

    response = run(ask())
    assert response.status == status
    if status == 503:
        assert response.json()["error"]["code"] == "store_unavailable"
        assert "retry-after" in response.headers
