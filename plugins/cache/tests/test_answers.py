"""What was answered once is answered again: to whom, in which dialect, for how long, and at what price."""

import pytest
from caching import CHAT, CONFIG, Oracle, house, tell, verdict, words
from tollhouse import ConfigError, Edit, Next, Refused, hookimpl
from tollhouse.config import parse
from tollhouse.testing import Client, Upstream, gateway, run, sse
from tollhouse_cache import Cache


def test_one_entry_answers_streams_and_bodies_of_both_dialects():
    async def story(house):
        first = await house.chat(max_tokens=9)
        others = [
            await house.chat(max_tokens=9, stream=True),
            await house.message(),
            await house.message(stream=True),
            await house.chat(max_tokens=9),
        ]
        assert verdict(first) == "miss"
        assert [verdict(one) for one in others] == ["hit"] * 4
        assert {words(one) for one in (first, *others)} == {"the answer to hi"}
        assert len(Oracle.asked) == 1

    tell(story)


def test_a_stream_that_was_asked_for_first_answers_the_others_too():
    async def story(house):
        assert await house.verdicts(house.message(stream=True), house.message(), house.chat(max_tokens=9)) == [
            "miss",
            "hit",
            "hit",
        ]

    tell(story)


def test_an_openai_gemini_and_responses_call_share_an_entry():
    async def story(house):
        gemini = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
        response = {"model": "m", "input": [{"role": "user", "content": "hi"}], "store": False}
        assert verdict(await house.chat()) == "miss"
        assert verdict(await house.client().post("/v1beta/models/m:generateContent", gemini)) == "hit"
        assert verdict(await house.client().post("/v1/responses", response)) == "hit"
        assert verdict(await house.client().post("/v1/responses", {**response, "input": "hi", "stream": True})) == "hit"
        assert len(Oracle.asked) == 1

    tell(story)


def test_a_hit_has_a_new_id_the_usage_of_the_call_and_costs_nothing():
    async def story(house):
        first, second = (await house.chat(), await house.chat())
        assert first.json()["id"] != second.json()["id"]
        assert first.json()["usage"] == second.json()["usage"]
        assert second.json()["usage"]["completion_tokens"] == 5
        made, saved = house.ended
        assert (made.outcome, made.cost, made.saved) == ("completed", 53_000, 0)
        assert (saved.outcome, saved.cost, saved.saved, saved.target, saved.tokens) == ("answered", 0, 53_000, "", {})
        assert (made.labels["cache"], saved.labels["cache"]) == ("miss", "hit")
        assert await house.counter.used(house.gateway) == [2, 53_000]
        assert "x-tollhouse-target" not in second.headers
        assert second.headers["x-tollhouse-cache-entry"].startswith("ce_")
        assert "x-tollhouse-cache-entry" not in first.headers

    tell(story)


def test_a_hit_says_how_old_it_is():
    async def story(house):
        await house.chat()
        house.clock.now += 90
        return (await house.chat()).headers["age"]

    assert tell(story) == "90"


def test_an_entry_dies_with_its_time():
    async def story(house):
        await house.chat()
        house.clock.now += 599
        before = verdict(await house.chat())
        house.clock.now += 1
        return before, verdict(await house.chat()), len(Oracle.asked)

    assert tell(story) == ("hit", "miss", 2)


def test_max_age_bounds_what_may_answer_and_leaves_the_entry_to_others():
    async def story(house):
        await house.chat()
        house.clock.now += 61
        return await house.verdicts(
            house.chat(headers={"cache-control": "max-age=60"}, who="ci"),
            house.chat(headers={"cache-control": "max-age=60"}, who="ci"),
            house.chat(headers={"cache-control": "max-age=0"}, who="ci"),
            house.chat(headers={"cache-control": "max-age=many"}, who="ci"),
        )

    assert tell(story)[:2] == ["miss", "hit"]
    assert tell(story, "[cache]\nmax_age = '1m'")[0] == "miss"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({"cache-control": "no-store"}, ["bypass", "miss", "bypass"]),
        ({"x-tollhouse-cache": "off"}, ["bypass", "miss", "bypass"]),
        ({"cache-control": "no-cache"}, ["miss", "hit", "miss"]),
        ({"x-tollhouse-cache": "write"}, ["miss", "hit", "miss"]),
        ({"x-tollhouse-cache": "read"}, ["miss", "miss", "hit"]),
        ({"x-tollhouse-cache": "on"}, ["miss", "hit", "hit"]),
    ],
)
def test_a_caller_may_narrow_what_the_cache_does(header, expected):
    async def story(house):
        return await house.verdicts(house.chat(headers=header), house.chat(), house.chat(headers=header))

    assert tell(story) == expected
    assert tell(story, "[cache]\nheaders = false") == ["miss", "hit", "hit"]


