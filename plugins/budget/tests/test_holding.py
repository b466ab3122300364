"""The worst case is held before a call goes upstream, and settled once to what it cost."""

import asyncio

import msgspec
import pytest
from till import CHAT, IN, OUT, Bank, GoesOn, message, soon, tell
from tollhouse import Race, Reply, StoreError, hookimpl
from tollhouse.store.memory import MemoryStore
from tollhouse.testing import Client

TOTAL = '[budget]\ntotal = "1 USD/day"\n'
WHOLE = ("the gateway", "day")
COST = 3 * IN + 5 * OUT


@pytest.fixture
def gate():
    """The door at which the bank's answers wait; it has to be made on the test's loop."""
    Bank.gates, Bank.asked = {}, []
    yield Bank.gates
    Bank.gates = Bank.asked = None


async def during(house, gate, **body):
    """What is used while a call is under way, what it is used after, and the tokens its body was estimated at."""
    gate["go"] = asyncio.Event()
    sent = {key: value for key, value in house.body("3 5 go", **body).items() if value is not None}
    asking = asyncio.ensure_future(Client(house.gateway, {"x-who": "ci"}).post(CHAT, sent))
    await soon(lambda: Bank.asked)
    under_way = await house.used()
    gate["go"].set()
    assert (await asking).status == 200
    return under_way[WHOLE], (await house.used())[WHOLE], len(msgspec.json.encode(sent)) // 4


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_holds_its_worst_case_and_settles_to_its_cost(gate, stream):
    async def story(house):
        return *await during(house, gate, stream=stream), await house.spent()

    held, used, tokens, spent = tell(story, TOTAL)
    assert held == tokens * IN + 10 * OUT
    assert used == spent == COST


@pytest.mark.parametrize(
    ("body", "rate", "output"),
    [
        ({"max_tokens": None}, 1, 77 * OUT),
        ({"max_tokens": 70, "n": 3}, 1, 210 * OUT),
        ({"max_tokens": 999_999_999}, 1, 500 * OUT),
        ({"max_tokens": 999_999_999, "model": "short"}, 1, 50 * OUT),
        ({"model": "written"}, 3, 10 * 2 * OUT),
        ({"model": "written", "user": "1h"}, 5, 10 * 2 * OUT),
        ({"model": "each"}, 1, 10 * OUT + 1_000_000),
    ],
)
def test_the_worst_case_is_the_dearest_the_call_can_get(gate, body, rate, output):
    held, _, tokens = tell(lambda house: during(house, gate, **body), TOTAL + "assume_output = 77\nmax_output = 500\n")
    assert held == tokens * rate * IN + output


