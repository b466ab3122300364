"""Waiting for a limit: in fair turns, within patience and bounds, and giving the place up when the caller leaves."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from limited import config
from tollhouse import Race, hookimpl
from tollhouse.config import parse
from tollhouse.events import DemandRefused, RequestEnded
from tollhouse_rate_limit.events import LimitQueued, LimitReleased


def one_a_second(max_wait="60s", more="", **settings):
    said = "\n".join(f"{name} = {value}" for name, value in settings.items())
    return config(
        f'[rate_limit]\nmax_wait = "{max_wait}"\n{said}\n'
        f'rules = [{{ limit = "60 requests/minute", burst = 1, name = "pace" }}]\n{more}'
    )


KEY = "rate_limit:rules.pace::60 requests/minute"


def test_requests_wait_and_pass_at_the_pace_of_the_limit(tell):
    async def story(house):
        asked = [asyncio.create_task(house.chat()) for _ in range(5)]
        ended = []
        for answer in asyncio.as_completed(asked):
            assert (await answer).status == 200
            ended.append(round(house.clock.monotonic(), 2))
        return ended

    assert tell(one_a_second(), story) == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_callers_take_turns_and_a_newcomer_overtakes_nobody(tell):
    async def story(house):
        async with asyncio.TaskGroup() as tasks:
            for who in ("a", "a", "a", "a", "b"):
                tasks.create_task(house.chat(who))
                await asyncio.sleep(0)
            for who in ("c", "d"):
                await asyncio.sleep(0.999)
                tasks.create_task(house.chat(who))
        return house.served()

    assert tell(one_a_second(), story) == ["key a", "key b", "key c", "key d", "key a", "key a"]


def test_shares_follow_the_weights_of_team_and_key(tell):
    more = """
