"""Where an exchange goes after a failure, and after which pause."""

import asyncio

import pytest
from outage import config, fails, slow, well
from tollhouse import ProviderError
from tollhouse.events import RequestEnded
from tollhouse.testing import Client


def test_the_next_target_is_asked_at_once(tell):
    async def story(house):
        answer = await house.chat("two")
        return answer.status, answer.headers["x-tollhouse-target"], house.world.asked, house.events(RequestEnded)[-1]

    status, target, asked, ended = tell(config(), {"a": fails(503)}, story)
    assert (status, target) == (200, "b/x")
    assert asked == [(0.0, "a/x"), (0.0, "b/x")]
    assert ended.labels == {"failover": "recovered"}


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_what_may_pass_is_tried_again_after_pauses_that_double(tell, status):
    async def story(house):
        answer = await house.chat("one")
        return answer.status, [at for at, _ in house.world.asked]

    status, times = tell(config(), {"a": [fails(status), fails(status), well]}, story)
    assert status == 200
    assert 0.25 <= times[1] - times[0] <= 0.5
    assert 0.25 <= times[2] - times[1] <= 1.0


@pytest.mark.parametrize("kind", ["connect", "timeout", "cut", "bad_reply"])
def test_a_host_that_cannot_be_reached_is_tried_again(tell, kind):
    async def story(house):
        return (await house.chat("one")).status, house.world.order

    assert tell(config(), {"a": [fails(0, kind), well]}, story) == (200, ["a/x", "a/x"])


@pytest.mark.parametrize("status", [400, 404, 405, 410, 413, 415, 422, 451])
def test_other_4xx_are_never_tried_again_at_the_same_target(tell, status):
    async def story(house):
        return (await house.chat("one")).status, house.world.order

    assert tell(config(), {"a": fails(status)}, story)[1] == ["a/x"]


@pytest.mark.parametrize("status", [400, 405, 413, 415, 422, 451])
def test_a_wrong_request_is_not_bought_elsewhere(tell, status):
    async def story(house):
        await house.chat("two")
        return house.world.order

    assert tell(config(), {"a": fails(status)}, story) == ["a/x"]


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_refused_key_or_a_missing_model_goes_to_the_next_target_at_once(tell, status):
    async def story(house):
        answer = await house.chat("two")
        return answer.status, house.world.asked

    assert tell(config(), {"a": fails(status)}, story) == (200, [(0.0, "a/x"), (0.0, "b/x")])


@pytest.mark.parametrize(
    "error",
    [
        fails(400, code="model_not_found", message="The requested model does not exist."),
        fails(400, code="insufficient_quota", message="You exceeded your current quota."),
        fails(400, message="Incorrect API key provided."),
    ],
)
def test_what_an_upstream_wrongly_calls_the_callers_fault_goes_elsewhere(tell, error):
    async def story(house):
        return (await house.chat("two")).status, house.world.order

    assert tell(config(), {"a": error}, story) == (200, ["a/x", "b/x"])


@pytest.mark.parametrize(("status", "asked"), [(401, ["a/x"]), (402, ["a/x"]), (403, ["a/x", "a/y"])])
def test_a_provider_that_accepts_no_key_is_not_asked_for_another_model(tell, status, asked):
    async def story(house):
        answer = await house.chat("same")
        return answer.status, house.world.order

    status, order = tell(config(), {"a": fails(status)}, story)
    assert (status, order) == (502, asked), "and the caller is not told that their key is wrong"


def test_retry_after_is_waited_for(tell):
    async def story(house):
        return (await house.chat("one")).status, house.world.asked

    asked = [(0.0, "a/x"), (7.0, "a/x")]
    assert tell(config(), {"a": [fails(429, retry_after=7.0), well]}, story) == (200, asked)


def test_a_retry_after_beyond_the_longest_wait_is_not_waited_for_and_told_to_the_caller(tell):
    async def story(house):
        answer = await house.chat("one")
        return answer.status, answer.headers["retry-after"], house.world.order

    assert tell(config(), {"a": fails(429, retry_after=61.0)}, story) == (429, "61", ["a/x"])


def test_a_retry_after_beyond_the_deadline_is_not_waited_for(tell):
    async def story(house):
        answer = await house.chat("one")
        return answer.status, house.world.order, house.notes()

    status, order, notes = tell(config(top="timeouts.total = '10s'"), {"a": fails(503, retry_after=11.0)}, story)
    assert (status, order) == (503, ["a/x"])
    assert "the deadline is nearer" in notes[0]


def test_another_target_does_not_wait_for_the_first_ones_retry_after(tell):
    async def story(house):
        await house.chat("two")
        return house.world.asked

    assert tell(config(), {"a": fails(429, retry_after=30.0)}, story) == [(0.0, "a/x"), (0.0, "b/x")]


def test_an_upstream_that_says_not_to_retry_is_not_asked_again(tell):
    async def story(house):
        await house.chat("one")
        return house.world.order

    assert tell(config(), {"a": fails(503, should_retry=False)}, story) == ["a/x"]


