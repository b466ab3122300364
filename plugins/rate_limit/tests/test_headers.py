"""What callers are told of their limits, exactly as the counters stand."""

import asyncio
import re
from datetime import datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limited import CHAT, config
from tollhouse import Demand
from tollhouse.store import Level
from tollhouse.testing import Client, Upstream, gateway, run
from tollhouse_rate_limit.headers import go_duration, headers, moment
from tollhouse_rate_limit.words import duration

MESSAGES = "/v1/messages"
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (0.017, "17ms"), (1, "1s"), (1.5, "1.5s"), (360, "6m0s"), (3600, "1h0m0s"), (3725.25, "1h2m5.25s")],
)
def test_a_reset_is_a_duration_as_go_writes_it(seconds, words):
    assert go_duration(seconds) == words


@given(st.floats(0, 10**7))
def test_a_duration_never_says_less_than_it_takes_nor_a_millisecond_more(seconds):
    parts = re.findall(r"([\d.]+)(ms|[hms])", go_duration(seconds))
    told = sum(float(number) * UNITS[unit] for number, unit in parts)
    assert seconds - 1e-6 <= told <= seconds + 0.001 + 1e-6


@given(st.floats(0, 4e9))
def test_a_moment_is_rfc_3339_and_never_too_early(at):
    told = datetime.fromisoformat(moment(at)).timestamp()
    assert at - 1e-3 <= told < at + 1.001


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.31, "0.4 s"),
        (12.2, "13 s"),
        (185, "3 min 5 s"),
        (180, "3 min"),
        (7800, "2 h 10 min"),
        (7200, "2 h"),
    ],
)
def test_people_are_told_in_words(seconds, words):
    assert duration(seconds) == words


LEVELS = st.lists(
    st.tuples(
        st.sampled_from(["requests", "tokens", "input", "output", "slot"]),
        st.integers(0, 200),
        st.integers(1, 100),
        st.floats(0, 1e5),
        st.booleans(),
    ),
    max_size=8,
)


@given(LEVELS, st.sampled_from(["openai", "anthropic", "gemini"]))
def test_the_tightest_limit_of_each_measure_is_told(said, dialect):
    asked, levels = {}, []
    for number, (measure, used, limit, resets_in, shadow) in enumerate(said):
        key = f"rate_limit:{number}"
        demand = Demand(key=key, kind="rate", measure=measure, amount=1, limit=limit, period=60.0)
        asked[key] = SimpleNamespace(demand=demand, limit=SimpleNamespace(shadow=shadow))
        levels.append(Level(key=key, used=used, limit=limit, resets_in=resets_in))
    foreign = Level(key="budget:x", used=0, limit=1)
    told = headers(dialect, asked, [*levels, foreign], 1000.0)
    names = {"requests": "requests", "tokens": "tokens"}
    if dialect == "anthropic":
        names |= {"input": "input-tokens", "output": "output-tokens"}
    counted = 0
    for measure, name in names.items():
        of_it = [one for one, (m, *_, shadow) in zip(levels, said, strict=True) if m == measure and not shadow]
        form = f"anthropic-ratelimit-{name}-{{}}" if dialect == "anthropic" else f"x-ratelimit-{{}}-{name}"
        if not of_it:
            assert form.format("limit") not in told
            continue
        counted += 3
        tight = min(of_it, key=lambda level: (level.remaining, level.limit))
        assert told[form.format("remaining")] == str(tight.remaining)
        assert told[form.format("limit")] == str(tight.limit)
        same = [one for one in of_it if (one.remaining, one.limit) == (tight.remaining, tight.limit)]
        written = go_duration if dialect != "anthropic" else (lambda seconds: moment(1000.0 + seconds))
        assert told[form.format("reset")] in {written(one.resets_in) for one in same}
    assert len(told) == counted


def test_every_answer_tells_what_the_counters_say_at_that_moment(tell):
    text = config('[defaults]\nrate_limit = ["7 requests/minute", "3 requests/hour", "9k tokens/hour"]')

    async def story(house):
        for used in range(1, 4):
            answer = await house.chat(max_tokens=100)
            told = {name[12:]: value for name, value in answer.headers.items() if name.startswith("x-ratelimit-")}
            assert (told["limit-requests"], told["remaining-requests"]) == ("3", str(3 - used))
            assert told["reset-requests"] == go_duration(1200.0 * used)
            assert int(told["remaining-tokens"]) + 100 <= 9000
        refused = await house.chat(max_tokens=100)
        assert refused.status == 429
        assert refused.headers["x-ratelimit-remaining-requests"] == "0"
        assert refused.headers["retry-after"] == "1200"
        assert refused.headers["retry-after-ms"] == "1200000"
        assert refused.headers["x-ratelimit-remaining-tokens"] == str(9000 - (await used_of(house, "9k tokens/hour")))

    async def used_of(house, rate):
        return next(used for key, used in (await house.counters()).items() if key.endswith(rate))

    tell(text, story)