[teams.heavy.rate_limit]
weight = 3
[keys.light]
secret = "sk-fake-light"
[keys.light.rate_limit]
weight = 0.5
"""

    async def story(house):
        async with asyncio.TaskGroup() as tasks:
            for who in ("heavy/heavy", "plain", "light/heavy") * 20:
                tasks.create_task(house.chat(who))
        return house.served()[:27]

    served = tell(one_a_second(more=more), story)
    assert abs(served.count("key heavy") - 18) <= 1
    assert abs(served.count("key plain") - 6) <= 1
    assert abs(served.count("key light") - 3) <= 1


def test_who_could_not_be_served_in_time_is_refused_at_once_with_the_true_wait(tell, error):
    async def story(house):
        answers = await asyncio.gather(*(house.chat() for _ in range(5)))
        return answers, house.clock.monotonic()

    answers, seconds = tell(one_a_second("2.5s"), story)
    assert [answer.status for answer in answers] == [200, 200, 200, 429, 429]
    assert [answers[place].headers["retry-after-ms"] for place in (3, 4)] == ["3000", "3000"]
    assert "2 requests wait before it, and its turn would come in 3 s" in error(answers[3])
    assert seconds == 2.0


def test_a_limit_that_frees_too_late_is_refused_at_once(tell, error):
    text = config('[defaults]\nrate_limit = "1 requests/minute"\n[rate_limit]\nmax_wait = "10s"')

    async def story(house):
        await house.chat()
        await asyncio.sleep(20)
        return await house.chat(), house.clock.monotonic()

    answer, seconds = tell(text, story)
    assert (answer.status, answer.headers["retry-after"], seconds) == (429, "40", 20.0)
    assert "turn would come in 40 s" in error(answer)


def test_the_exchanges_deadline_ends_the_patience(tell):
    async def story(house):
        return [answer.status for answer in await asyncio.gather(*(house.chat() for _ in range(9)))]

    text = one_a_second("10m", '[timeouts]\ntotal = "3500ms"')
    assert tell(text, story) == [200] * 4 + [429] * 5


def test_a_full_line_refuses_the_caller_who_has_most_of_it(tell, error):
    async def story(house):
        await house.chat("z")
        async with asyncio.TaskGroup() as tasks:
            greedy = [tasks.create_task(house.chat("greedy")) for _ in range(5)]
            await asyncio.sleep(0.1)
            modest = tasks.create_task(house.chat("modest"))
        return [task.result() for task in greedy], modest.result(), house.served()

    greedy, modest, served = tell(one_a_second(max_queue=4), story)
    assert [answer.status for answer in greedy] == [200, 200, 200, 429, 429]
    assert modest.status == 200
    assert served == ["key greedy", "key modest", "key greedy", "key greedy"]
    assert "60 requests/minute (pace) reached: as many requests as may wait" in error(greedy[4])
    assert float(greedy[4].headers["retry-after-ms"]) >= 1000


def test_a_full_house_refuses_everybody_who_would_wait(tell):
    text = config('[defaults]\nrate_limit = "1 requests/minute"\n[rate_limit]\nmax_wait = "90s"\nmax_queue = 1')

    async def story(house):
        answers = await asyncio.gather(*(house.chat(f"k{number // 2}") for number in range(30)))
        return [answer.status for answer in answers]

    statuses = tell(text, story)
    assert statuses.count(200) == 15 + 10
    assert statuses.count(429) == 5


def test_a_caller_who_leaves_gives_up_the_place(tell):
    async def story(house):
        await house.chat()
        async with asyncio.TaskGroup() as tasks:
            left = tasks.create_task(house.chat("leaver"))
            await asyncio.sleep(0.1)
            stays = tasks.create_task(house.chat("stays"))
            await asyncio.sleep(0.1)
            left.cancel()
            ended = await stays
        return ended.status, round(house.clock.monotonic(), 2), house.events(LimitReleased)

    status, seconds, released = tell(one_a_second(), story)
    assert (status, seconds) == (200, 1.0)
    assert [event.how for event in released] == ["gone", "granted"]


def test_a_stream_that_waits_is_kept_alive(tell):
    text = one_a_second(more='[server]\nkeepalive = "300ms"')

    async def story(house):
        await house.chat()
        return await house.chat(stream=True)

    answer = tell(text, story)
    assert answer.status == 200
    head = answer.body[: answer.body.index(b"data: ")]
    assert head.count(b":") == 3
    assert answer.body.endswith(b"data: [DONE]\n\n")


def test_a_stream_that_was_kept_alive_is_refused_inside_itself(tell):
    slots = config(
        '[defaults]\nrate_limit = "1 concurrent"\n[rate_limit]\nmax_wait = "2s"\n[server]\nkeepalive = "300ms"',
        ttft="9s",
    )

    async def story(house):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(house.chat())
            await asyncio.sleep(0.1)
            return await house.chat(stream=True)

    answer = tell(slots, story)
    assert answer.status == 200
    assert b'"code":"rate_limit_exceeded"' in answer.body


def test_a_slot_freed_here_is_taken_at_once(tell):
    text = config('[defaults]\nrate_limit = "1 concurrent"\n[rate_limit]\nmax_wait = "30s"', ttft="100ms")

    async def story(house):
        statuses = await house.many(5)
        return statuses, round(house.clock.monotonic(), 3)

    statuses, seconds = tell(text, story)
    assert statuses == [200] * 5
    assert seconds == pytest.approx(0.5, abs=0.01)


def test_tokens_given_back_let_the_next_in_at_once(tell):
    text = config('[defaults]\nrate_limit = "1k tokens/day"\n[rate_limit]\nmax_wait = "9h"', ttft="1s").replace(
        "[models]", '[timeouts]\ntotal = "10h"\n[models]'
    )

    async def story(house):
        statuses = await house.many(4, max_tokens=900)
        return statuses, round(house.clock.monotonic(), 1)

    assert tell(text, story) == ([200] * 4, 4.0)


def test_who_waits_is_told_as_events_and_on_the_last_one(tell):
    async def story(house):
        await house.many(3, "ci")
        return (
            house.events(LimitQueued),
            house.events(LimitReleased),
            house.events(RequestEnded),
            house.events(DemandRefused),
        )

    queued, released, ended, refused = tell(one_a_second(), story)
    assert [(event.key, event.caller, event.position, event.waiting) for event in queued] == [
        (KEY, "key ci", 1, 1),
        (KEY, "key ci", 2, 2),
    ]
    assert [(event.key, event.how, round(event.seconds, 3)) for event in released] == [
        (KEY, "granted", 1.0),
        (KEY, "granted", 2.0),
    ]
    assert [event.labels.get("rate_limit") for event in ended] == [None, "waited 1.0 s", "waited 2.0 s"]
    assert len(refused) == 2
    assert ended[1].notes == (("rate_limit", f"waits: {KEY}"),)


def test_operators_see_who_waits_where(tell):
    async def story(house):
        async with asyncio.TaskGroup() as tasks:
            for who in ("a", "a", "a", "b"):
                tasks.create_task(house.chat(who))
            await asyncio.sleep(0.5)
            return await house.get("/admin/v1/queue"), await house.get("/admin/v1/limits")

    queue, limits = tell(one_a_second(), story)
    assert queue == {
        "waiting": 3,
        "lines": [{"key": KEY, "waiting": 3, "longest": 0.5, "callers": {"key a": 2, "key b": 1}}],
    }
    assert [(one["key"], one["waiting"]) for one in limits["limits"]] == [(KEY, 3)]


def test_a_line_outlives_a_reload(tell):
    async def story(house):
        async with asyncio.TaskGroup() as tasks:
            for who in ("a", "a", "b"):
                tasks.create_task(house.chat(who))
            await asyncio.sleep(0.5)
            await house.gateway.reload(parse(one_a_second("30s"), {}))
            tasks.create_task(house.chat("c"))
        return house.served(), house.clock.monotonic()

    assert tell(one_a_second(), story) == (["key a", "key b", "key c"], 3.0)


class Hedges:
    """After half a second the second target may race."""

    name = "hedges"

    @hookimpl
    def race(self, exchange, attempt):
        return Race(0.5, exchange.plan.targets[1])


@pytest.mark.parametrize("others", [1, 2])
def test_a_second_attempt_that_would_have_to_wait_does_not_keep_the_first_waiting(tell, others):
    rule = '{ limit = "1 concurrent", target = "simulator/lorem", by = "target" }'
    models = '[models]\nhedged = ["simulator/echo?ttft=1s", "simulator/lorem"]'
    text = config(f'[rate_limit]\nmax_wait = "30s"\nrules = [{rule}]', ttft="20s").replace("[models]", models, 1)

    async def story(house):
        async with asyncio.TaskGroup() as tasks:
            for _ in range(others):
                tasks.create_task(house.chat(model="other", max_tokens=1))
            await asyncio.sleep(0.1)
            answer = await house.chat(model="hedged", max_tokens=3)
            seconds = round(house.clock.monotonic(), 1)
        return answer.status, answer.headers["x-tollhouse-target"], seconds, house.events(RequestEnded)[0].labels

    assert tell(text, story, Hedges()) == (200, "simulator/echo?ttft=1s", 1.1, {})


def test_nothing_is_left_when_all_have_passed(tell):
    async def story(house):
        await house.many(4)
        queue = house.gateway.keep("rate_limit.queue", object)
        return len(queue), queue.lines, queue._holders

    assert tell(one_a_second(), story) == (0, {}, {})


SEVERAL = config(
    """
