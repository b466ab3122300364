"""The token estimate: bytes over a ratio learned from what upstreams report, bounded whatever they report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import SimpleProvider, Usage, hookimpl
from tollhouse.testing import Client, exchange, gateway, run
from tollhouse.tokens import BYTES_PER_TOKEN, LEARNED, TOKENS_PER_MEDIUM, Ratios

CHAT = "/v1/chat/completions"
CONFIG = 'plugins = ["openai"]\nproviders.counts = {}\n'


def asks(text, **more):
    return {"model": "counts/x", "messages": [{"role": "user", "content": text}], **more}


class Counts(SimpleProvider):
    """A token is two bytes of what it was sent."""

    name = "counts"

    async def generate(self, request):
        yield "one"
        yield Usage(input=len(request.raw) // 2, output=1)


class Estimates:
    """Asks for the estimate on every exchange's way, as limits do."""

    name = "estimates"

    def __init__(self):
        self.seen = []

    @hookimpl
    def demand(self, exchange):
        self.seen.append((len(exchange.request.raw), exchange.tokens.input))
        return ()


def test_the_first_estimate_is_four_bytes_a_token_and_later_ones_come_near_the_truth():
    estimates = Estimates()

    async def story():
        async with gateway(CONFIG, estimates, Counts) as made:
            for _ in range(30):
                answer = await Client(made).post(CHAT, asks("word " * 400))
                assert answer.status == 200

    run(story())
    size, first = estimates.seen[0]
    assert first == size // 4
    assert estimates.seen[-1][1] == pytest.approx(size / 2, rel=0.02)
    assert sorted(estimate for _, estimate in estimates.seen) == [estimate for _, estimate in estimates.seen]


def test_inline_media_are_counted_as_such_and_teach_nothing():
    estimates = Estimates()
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 2000}}

    async def story():
        async with gateway(CONFIG, estimates, Counts) as made:
            for _ in range(3):
                await Client(made).post(CHAT, asks([{"type": "text", "text": "what is it"}, picture]))
            return len(made.keep("tokens", Ratios))

    assert run(story()) == 0
    assert {estimate for _, estimate in estimates.seen} == {estimates.seen[0][1]}
    assert TOKENS_PER_MEDIUM < estimates.seen[0][1] < TOKENS_PER_MEDIUM + 100


def test_nothing_is_learned_where_nobody_asks_for_an_estimate_or_the_report_is_one():
    class Guesses(Counts):
        name = "counts"

        async def generate(self, request):
            yield "one"
            yield Usage(input=len(request.raw) // 2, output=1, source="estimate")

    async def story(*plugins):
        async with gateway(CONFIG, *plugins) as made:
            await Client(made).post(CHAT, asks("hi"))
            return len(made.keep("tokens", Ratios))

    assert run(story(Counts)) == 0
    assert run(story(Estimates(), Guesses)) == 0


@pytest.mark.parametrize(("more", "output"), [({}, 1024), ({"max_tokens": 7}, 7), ({"max_tokens": 7, "n": 3}, 21)])
def test_the_output_is_what_the_caller_allows_or_an_assumed_figure(more, output):
    import msgspec

    async def story():
        async with gateway(CONFIG, Counts) as made:
            asked = exchange(made, raw=msgspec.json.encode(asks("hi", **more)))
            return asked.tokens.output

    assert run(story()) == output


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**6))))
def test_whatever_is_reported_the_ratio_stays_within_its_bounds(reports):
    ratios = Ratios()
    for size, tokens in reports:
        ratios.learn("m", size, tokens)
        assert 1.0 <= ratios.of("m") <= 8.0
    assert ratios.of("other") == BYTES_PER_TOKEN


@given(st.floats(1.1, 7.9))
def test_steady_reports_are_learned_and_one_strange_one_is_soon_forgotten(ratio):
    ratios = Ratios()
    for _ in range(60):
        ratios.learn("m", round(ratio * 4000), 4000)
    assert ratios.of("m") == pytest.approx(ratio, rel=0.02)
    ratios.learn("m", 10**9, 10**9)
    for _ in range(40):
        ratios.learn("m", round(ratio * 4000), 4000)
    assert ratios.of("m") == pytest.approx(ratio, rel=0.02)


def test_only_so_many_models_are_remembered_the_latest_asked_for():
    ratios = Ratios()
    for number in range(LEARNED + 5):
        ratios.learn(f"m{number}", 8000, 4000)
        ratios.of("m0")
    assert len(ratios) == LEARNED
    assert ratios.of("m0") < BYTES_PER_TOKEN
    assert ratios.of("m1") == BYTES_PER_TOKEN
