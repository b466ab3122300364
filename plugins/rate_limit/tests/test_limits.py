"""Which counters an exchange is counted on, and how much it takes of each."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limited import CHAT, config
from tollhouse import Next, Principal, Reply, hookimpl
from tollhouse.config import Rate
from tollhouse.events import DemandRefused
from tollhouse_rate_limit.scope import counter_key, network

EVERYWHERE = """
[defaults]
rate_limit = "50 requests/day"
[models.wide]
targets = ["simulator/echo"]
rate_limit = "40 requests/day"
[teams.search]
rate_limit = "30 requests/day"
[keys.ci]
secret = "sk-fake-ci"
rate_limit = "20 requests/day"
"""


def rules(*rules, more=""):
    return config(f"[rate_limit]\nrules = [{', '.join(rules)}]\n{more}")


def test_the_limits_of_all_levels_hold_together(tell):
    async def story(house):
        await house.chat("ci/search", model="wide")
        await house.chat("bob/search", model="wide")
        await house.chat("bob")
        return await house.counters()

    assert tell(config(EVERYWHERE), story) == {
        "defaults:caller=key ci:50 requests/day": 1,
        "defaults:caller=key bob:50 requests/day": 2,
        "model:model=wide:40 requests/day": 2,
        "team:team=search:30 requests/day": 2,
        "key:key=ci:20 requests/day": 1,
    }


def test_a_key_made_at_run_time_brings_its_own_limits(tell):
    class Stored:
        name = "stored"

        @hookimpl
        async def authenticate(self, exchange):
            said = exchange.edition.levels.read("rate_limit", ["1 requests/day"], key="late")
            return Principal(key="late", settings={"rate_limit": said})

    async def story(house):
        return await house.many(3)

    assert sorted(tell(config(), story, Stored())) == [200, 429, 429]


def test_who_has_no_key_is_counted_by_user_or_else_by_address(tell):
    async def story(house):
        await house.chat("//ann")
        await house.chat()
        return list(await house.counters())

    assert tell(config('[defaults]\nrate_limit = "5 requests/day"'), story) == [
        "defaults:caller=address 127.0.0.1:5 requests/day",
        "defaults:caller=user ann:5 requests/day",
    ]


def test_a_rule_counts_every_combination_for_itself_and_nobody_who_lacks_a_part(tell):
    text = rules('{ limit = "9 requests/day", by = ["team", "model"], name = "both" }')

    async def story(house):
        for who, model in (("a/x", "demo"), ("b/x", "demo"), ("a/x", "other"), ("a/y", "demo"), ("a", "demo")):
            await house.chat(who, model=model, max_tokens=1)
        return await house.counters()

    assert tell(text, story) == {
        "rules.both:team=x,model=demo:9 requests/day": 2,
        "rules.both:team=x,model=other:9 requests/day": 1,
        "rules.both:team=y,model=demo:9 requests/day": 1,
    }


def test_a_rule_by_tag_counts_each_tag_and_by_tag_name_its_value(tell):
    text = rules(
        '{ limit = "9 requests/day", by = "tag", tag = "p*" }', '{ limit = "8 requests/day", by = "tag:project" }'
    )

    async def story(house):
        await house.chat("a/x//prod project=moon night")
        await house.chat("b/x//project:moon")
        return await house.counters()

    assert tell(text, story) == {
        "rules.rule 1:tag=prod:9 requests/day": 1,
        "rules.rule 1:tag=project%3Dmoon:9 requests/day": 1,
        "rules.rule 1:tag=project%3Amoon:9 requests/day": 1,
        "rules.rule 2:tag%3Aproject=moon:8 requests/day".replace("tag%3A", "tag:"): 2,
    }


def test_a_rule_is_narrowed_to_what_it_names(tell):
    text = rules(
        '{ limit = "9 requests/day", team = ["se*", "ops"], model = "demo", name = "a" }',
        '{ limit = "9 requests/day", team = "*", name = "b" }',
        '{ limit = "9 requests/day", provider = "simulator", target = "simulator/l*", name = "c" }',
    )

    async def story(house):
        await house.chat("k/search")
        await house.chat("k/sales", model="other", max_tokens=1)
        await house.chat("k")
        return await house.counters()

    assert tell(text, story) == {
        "rules.a::9 requests/day": 1,
        "rules.b::9 requests/day": 2,
        "rules.c::9 requests/day": 1,
    }


def test_a_shadow_limit_counts_and_tells_and_refuses_nobody(tell):
    text = rules('{ limit = "2 requests/day", shadow = true }', more='[defaults]\nrate_limit = "4 requests/day"')

    async def story(house):
        answers = [await house.chat() for _ in range(5)]
        return answers, await house.counters(), house.events(DemandRefused)

    answers, counters, events = tell(text, story)
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 429]
    assert counters["rules.rule 1::2 requests/day"] == 4
    assert [event.shadow for event in events] == [True, True, False]
    assert answers[0].headers["x-ratelimit-limit-requests"] == "4"


@pytest.mark.parametrize("place", ["rate_limit", "defaults.rate_limit"])
def test_shadow_may_be_said_for_all_limits_or_for_one_level(tell, place):
    text = {
        "rate_limit": '[defaults]\nrate_limit = "1 requests/day"\n[rate_limit]\nshadow = true',
        "defaults.rate_limit": '[defaults.rate_limit]\nlimits = "1 requests/day"\nshadow = true',
    }[place]

    async def story(house):
        return await house.many(3)

    assert tell(config(text), story) == [200, 200, 200]


class Cache:
    """Answers everything."""

    name = "cache"

    @hookimpl
    async def answer(self, exchange):
        return Reply(
            dialect="openai",
            body=b'{"id":"1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":'
            b'{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}',
        )


def test_a_cached_answer_counts_as_a_request_and_costs_no_tokens_and_no_slot(tell):
    text = rules(
        '{ limit = "2 requests/day" }', '{ limit = "9 tokens/day" }', '{ limit = "1 concurrent", by = "provider" }'
    )

    async def story(house):
        return await house.many(3), await house.counters()

    statuses, counters = tell(text, story, Cache())
    assert sorted(statuses) == [200, 200, 429]
    assert counters == {"rules.rule 1::2 requests/day": 2}


class GoesOn:
    name = "goes_on"

    @hookimpl
    async def recover(self, exchange, attempt):
        left = exchange.plan.targets[len(exchange.attempts) :]
        return Next(left[0]) if left else None


def test_a_request_that_fails_over_stays_counted_where_it_failed(tell):
    text = rules('{ limit = "9 requests/day", by = "target" }', '{ limit = "9 requests/day", by = "caller" }')

    async def story(house):
        answer = await house.chat("ci", model="pair")
        return answer.status, await house.counters()

    status, counters = tell(text, story, GoesOn())
    assert status == 200
    assert counters == {
        "rules.rule 1:target=simulator/echo?status%3D503:9 requests/day": 1,
        "rules.rule 1:target=simulator/echo:9 requests/day": 1,
        "rules.rule 2:caller=key ci:9 requests/day": 1,
    }


def test_tokens_are_held_as_estimated_and_settled_as_used(tell):
    async def story(house):
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(house.chat(max_tokens=500))
            await asyncio.sleep(1)
            [held] = (await house.counters()).values()
        usage = asked.result().json()["usage"]
        [left] = (await house.counters()).values()
        return held, left, usage["total_tokens"]

    held, left, used = tell(config('[defaults]\nrate_limit = "100k tokens/week"', ttft="2s"), story)
    assert 500 < held < 530
    assert left == used < 10


def test_input_and_output_are_counted_apart(tell):
    text = rules('{ limit = "9k input tokens/week" }', '{ limit = "8k output tokens/week" }')

    async def story(house):
        usage = (await house.chat(text="one two three")).json()["usage"]
        return usage, await house.counters()

    usage, counters = tell(text, story)
    assert list(counters.values()) == [usage["completion_tokens"], usage["prompt_tokens"]]


def test_a_request_that_names_no_maximum_holds_at_most_a_quarter_of_the_smallest_limit(tell):
    text = rules('{ limit = "400 tokens/day" }', '{ limit = "20k output tokens/day" }', more="")

    async def story(house):
        said = await house.chat()
        async with asyncio.TaskGroup() as tasks:
            asked = tasks.create_task(house.chat())
            await asyncio.sleep(1)
            counters = await house.counters()
        return said.status, asked.result().status, counters["rules.rule 2::20k output tokens/day"]

    first, second, output = tell(text.replace('ttft = "off"', 'ttft = "2s"'), story)
    assert (first, second) == (200, 200)
    assert 100 <= output <= 101 + 1


def test_an_embedding_needs_no_room_for_output(tell):
    text = (
        rules('{ limit = "5 output tokens/day" }', more='embed = ["simulator/embed"]')
        .replace('demo = ["simulator/echo"]', 'demo = ["simulator/echo"]\nembed = ["simulator/embed"]')
        .replace('\nembed = ["simulator/embed"]\n', "\n", 0)
    )
    text = rules('{ limit = "5 output tokens/day" }').replace("[models]", '[models]\nvectors = ["simulator/embed"]')

    async def story(house):
        from tollhouse.testing import Client

        answer = await Client(house.gateway).post("/v1/embeddings", {"model": "vectors", "input": "hi"})
        return answer.status, (await house.chat(max_tokens=6)).status

    assert tell(text, story) == (200, 429)


def test_slots_are_free_again_however_a_call_ends(tell):
    text = rules('{ limit = "2 concurrent" }')

    async def story(house):
        statuses = [(await house.chat(text=words)).status for words in ("hi", "[[fault: status=500]]", "hi") * 3]
        return statuses, list((await house.counters()).values())

    statuses, used = tell(text, story)
    assert statuses == [200, 502, 200] * 3 or set(statuses) == {200, 500}
    assert used == [0]


def test_concurrency_is_exact(tell):
    async def story(house):
        return await house.many(50)

    statuses = tell(config('[defaults]\nrate_limit = "7 concurrent"', ttft="1s"), story)
    assert (statuses.count(200), statuses.count(429)) == (7, 43)


def test_a_limit_never_passes_more_than_itself_in_one_instant_and_its_pace_after_it(tell):
    async def story(house):
        passed = []
        for second in range(61):
            passed += [second] * (await house.many(20)).count(200)
            await asyncio.sleep(1)
        return passed

    passed = tell(config('[defaults]\nrate_limit = "12 requests/minute"'), story)
    assert passed.count(0) == 12
    assert passed[12:] == list(range(5, 61, 5))


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_a_step_of_the_clock_lets_nobody_in_twice_and_keeps_nobody_out(tell, step):
    async def story(house):
        before = (await house.many(30)).count(200)
        house.clock.stepped = step
        after = (await house.many(30)).count(200)
        house.clock.stepped = 0.0
        back = (await house.many(30)).count(200)
        await asyncio.sleep(61)
        return before, after, back, (await house.many(30)).count(200)

    before, after, back, later = tell(config('[defaults]\nrate_limit = "10 requests/minute"'), story)
    assert before == later == 10
    assert (after, back) == ((10, 0) if step > 0 else (0, 10))


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=40))
def test_keys_fit_the_store_and_are_one_to_one(first, second, name):
    rate = Rate("2M input tokens/hour")
    by = ("team", "model")
    key = counter_key(name, by, (first, second), rate)
    assert len(key.encode()) <= 512
    assert key.startswith("rate_limit:")
    assert key != counter_key(name, by, (first, second + "x"), rate)
    assert key != counter_key(name, by, (first + ",model=", second), rate)


def test_an_ipv6_caller_is_its_network_and_others_are_themselves():
    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert network("::ffff:10.0.0.1") == network("10.0.0.1") == "10.0.0.1"
    assert network("submit:judge") == "submit:judge"
    assert CHAT