[defaults]
rate_limit = ["60 requests/minute", "2 concurrent"]
[teams.t]
rate_limit = ["90 requests/minute", "3k tokens/minute"]
[rate_limit]
max_wait = "20s"
max_queue = 6
rules = [
  { limit = "120 requests/minute", burst = 2, by = "model" },
  { limit = "3 concurrent", by = "provider" },
]
""",
    ttft="700ms",
)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a/t", "b/t", "c"]),
            st.sampled_from(["demo", "other"]),
            st.floats(0, 1.5),
            st.sampled_from([None, None, 0.4, 2.0]),
        ),
        min_size=3,
        max_size=40,
    )
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_comes_and_leaves_everybody_is_answered_and_nothing_is_left(tell, calls):
    async def story(house):
        async def call(who, model, leaves):
            asking = asyncio.create_task(house.chat(who, model=model, max_tokens=300))
            if leaves is not None:
                await asyncio.wait([asking], timeout=leaves)
                asking.cancel()
            await asyncio.wait([asking])
            return None if asking.cancelled() else asking.result().status

        async with asyncio.TaskGroup() as tasks:
            made = []
            for who, model, pause, leaves in calls:
                made.append(tasks.create_task(call(who, model, leaves)))
                await asyncio.sleep(pause)
        queue = house.gateway.keep("rate_limit.queue", object)
        await asyncio.sleep(600)
        return {task.result() for task in made}, len(queue), queue.lines, queue._holders, await house.counters()

    statuses, waiting, lines, holders, counters = tell(SEVERAL, story)
    assert statuses <= {200, 429, None}
    assert (waiting, lines, holders) == (0, {}, {})
    assert set(counters.values()) <= {0}
