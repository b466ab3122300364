"""The core's part of failover, hedging and corrective retries, proved with small plugins over real sockets."""

import asyncio

from parts import BODY, CHAT, STREAM, WORDS, GoesOn, Hedges, Observes, asks, chunk, config, words
from tollhouse import Next, ProviderError, Refused, Skip, Target, hookimpl
from tollhouse.dialect import Edit
from tollhouse.testing import Client, Cut, Upstream, gateway, run, sse


def both(first, second, *plugins, more=""):
    """Ask through a gateway in front of two upstreams; returns what a test looks at."""

    async def ask(body):
        observes = Observes()
        async with Upstream() as a, Upstream() as b:
            a.answer(*first) if isinstance(first, tuple) else a.then(first)
            b.answer(*second) if isinstance(second, tuple) else b.then(second)
            async with gateway(config(a.url, b.url, more=more), observes, *plugins) as made:
                response = await Client(made).post(CHAT, body)
            return response, observes, a, b

    return ask


def test_a_failed_attempt_goes_on_to_the_next_target_and_says_so():
    response, observes, a, b = run(both((BODY, 503), (BODY,), GoesOn())(asks("m")))
    assert response.status == 200
    assert words(response.body) == "Hello"
    assert response.headers["x-tollhouse-target"] == "b/x"
    assert response.headers["x-tollhouse-attempts"] == "2"
    assert observes.attempts == [("a/x", "failed", "overloaded"), ("b/x", "won", "")]
    assert observes.settled == [("completed", 200)]
    assert (len(a.requests), len(b.requests)) == (1, 1)


def test_without_a_plugin_that_recovers_the_first_failure_is_the_answer():
    error = {"error": {"message": "busy", "type": "server_error", "param": None, "code": "overloaded"}}
    response, observes, _, b = run(both((error, 503, {"retry-after": "7"}), (BODY,))(asks("m")))
    assert response.status == 503
    assert response.json() == error
    assert response.headers["retry-after"] == "7"
    assert observes.attempts == [("a/x", "failed", "overloaded")]
    assert observes.settled == [("failed", 503)]
    assert b.requests == []


def test_an_error_inside_a_stream_before_content_becomes_a_real_failure_and_fails_over():
    broken = sse(WORDS[0], {"error": {"message": "no", "type": "server_error", "code": "oops"}})
    response, observes, _, _ = run(both((broken,), (STREAM,), GoesOn())(asks("m", stream=True)))
    assert response.status == 200
    assert words(response.body) == "Hello"
    assert [state for _, state, _ in observes.attempts] == ["failed", "won"]


def test_an_upstream_that_dies_before_content_fails_over_even_after_its_200():
    response, observes, _, _ = run(
        both(([sse(WORDS[0], done=False), Cut],), (STREAM,), GoesOn())(asks("m", stream=True))
    )
    assert words(response.body) == "Hello"
    assert observes.attempts[0] == ("a/x", "failed", "cut")


def test_after_content_nothing_is_tried_again_and_the_stream_ends_in_an_error_without_a_stop():
    response, observes, _, b = run(both(([sse(*WORDS, done=False), Cut],), (STREAM,), GoesOn())(asks("m", stream=True)))
    assert response.status == 200
    assert words(response.body) == "Hello"
    assert b'"error"' in response.body
    assert b"data: [DONE]" not in response.body
    assert b'"stop"' not in response.body
    assert observes.attempts == [("a/x", "failed", "cut")]
    assert observes.settled == [("failed", 502)]
    assert b.requests == []


def test_a_stream_that_ends_without_its_terminal_event_is_an_error_and_never_a_stop():
    response, observes, _, _ = run(both((sse(*WORDS, done=False),), (STREAM,))(asks("m", stream=True)))
    assert words(response.body) == "Hello"
    assert b'"error"' in response.body
    assert b"data: [DONE]" not in response.body
    assert observes.attempts == [("a/x", "failed", "cut")]


def test_the_core_caps_attempts_whatever_plugins_would_try():
    class Stubborn:
        name = "stubborn"

        @hookimpl
        async def recover(self, exchange, attempt):
            return Next(attempt.target)

    response, observes, a, _ = run(both((BODY, 500), (BODY,), Stubborn(), more="max_attempts = 3")(asks("m")))
    assert response.status == 500
    assert len(a.requests) == len(observes.attempts) == 3
    assert response.headers["x-should-retry"] == "false"