def test_fallbacks_follow_the_targets_of_the_model(tell):
    text = config('[defaults]\nfailover = { fallbacks = ["other", "b/z"] }')

    async def story(house):
        answer = await house.chat("two")
        return answer.status, house.world.order

    does = {"a": fails(503), "b/x": fails(500), "c": fails(503)}
    assert tell(text, does, story) == (200, ["a/x", "b/x", "c/x", "b/z"])


def test_errors_of_a_class_go_where_the_class_says(tell):
    text = config("""
[models.long]
targets = ["a/x", "b/x"]
failover = { context_window = ["c/big"], content_filter = ["c/free"] }
""")
    errors = {
        "c/big": [
            fails(400, code="context_length_exceeded"),
            fails(400, message="prompt is too long: 210000 tokens > 200000 maximum"),
            fails(400, message="This model's maximum context length is 8192 tokens."),
            fails(400, message="The input token count exceeds the maximum number of tokens allowed (1048576)."),
        ],
        "c/free": [
            fails(400, code="content_filter"),
            fails(400, code="content_policy_violation"),
            fails(400, message="The response was filtered due to Azure's content management policy."),
        ],
    }

    async def story(house):
        seen = []
        for goal, several in errors.items():
            for error in several:
                house.world.does["a"] = error
                house.world.asked.clear()
                answer = await house.chat("long")
                seen.append((answer.status, house.world.order, goal))
        return seen

    for status, order, goal in tell(text, {}, story):
        assert (status, order) == (200, ["a/x", goal])


def test_a_class_without_names_is_the_callers_error(tell):
    async def story(house):
        answers = [await house.chat("two"), await house.chat("two")]
        return [answer.status for answer in answers], house.world.order

    does = {"a": [fails(400, code="context_length_exceeded"), fails(400, code="content_filter")]}
    assert tell(config(), does, story) == ([400, 400], ["a/x", "a/x"])


def test_the_most_retries_of_a_target_and_off_are_settings_of_every_level(tell):
    text = config("""
[models.never]
targets = ["a/x", "b/x"]
failover = "off"
[models.once]
targets = ["a/x"]
failover = { retries = 1 }
""")

    async def story(house):
        orders = []
        for model in ("never", "once", "one"):
            house.world.asked.clear()
            await house.chat(model)
            orders.append(house.world.order)
        return orders

    assert tell(text, {"a": fails(500)}, story) == [["a/x"], ["a/x"] * 2, ["a/x"] * 2]  # the fifth failure opens


def test_a_relays_refusal_goes_elsewhere_and_is_not_blamed_on_the_target(tell):
    async def story(house):
        for _ in range(6):
            await house.chat("two")
        return house.world.count("a/x"), house.changes()

    assert tell(config(), {"a": fails(0, "refused")}, story) == (6, [])


def test_a_passthrough_is_never_sent_twice(tell):
    async def story(house):
        answer = await Client(house.gateway).post("/v1/files/x", b"{}")
        return answer.status, house.world.order

    status, order = tell(config(), {"a": fails(503)}, story)
    assert len(order) <= 1
    assert status >= 400


def test_content_that_was_sent_ends_it(tell, words):
    async def story(house):
        async def broken(self, request):
            yield "Hel"
            raise ProviderError("gone", kind="cut")

        house.world.plugin.generate = broken
        answer = await house.chat("two", stream=True)
        return answer, house.world.order

    answer, order = tell(config(), {}, story)
    assert words(answer.body) == "Hel"
    assert b'"error"' in answer.body
    assert b"[DONE]" not in answer.body
    assert order == ["a/x"]


def test_the_wait_for_the_first_content_of_a_stream_is_bounded_and_that_of_a_whole_answer_is_not(tell, words):
    text = config("[defaults]\nfailover.first_content = '10s'")

    async def story(house):
        streamed = await house.chat("two", stream=True)
        at = house.world.asked[:]
        whole = await house.chat("two")
        return words(streamed.body), at, whole.headers["x-tollhouse-target"]

    said, asked, target = tell(text, {"a": slow(30)}, story)
    assert said == "Hello there"
    assert asked == [(0.0, "a/x"), (10.0, "b/x")]
    assert target == "a/x"


def test_a_stream_that_begins_and_says_nothing_goes_on_elsewhere_too(tell, words):
    text = config("[defaults]\nfailover.first_content = '10s'")

    async def story(house):
        async def mute(self, request):
            if len(house.world.asked) == 1:
                await asyncio.sleep(30)
            yield "Hello"

        house.world.plugin.generate = mute
        answer = await house.chat("two", stream=True)
        return words(answer.body), house.world.asked, house.attempts()[0]

    said, asked, first = tell(text, {}, story)
    assert said == "Hello"
    assert asked == [(0.0, "a/x"), (10.0, "b/x")]
    assert first == ("a/x", "failed", "timeout")