def test_a_caller_may_not_widen_it():
    async def story(house):
        on = {"x-tollhouse-cache": "on"}
        return await house.verdicts(house.chat(headers=on), house.chat(headers=on))

    assert tell(story, "[cache]\nmode = 'off'") == ["bypass", "bypass"]
    assert tell(story, "[cache]\nmode = 'read'") == ["miss", "miss"]


def test_only_if_cached_asks_no_upstream():
    async def story(house):
        wanted = {"cache-control": "only-if-cached"}
        none = await house.chat(headers=wanted)
        unfit = await house.chat(headers=wanted, logprobs=True)
        await house.chat()
        there = await house.chat(headers=wanted)
        assert (none.status, none.json()["error"]["code"], none.headers["x-should-retry"]) == (
            504,
            "not_cached",
            "false",
        )
        assert (unfit.status, unfit.json()["error"]["code"]) == (504, "not_cached")
        assert verdict(there) == "hit"
        assert len(Oracle.asked) == 1

    tell(story)


@pytest.mark.parametrize(
    "header",
    [
        {"x-tollhouse-cache": "of"},
        {"x-tollhouse-cache-tags": "a b"},
        {"x-tollhouse-cache-tags": "a,b,c,d,e,f,g,h,i"},
    ],
)
def test_a_header_that_means_nothing_is_a_400(header):
    async def story(house):
        answer = await house.chat(headers=header)
        return answer.status, answer.json()["error"]["code"], len(Oracle.asked)

    assert tell(story) == (400, "invalid_cache_header", 0)


def test_levels_say_what_holds_for_a_model_a_team_and_a_key():
    more = """
[models.long]
targets = ["oracle/x"]
cache = "1h"
[teams.secret]
cache = "off"
[keys.open]
secret = "sk-fake-open"
team = "secret"
cache = { mode = "on", max_age = "10s" }
"""

    async def story(house):
        async def ask(who, times=2):
            return await house.verdicts(*(house.chat(who=who, model="long") for _ in range(times)))

        said = [await ask("ci"), await ask("a/secret"), await ask("open/secret")]
        house.clock.now += 1800
        return [*said, await ask("ci", 1), await ask("open/secret", 1)]

    assert tell(story, more) == [["miss", "hit"], ["bypass"] * 2, ["miss", "hit"], ["hit"], ["miss"]]


def test_a_level_that_cannot_be_is_refused_at_start_up():
    for settings, path in (
        ("[teams.t.cache]\nttl = '60d'", "teams.t.cache"),
        ("[teams.t]\ncache = '10 minutes'", "teams.t.cache"),
        ("[cache]\nttl = '60d'", "cache"),
        ("[cache]\nmax_entry = '5 MiB'", "cache"),
        ("[cache]\nmemory = '64 KiB'", "cache"),
    ):
        with pytest.raises(ConfigError, match=path):
            tell(None, settings)


def test_deterministic_only_leaves_the_others_alone():
    async def story(house):
        return [
            await house.verdicts(*(house.chat(**said) for _ in "12"))
            for said in ({}, {"temperature": 0}, {"seed": 4}, {"temperature": 0.5})
        ]

    bypassed, cached = ["bypass"] * 2, ["miss", "hit"]
    assert tell(story, "[cache]\ndeterministic_only = true") == [bypassed, cached, cached, bypassed]
    assert tell(story) == [cached] * 4