def test_a_skip_passes_a_target_over_without_an_attempt():
    class Skips:
        name = "skips"

        @hookimpl
        async def dispatch(self, attempt):
            if attempt.target.provider == "a":
                raise Skip("breaker open")

    response, observes, a, _ = run(both((BODY,), (BODY,), Skips())(asks("m")))
    assert response.headers["x-tollhouse-target"] == "b/x"
    assert observes.attempts == [("b/x", "won", "")]
    assert a.requests == []


def test_a_skip_may_name_a_target_outside_the_plan_and_skips_in_a_circle_end():
    class Skips:
        name = "skips"

        def __init__(self, circle):
            self.circle = circle

        @hookimpl
        async def dispatch(self, attempt):
            if attempt.target.name == "a/x":
                raise Skip("rests", instead=Target("b", "y"))
            if self.circle:
                raise Skip("rests", instead=Target("a", "x"))

    response, observes, a, b = run(both((BODY,), (BODY,), Skips(False))(asks("m")))
    assert response.headers["x-tollhouse-target"] == "b/y"
    assert observes.attempts == [("b/y", "won", "")]
    assert (len(a.requests), len(b.requests)) == (0, 1)

    response, observes, *_ = run(both((BODY,), (BODY,), Skips(True))(asks("m")))
    assert (response.status, observes.attempts) == (503, [])


def test_an_attempt_without_content_in_the_time_it_was_given_fails_over():
    class Hurries:
        name = "hurries"

        @hookimpl
        async def dispatch(self, attempt):
            attempt.content_within = 0.2

    for silent in ([60.0], [sse(WORDS[0], done=False), 60.0]):
        response, observes, *_ = run(both((silent,), (STREAM,), Hurries(), GoesOn())(asks("m", stream=True)))
        assert words(response.body) == "Hello"
        assert observes.attempts == [("a/x", "failed", "timeout"), ("b/x", "won", "")]


def test_when_every_target_is_skipped_the_caller_gets_a_503_that_says_why():
    class Skips:
        name = "skips"

        @hookimpl
        async def dispatch(self, attempt):
            raise Skip("breaker open")

    response, observes, _, _ = run(both((BODY,), (BODY,), Skips())(asks("m")))
    assert response.status == 503
    assert "breaker open" in response.json()["error"]["message"]
    assert observes.attempts == []
    assert observes.settled == [("failed", 503)]


class Fails:
    """A `dispatch` that knows better than to ask these targets."""

    name = "fails"

    def __init__(self, *names):
        self.names = names

    @hookimpl
    async def dispatch(self, exchange, attempt):
        if attempt.target.name in self.names:
            raise ProviderError("The token server is down.", kind="overloaded", status=503, code="no_token")


def test_a_dispatch_that_fails_is_a_failed_attempt_and_the_next_target_is_asked():
    response, observes, a, _ = run(both((BODY,), (BODY,), GoesOn(), Fails("a/x"))(asks("m")))
    assert response.status == 200
    assert response.headers["x-tollhouse-target"] == "b/x"
    assert response.headers["x-tollhouse-attempts"] == "2"
    assert observes.attempts == [("a/x", "failed", "overloaded"), ("b/x", "won", "")]
    assert a.requests == []


def test_a_dispatch_that_fails_everywhere_is_the_callers_error_and_not_a_crash():
    response, observes, a, b = run(both((BODY,), (BODY,), GoesOn(), Fails("a/x", "b/x"))(asks("m")))
    assert response.status == 503
    assert response.json()["error"]["code"] == "no_token"
    assert observes.attempts == [("a/x", "failed", "overloaded"), ("b/x", "failed", "overloaded")]
    assert observes.settled == [("failed", 503)]
    assert a.requests == b.requests == []


def test_a_hedge_wins_when_the_first_is_silent_and_the_loser_is_cancelled_and_observed():
    async def ask():
        observes = Observes()
        async with Upstream() as a, Upstream() as b:
            a.answer([60.0])
            b.answer(STREAM)
            async with gateway(config(a.url, b.url), observes, Hedges(0.05)) as made:
                response = await Client(made).post(CHAT, asks("m", stream=True))
                async with asyncio.timeout(5):
                    await a.requests[0].left.wait()
        return response, observes

    response, observes = run(ask())
    assert words(response.body) == "Hello"
    assert sorted(observes.attempts) == [("a/x", "lost", ""), ("b/x", "won", "")]
    assert observes.settled == [("completed", 200)]