@pytest.mark.parametrize(("length", "rate", "out"), [(100, 1, 1), (640, 2, 4), (2000, 2, 4)])
def test_a_dearer_tier_is_held_from_near_its_beginning(gate, length, rate, out):
    """It begins above 200 input tokens."""
    story = lambda house: during(house, gate, model="tiered", user="x" * length)  # noqa: E731
    held, _, tokens = tell(story, TOTAL)
    assert (tokens * 125 // 100 > 200) == (rate == 2)
    assert held == tokens * rate * IN + 10 * out * OUT


def test_embeddings_hold_their_input_alone():
    class Vectors:
        name = "vectors"
        held = None

        @hookimpl
        async def dispatch(self, exchange, attempt):
            Vectors.held = dict(exchange.held)

    async def story(house):
        await Client(house.gateway, {"x-who": "ci"}).post("/v1/embeddings", {"model": "demo", "input": "word " * 100})
        return Vectors.held, await house.used()

    held, used = tell(story, TOTAL, Vectors())
    assert 100 * IN < held["nano_usd"] < 200 * IN
    assert used[WHOLE] <= held["nano_usd"]


def test_who_goes_beyond_is_refused_before_anything_is_asked(gate):
    async def story(house):
        gate["go"] = asyncio.Event()
        gate["go"].set()
        answers = [await house.chat("3 5 go") for _ in range(4)]
        return answers, len(Bank.asked), await house.used(), await house.spent()

    answers, asked, used, spent = tell(story, '[budget]\ntotal = "0.0002 USD/day"\ntime_zone = "Europe/Berlin"\n')
    assert [answer.status for answer in answers] == [200, 200, 429, 429]
    assert asked == 2
    assert used[WHOLE] == spent == 2 * COST
    refused = answers[2]
    assert refused.json()["error"]["code"] == refused.json()["error"]["type"] == "insufficient_quota"
    assert refused.headers["x-should-retry"] == "false"
    assert "retry-after" not in refused.headers
    assert message(refused).startswith("The budget of the gateway (0.0002 USD/day) has 0.000094 USD left")
    assert "0.000106 USD are spent" in message(refused)
    assert "It starts again on 2026-11-21 at 00:00 CET." in message(refused)


def test_a_refusal_names_the_output_that_would_fit_and_it_does():
    async def story(house):
        refused = await house.chat("3 5", max_tokens=500)
        fits = int(message(refused).split("Ask for at most ")[1].split()[0])
        more = await house.chat("3 5", max_tokens=fits + 1)
        return refused, fits, more, await house.chat("3 5", max_tokens=fits)

    refused, fits, more, fitting = tell(story, '[budget]\ntotal = "0.001 USD total"\n')
    assert "output tokens (max_tokens), and it fits. It never starts again." in message(refused)
    assert 90 < fits < 100
    assert (more.status, fitting.status) == (429, 200)


def test_a_period_that_ends_soon_says_when_to_come_back():
    async def story(house):
        house.clock.now += 12 * 3600 - 30
        refused = await house.chat("3 5")
        house.clock.now += 30
        return refused, [await house.chat("3 5", model="gift")]

    refused, _ = tell(story, '[budget]\ntotal = "0.00001 USD/day"\n')
    assert refused.headers["retry-after"] == "30"
    assert refused.headers["x-should-retry"] == "false"


def test_an_anthropic_caller_reads_a_billing_error():
    async def story(house):
        return await house.chat("3 5", path="/v1/messages")

    refused = tell(story, '[budget]\ntotal = "0 USD/day"\n')
    assert (refused.status, refused.json()["error"]["type"]) == (429, "billing_error")
    assert refused.headers["x-should-retry"] == "false"


def test_a_new_period_begins_with_nothing_spent_and_the_old_one_is_left_alone():
    async def story(house):
        first = [(await house.chat()).status for _ in range(3)]
        house.clock.now += 86400
        return first, [(await house.chat()).status for _ in range(3)], await house.used()

    first, second, used = tell(story, '[budget]\ntotal = ["0.0002 USD/day", "1 USD total"]\n')
    assert first == second == [200, 200, 429]
    assert used == {WHOLE: 2 * COST, ("the gateway", "total"): 4 * COST}


def test_a_call_that_outlives_its_period_gives_nothing_back_to_the_next(gate):
    async def story(house):
        gate["go"] = asyncio.Event()
        asking = asyncio.ensure_future(house.chat("3 5 go"))
        await soon(lambda: Bank.asked)
        house.clock.now += 86400
        between = await house.used()
        gate["go"].set()
        await asking
        return between, await house.used()

    between, after = tell(story, TOTAL)
    assert between == after == {WHOLE: 0}


def test_failover_charges_both_attempts():
    async def story(house):
        return await house.chat("3 5 fail:bank"), await house.used(), await house.spent()

    answer, used, spent = tell(story, TOTAL, GoesOn())
    assert answer.status == 200
    assert answer.headers["x-tollhouse-attempts"] == "2"
    assert used[WHOLE] == spent == 2 * COST


def test_the_hold_grows_for_a_dearer_target_by_what_was_spent_already():
    class Sees:
        name = "sees"

        def __init__(self):
            self.held = []

        @hookimpl
        async def dispatch(self, exchange, attempt):
            self.held.append(exchange.held["nano_usd"])

    sees = Sees()

    async def story(house):
        return await house.chat("3 5 fail:bank", model="dearer"), await house.used()

    answer, used = tell(story, TOTAL, GoesOn(), sees)
    first, second = sees.held
    assert answer.status == 200
    assert second == COST + 10 * first
    assert used[WHOLE] == COST + 10 * COST


def test_a_dearer_target_that_does_not_fit_is_not_asked(gate):
    async def story(house):
        gate["fail:bank"] = asyncio.Event()
        gate["fail:bank"].set()
        return await house.chat("3 5 fail:bank", model="dearer"), len(Bank.asked), await house.used()

    answer, asked, used = tell(story, '[budget]\ntotal = "0.0003 USD/day"\n', GoesOn())
    assert (answer.status, asked) == (429, 1)
    assert used[WHOLE] == COST


def test_both_runners_of_a_race_are_held_and_charged():
    class Hedges:
        name = "hedges"

        @hookimpl
        def race(self, exchange, attempt):
            return Race(0.01, exchange.plan.targets[1])

    async def story(house):
        answer = await house.chat("3 5 wait:bank")
        return answer, await house.used(), await house.spent()

    answer, used, spent = tell(story, TOTAL, Hedges())
    assert answer.headers["x-tollhouse-target"] == "other/x"
    assert used[WHOLE] == spent > COST


def test_a_failed_call_that_was_not_billed_costs_nothing():
    async def story(house):
        return (await house.chat("3 5 down")).status, await house.used()

    assert tell(story, TOTAL) == (503, {WHOLE: 0})


def test_a_cached_answer_is_free_and_passes_a_spent_budget():
    class Cache:
        name = "cache"

        @hookimpl
        async def answer(self, exchange):
            body = {"id": "c", "object": "chat.completion", "created": 1, "model": "x", "choices": []}
            return Reply(dialect="openai", body=msgspec.json.encode(body))

    async def story(house):
        return await house.chat(), await house.used()

    answer, used = tell(story, '[budget]\ntotal = "0 USD/day"\n', Cache())
    assert (answer.status, used) == (200, {WHOLE: 0})


def test_an_abandoned_stream_costs_at_least_what_was_delivered():
    async def story(house):
        client = Client(house.gateway, {"x-who": "ci"})
        async with client.stream(CHAT, house.body("3 5 hang", stream=True)) as stream:
            seen = 0
            async for chunk in stream.chunks():
                seen += chunk.count(b"word ")
                if seen == 3:
                    break
        await soon(lambda: not house.gateway.in_flight)
        return await house.used(), await house.spent()

    used, spent = tell(story, TOTAL)
    assert used[WHOLE] == spent >= 3 * OUT + 20 * IN


def test_a_price_of_nothing_passes_a_spent_budget():
    answer = tell(lambda house: house.chat(model="gift"), '[budget]\ntotal = "0 USD/day"\n')
    assert answer.status == 200


@pytest.mark.parametrize(("policy", "status"), [("allow", 200), ("refuse", 400)])
def test_a_target_without_a_price_is_allowed_or_refused_as_the_operator_says(policy, status):
    async def story(house):
        from tollhouse.events import RequestEnded

        answer = await house.chat(model="free")
        [ended] = house.events(RequestEnded)
        return answer, ended, await house.used(), await house.gateway.store.sums([], 0, 4e9)

    answer, ended, used, [line] = tell(story, TOTAL + f'unpriced = "{policy}"\n')
    assert (answer.status, used) == (status, {WHOLE: 0})
    if policy == "allow":
        assert line.unpriced == 1
        assert ended.labels == {"budget": "unpriced"}
        assert ("budget", "bank/free has no price: nothing is held for it") in ended.notes
    else:
        assert answer.json()["error"]["code"] == "unpriced_model"
        assert "set its price in [prices.targets]" in message(answer)


def test_who_is_under_no_budget_may_call_what_has_no_price():
    config = '[budget]\nunpriced = "refuse"\n[teams.search]\nbudget = "1 USD/day"\n'

    async def story(house):
        return (await house.chat(model="free")).status, (await house.chat(model="free", who="k/search")).status

    assert tell(story, config) == (200, 400)


def test_a_failed_attempt_is_charged_although_the_next_target_has_no_price():
    async def story(house):
        return await house.chat("3 5 fail:bank", model="later"), await house.used()

    answer, used = tell(story, TOTAL, GoesOn())
    assert (answer.status, used[WHOLE]) == (200, COST)


@pytest.mark.parametrize(
    ("policy", "method", "status"), [("refuse", "POST", 400), ("allow", "POST", 502), ("refuse", "GET", 502)]
)
def test_a_passthrough_has_no_price_unless_it_only_reads(policy, method, status):
    top = """
plugins = ["openai"]
providers.openai = {{ api_key = "sk-fake", base_url = "http://127.0.0.1:9/v1" }}
{more}
"""

    async def story(house):
        return await Client(house.gateway, {"x-who": "ci"}).request(
            method, "/v1/images/generations", b"{}" if method == "POST" else b""
        )

    answer = tell(story, TOTAL + f'unpriced = "{policy}"\n', top=top)
    assert answer.status == status, answer.body


class Away(MemoryStore):
    """A store that is away."""

    async def claim(self, hold, demands, ttl):
        raise StoreError("away")


@pytest.mark.parametrize(("policy", "status"), [("refuse", 503), ("allow", 200)])
def test_a_store_that_is_away_refuses_unless_the_operator_says_otherwise(policy, status):
    async def story(house):
        budget = next(one.plugin for one in house.gateway.edition.plugged if one.name == "budget")
        return (await house.chat()).status, budget.needs_store

    assert tell(story, TOTAL + f'if_lost = "{policy}"\n', store=Away(lambda: 1e9)) == (status, policy == "refuse")