def test_embeddings_are_cached_in_both_encodings():
    more = "[providers.simulator]\nttft = 'off'\n[models.e]\ntargets = ['simulator/embed']"

    async def story(house):
        async def embed(**said):
            return await house.client().post("/v1/embeddings", {"model": "e", "input": ["a b", "c"], **said})

        first, again, packed, same = (
            await embed(),
            await embed(),
            *[await embed(encoding_format="base64") for _ in "12"],
        )
        assert [verdict(one) for one in (first, again, packed, same)] == ["miss", "hit", "miss", "hit"]
        assert first.json()["data"] == again.json()["data"]
        assert packed.json()["data"] == same.json()["data"]
        assert again.json()["usage"] == first.json()["usage"]

    tell(story, more)


def chunk(delta=None, finish=None, **more):
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "x",
        "choices": [{"index": 0, "delta": delta or {}, "finish_reason": finish}],
        **more,
    }


HELLO = [chunk({"role": "assistant", "content": "Hel"}), chunk({"content": "lo"})]


def body(message, finish="stop"):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "x", "choices": [choice], "usage": usage}


def asked_twice(answer, *, stream, settings="", status=200, **said):
    """What an upstream of the OpenAI dialect says twice, through the cache; the answers and the calls made."""

    async def ask():
        async with Upstream() as up:
            up.answer(answer, status)
            config = (
                'plugins = ["openai"]\n[providers.a]\nkind = "openai"\napi_key = "sk-fake-a"\n'
                f'base_url = "{up.url}/v1"\n[models]\nm = ["a/x"]\n{settings}'
            )
            async with gateway(config, Cache) as made:
                asked = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream, **said}
                answers = [await Client(made).post(CHAT, asked) for _ in "12"]
            return answers, len(up.requests)

    return run(ask())