def test_an_anthropic_caller_reads_anthropics_headers_and_error(tell):
    text = config('[defaults]\nrate_limit = ["2 requests/minute", "9k input tokens/hour"]')
    body = {"model": "demo", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}

    async def story(house):
        client = Client(house.gateway, {"anthropic-version": "2023-06-01"})
        return [await client.post(MESSAGES, body) for _ in range(3)]

    first, _, refused = tell(text, story)
    told = {name[20:]: value for name, value in first.headers.items() if name.startswith("anthropic-ratelimit-")}
    assert (told["requests-limit"], told["requests-remaining"]) == ("2", "1")
    assert told["requests-reset"] == "2023-11-14T22:13:50Z"
    assert told["input-tokens-limit"] == "9000"
    assert not [name for name in first.headers if name.startswith("x-ratelimit-")]
    assert (refused.status, refused.json()["error"]["type"]) == (429, "rate_limit_error")
    assert refused.headers["retry-after"] == "30"
    assert refused.headers["anthropic-ratelimit-requests-remaining"] == "0"


def test_a_refusal_says_which_limit_how_full_it_is_and_when_it_frees(tell, error):
    more = """
[teams.search]
rate_limit = "2 requests/minute"
[rate_limit]
rules = [
  { limit = "5k tokens/minute", by = ["key", "model"], name = "fair use" },
  { limit = "2 concurrent" },
]
"""
    text = config(more, ttft="1s")

    async def story(house):
        several = await asyncio.gather(*(house.chat(f"k{number}", max_tokens=4000) for number in range(3)))
        await house.chat("ci/search")
        await house.chat("ci/search")
        team = await house.chat("ci/search")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(house.chat("ci", max_tokens=4000))
            await asyncio.sleep(0.1)
            tokens = await house.chat("ci", max_tokens=3000)
        return several[2], team, tokens, await house.chat("ci", max_tokens=6000)

    slots, team, tokens, never = tell(text, story)
    assert error(slots) == (
        "Rate limit 2 concurrent (rule 2) reached: 2 of 2 under way. Try again when a call has ended."
    )
    assert re.fullmatch(
        r"Rate limit 2 requests/minute of team search reached: 2 of 2 used[.] Try again in 2\d s[.]", error(team)
    )
    assert re.fullmatch(
        r"Rate limit 5k tokens/minute of key ci, model demo \(fair use\) reached: 4,0\d\d of 5,000 used, and this "
        r"request holds up to 3,0\d\d[.] Try again in \d\d s[.]",
        error(tokens),
    )
    assert tokens.json()["error"]["type"] == "tokens"
    assert "more than the limit 5k tokens/minute of key ci, model demo (fair use) ever allows" in error(never)
    assert never.headers["x-should-retry"] == "false"
    assert "retry-after" not in never.headers


def test_the_upstreams_own_limits_are_not_mixed_with_ours():
    said = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [said]}

    async def ask(plugins):
        async with Upstream() as up:
            up.answer(body, headers={"x-ratelimit-limit-tokens": "1", "x-ratelimit-limit-requests": "1"})
            text = (
                f'plugins = {plugins}\n[providers.up]\nkind = "openai"\nbase_url = "{up.url}/v1"\n'
                'api_key = "sk-fake"\n[models]\nm = ["up/m"]\n'
            )
            text += '[defaults]\nrate_limit = "9 requests/day"\n' if "rate_limit" in plugins else ""
            async with gateway(text) as made:
                return await Client(made).post(CHAT, {"model": "m", "messages": []})

    def limits(plugins):
        answer = run(ask(plugins))
        return {name: value for name, value in answer.headers.items() if "-limit-" in name}

    assert limits('["openai"]') == {"x-ratelimit-limit-tokens": "1", "x-ratelimit-limit-requests": "1"}
    assert limits('["openai", "rate_limit"]') == {"x-ratelimit-limit-requests": "9"}