def test_a_fast_first_answer_needs_no_hedge():
    response, observes, _, b = run(both((STREAM,), (STREAM,), Hedges(30.0))(asks("m", stream=True)))
    assert words(response.body) == "Hello"
    assert observes.attempts == [("a/x", "won", "")]
    assert b.requests == []


def test_when_both_racers_fail_each_is_observed_once_and_recover_may_go_on():
    def late(request):
        from tollhouse.testing.upstream import scripted

        return scripted([0.15, b"nonsense"], 500)

    response, observes, _, _ = run(both(late, (BODY, 503), Hedges(0.03), GoesOn())(asks("m")))
    assert response.status in (500, 503)
    assert sorted(observes.attempts) == [("a/x", "failed", "server"), ("b/x", "failed", "overloaded")]


class Corrects:
    """A corrective retry: a relay that refuses the first reply, and a recover that asks again in other words."""

    name = "corrects"

    def __init__(self, again=True):
        self.again = again
        self.chains = 0

    @hookimpl
    async def relay(self, exchange, events):
        self.chains += 1
        text = ""
        held = []
        async for event in events:
            text += event.text
            held.append(event)
        if "Hello" in text:
            raise Refused("not the JSON that was asked for", again=self.again)
        for event in held:
            yield event

    @hookimpl
    async def recover(self, exchange, attempt):
        request = exchange.request.copy()
        request.edit(Edit(("messages", 0, "content"), "again, please"))
        return Next(attempt.target, request=request)


def test_a_relay_that_refuses_makes_a_failed_attempt_and_the_chain_is_built_anew():
    corrects = Corrects()

    async def ask(stream):
        async with Upstream() as up:
            up.answer(STREAM if stream else BODY)
            up.answer(sse(chunk({"content": "{}"}), chunk(finish="stop")) if stream else corrected())
            async with gateway(config(up.url), corrects) as made:
                response = await Client(made).post(CHAT, asks("m", stream=stream))
            return response, [request.json()["messages"][0]["content"] for request in up.requests]

    for stream in (True, False):
        corrects.chains = 0
        response, asked = run(ask(stream))
        assert response.status == 200
        assert words(response.body) == "{}"
        assert asked == ["hi", "again, please"]
        assert corrects.chains == 2


def corrected():
    return {
        **BODY,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "{}"}, "finish_reason": "stop"}],
    }


def test_a_refusal_for_good_is_never_bought_again_elsewhere():
    response, observes, _, b = run(both((BODY,), (BODY,), Corrects(again=False))(asks("m")))
    assert response.status == 400
    assert response.json()["error"]["code"] == "refused"
    assert response.headers["x-should-retry"] == "false"
    assert observes.attempts == [("a/x", "failed", "refused")]
    assert observes.settled == [("rejected", 400)]
    assert b.requests == []


def test_our_bad_credential_is_never_shown_as_the_callers_401():
    error = {
        "error": {
            "message": "Incorrect API key provided: sk-fake-a.",
            "type": "invalid_request_error",
            "code": "invalid_api_key",
        }
    }
    response, observes, _, _ = run(both((error, 401), (BODY,))(asks("m")))
    assert response.status == 502
    assert b"sk-fake-a" not in response.body
    assert response.headers["x-should-retry"] == "false"
    assert observes.attempts == [("a/x", "failed", "credentials")]


def test_garbage_with_a_200_is_a_502_and_may_fail_over():
    response, _, _, _ = run(both((b"<html>hello</html>", 200, {"content-type": "text/html"}), (BODY,))(asks("m")))
    assert response.status == 502
    response, observes, _, _ = run(both((b'{"id": "c1", "choi', 200), (BODY,), GoesOn())(asks("m")))
    assert words(response.body) == "Hello"
    assert observes.attempts[0] == ("a/x", "failed", "bad_reply")


def test_nobody_there_is_a_502_with_a_clear_word():
    async def ask():
        async with gateway(config("http://127.0.0.1:1")) as made:
            return await Client(made).post(CHAT, asks("m"))

    response = run(ask())
    assert response.status == 502
    assert response.json()["error"]["code"] == "upstream_unreachable"