@pytest.mark.parametrize(
    ("answer", "stream", "status"),
    [
        (sse(*HELLO, done=False), True, 200),
        (sse(*HELLO, {"error": {"message": "no", "code": "overloaded"}}, done=False), True, 200),
        (sse(*HELLO, chunk(finish="content_filter")), True, 200),
        (sse(*HELLO, chunk(finish="length")), True, 200),
        (sse(*HELLO, chunk(finish="something_new")), True, 200),
        (sse(*HELLO, chunk({"refusal": "I will not"}), chunk(finish="stop")), True, 200),
        (body({"content": "Hello"}, "length"), False, 200),
        (body({"content": None, "refusal": "I will not"}), False, 200),
        (body({"content": "x" * 5000}), False, 200),
        ({"error": {"message": "no", "type": "invalid_request_error", "code": "no"}}, False, 400),
        (b"<html>", False, 200),
    ],
    ids=["cut", "error", "filtered", "truncated", "unknown", "refusal", "short", "declined", "large", "400", "html"],
)
def test_what_is_no_whole_answer_is_not_cached(answer, stream, status):
    answers, calls = asked_twice(answer, stream=stream, status=status, settings="[cache]\nmax_entry = '4 KiB'")
    assert calls == 2
    assert [verdict(one) for one in answers] == ["miss", "miss"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_call_comes_back_with_its_id_and_arguments_as_they_were(stream):
    call = {"id": "call_7", "type": "function", "function": {"name": "f", "arguments": '{"a" : 1}'}}
    whole = body({"content": None, "tool_calls": [call]}, "tool_calls")
    said = sse(chunk({"role": "assistant", "tool_calls": [{"index": 0, **call}]}), chunk(finish="tool_calls"))
    answers, calls = asked_twice(said if stream else whole, stream=stream)
    assert (calls, verdict(answers[1])) == (1, "hit")
    if not stream:
        assert answers[1].json()["choices"][0]["message"]["tool_calls"] == [call]
        assert answers[1].json()["choices"][0]["finish_reason"] == "tool_calls"
    else:
        assert b'{\\"a\\" : 1}' in answers[1].body
        assert b'"call_7"' in answers[1].body


def test_a_stream_without_a_last_word_but_with_its_finish_reason_is_whole():
    answers, calls = asked_twice(sse(*HELLO, chunk(finish="stop"), done=False), stream=True)
    assert (calls, verdict(answers[1]), words(answers[1])) == (1, "hit", "Hello")


@pytest.mark.parametrize(
    "said",
    [
        {"logprobs": True},
        {"modalities": ["text", "audio"]},
        {"functions": [{"name": "f"}]},
        {"store": True},
        {"tools": [{"type": "custom", "custom": {"name": "f"}}]},
        {"web_search_options": {"a": 1}},
    ],
)
def test_what_a_replay_could_not_give_back_is_not_cached(said):
    answers, calls = asked_twice(body({"content": "Hello"}), stream=False, **said)
    assert (calls, [verdict(one) for one in answers]) == (2, ["bypass", "bypass"])


def test_a_response_that_the_upstream_keeps_is_not_cached():
    async def story(house):
        async def respond(**said):
            answer = await house.client().post("/v1/responses", {"model": "m", "input": "hi", **said})
            return verdict(answer)

        return [await respond(), await respond(store=True), await respond(store=False), await respond(store=False)]

    assert tell(story) == ["bypass", "bypass", "miss", "hit"]


def test_what_bytes_the_dialect_cannot_read_say_goes_upstream_uncached():
    answers, calls = asked_twice(body({"content": "Hello"}), stream=False, temperature="warm")
    assert (calls, [verdict(one) for one in answers]) == (2, ["bypass", "bypass"])


def test_a_failed_attempt_before_the_one_that_answered_leaves_nothing():
    class GoesOn:
        name = "goes_on"

        @hookimpl
        async def recover(self, exchange, attempt):
            return Next(exchange.plan.targets[1]) if len(exchange.attempts) == 1 else None

    class Fails:
        """A relay below the cache that will not let the first reply through."""

        name = "fails"
        done = False

        @hookimpl
        async def relay(self, events):
            async for event in events:
                if not self.done and event.text.startswith("to"):
                    self.done = True
                    raise Refused("no")
                yield event

    async def story(house):
        first = await house.chat(model="two")
        second = await house.chat(model="two", stream=True)
        assert words(first) == words(second) == "the answer to hi"
        assert (verdict(second), len(Oracle.asked)) == ("hit", 2)

    async def whole():
        async with house("", GoesOn(), cache=(Cache, Fails())) as made:
            await story(made)

    run(whole())


def test_an_answer_to_another_request_than_the_callers_is_not_kept():
    class Shortens:
        """After a failure it asks less."""

        name = "shortens"

        @hookimpl
        async def recover(self, exchange, attempt):
            request = exchange.request.copy()
            request.edit(Edit(("messages", 0, "content"), "hi"))
            return Next(attempt.target, request=request)

    async def story(house):
        return [words(await house.chat("hi down")) for _ in "12"], Oracle.asked

    answers, asked = tell(story, "", Shortens())
    assert answers == ["the answer to hi"] * 2
    assert asked == ["hi down", "hi"] * 2


def test_what_a_plugin_says_in_the_neutral_form_alone_is_part_of_the_question():
    class Says:
        """Says in the neutral form what the bytes do not."""

        name = "says"

        @hookimpl
        async def admit(self, exchange):
            exchange.request.body.messages[0].parts[0].text += exchange.principal.user

    async def story(house):
        seen = [verdict(await house.chat(who=who)) for who in ("a/t/x", "a/t/y", "a/t/x")]
        return seen, Oracle.asked

    assert tell(story, "", Says()) == (["miss", "miss", "hit"], ["hix", "hiy"])


def test_a_reload_keeps_what_is_in_memory():
    async def story(house):
        await house.chat()
        again = CONFIG.format(plugins="", more='[cache]\nmemory = "2 MiB"\n[store]\nurl = "memory:"')
        await house.gateway.reload(parse(again, {}, path=house.gateway.edition.loaded.path))
        answer = await house.chat()
        assert house.gateway.keep("cache", dict).memory.room == 2 << 20
        return verdict(answer)

    assert tell(story, "[cache]\nstore = false") == "hit"
