"""What belongs together goes together, and moves only when it must."""

import math
from collections import Counter

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from routing_kit import Ticking, asked, body, config, first, house, names, router
from tollhouse import Target
from tollhouse.testing import run
from tollhouse_router.hashing import hashed, rendezvous

KEYS = [hashed(f"session {n}") for n in range(4000)]

targets = st.lists(
    st.tuples(st.text(min_size=1, max_size=6), st.integers(0, 9)), min_size=1, max_size=8, unique_by=lambda one: one[0]
).map(lambda many: [Target("p", name, float(weight)) for name, weight in many])


def within(count, total, share, sigmas=4.5):
    return abs(count - total * share) <= sigmas * math.sqrt(total * share * (1 - share)) + 1e-9


def story(text, tell):
    async def whole():
        async with house(text, clock=Ticking()) as made:
            return await tell(made)

    return run(whole())


@given(targets, st.integers(0, 2**64 - 1))
def test_an_order_has_every_target_once_and_those_without_weight_last(many, key):
    order = rendezvous(key, many)
    assert sorted(order, key=str) == sorted(many, key=str)
    weights = [bool(target.weight) for target in order]
    assert weights == sorted(weights, reverse=True)
    assert rendezvous(key, many[::-1])[0] == order[0] or not order[0].weight


@given(targets, st.data())
def test_taking_a_target_away_moves_only_what_was_its_own(many, data):
    gone = data.draw(st.sampled_from(many))
    rest = [target for target in many if target is not gone]
    for key in KEYS[:50]:
        assert rendezvous(key, rest) == [target for target in rendezvous(key, many) if target is not gone]


@settings(max_examples=10)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=6))
def test_shares_are_proportional_to_weights(weights):
    many = [Target("p", f"m{n}", float(weight)) for n, weight in enumerate(weights)]
    firsts = Counter(rendezvous(key, many)[0].model for key in KEYS)
    for target in many:
        assert within(firsts[target.model], len(KEYS), target.weight / sum(weights), 5.5)


@given(targets, st.integers(1, 9))
def test_more_weight_only_draws_keys_to_its_target(many, more):
    grown = [Target("p", many[0].model, many[0].weight + more), *many[1:]]
    for key in KEYS[:50]:
        before, after = rendezvous(key, many)[0].name, rendezvous(key, grown)[0].name
        assert after in (before, grown[0].name)


STICKY = config('m = { targets = ["a/x", "b/x", "c/x"], router = "sticky" }')


def test_a_session_stays_and_sessions_spread():
    async def tell(made):
        firsts = Counter()
        for n in range(600):
            headers = {"x-session-id": f"s{n}"}
            target = await first(made, headers=headers)
            assert await first(made, raw=body("else", stream=True), headers=headers) == target
            firsts[target] += 1
        assert all(within(firsts[name], 600, 1 / 3) for name in ("a/x", "b/x", "c/x"))

    story(STICKY, tell)


def test_a_session_of_another_caller_is_another_session():
    async def tell(made):
        moved = 0
        for n in range(100):
            headers = {"x-session-id": f"s{n}"}
            moved += await first(made, headers=headers, key="k1") != await first(made, headers=headers, key="k2")
        assert 40 < moved < 95  # two of three, by chance

    story(STICKY, tell)


def chat(*turns, system="You help.", tools=("look",), **more):
    said = [{"role": "system", "content": system}]
    said += [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(turns)]
    offered = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in tools]
    return msgspec.json.encode({"model": "m", "messages": said, "tools": offered, **more})


def test_the_turns_of_a_conversation_go_together():
    async def tell(made):
        firsts = Counter()
        for n in range(300):
            start = f"Question {n}"
            orders = {
                tuple(await names(made, chat(start))),
                tuple(await names(made, chat(start, "Answer", "And then?"), key="other")),
                tuple(
                    await names(made, chat(start, "Answer", "And then?", "This", "Really?", temperature=1, stream=True))
                ),
            }
            assert len(orders) == 1
            firsts[orders.pop()[0]] += 1
        assert all(within(firsts[name], 300, 1 / 3) for name in ("a/x", "b/x", "c/x"))

    story(STICKY, tell)


def test_tools_and_system_are_part_of_a_conversations_beginning():
    async def tell(made):
        differ = [Counter(), Counter()]
        for n in range(60):
            start = chat(f"Question {n}")
            differ[0][await names(made, start) != await names(made, chat(f"Question {n}", system="You refuse."))] += 1
            differ[1][await names(made, start) != await names(made, chat(f"Question {n}", tools=("find",)))] += 1
        assert all(one[True] > 30 for one in differ)

    story(STICKY, tell)


def test_where_the_client_marks_its_cache_does_not_matter():
    def said(marked, *more):
        text = {"type": "text", "text": "A long question"} | (
            {"cache_control": {"type": "ephemeral"}} if marked else {}
        )
        first = {"role": "user", "content": [text]}
        return msgspec.json.encode({"model": "m", "max_tokens": 9, "messages": [first, *more]})

    async def tell(made):
        later = ({"role": "assistant", "content": "Well"}, {"role": "user", "content": "Yes?"})
        marked = asked(made, said(True), dialect="anthropic")
        plain = asked(made, said(False, *later), dialect="anthropic")
        plans = [await router(made).route(one) for one in (marked, plain)]
        assert plans[0].targets == plans[1].targets

    story(STICKY, tell)


def test_with_nothing_to_go_by_the_configured_order_holds():
    async def tell(made):
        assert await names(made) == ["a/x", "b/x", "c/x"]
        assert {await first(made, user=f"u{n}") for n in range(40)} == {"a/x", "b/x", "c/x"}

    story(config('m = { targets = ["a/x", "b/x", "c/x"], router = { strategy = "sticky", by = ["user"] } }'), tell)


def canary(percent):
    level = f'{{ strategy = "canary", to = "c/new", percent = {percent} }}'
    return config(f'm = {{ targets = ["a/x", "b/x"], router = {level} }}')


def test_a_canary_gets_its_share_of_callers_who_stay():
    async def tell(made):
        chosen = {n for n in range(5000) if await first(made, user=f"user-{n}") == "c/new"}
        again = {n for n in range(5000) if await first(made, raw=body("other"), user=f"user-{n}") == "c/new"}
        assert chosen == again
        assert within(len(chosen), 5000, 0.07)
        return chosen

    few = story(canary(7), tell)

    async def more(made):
        return {n for n in range(5000) if await first(made, user=f"user-{n}") == "c/new"}

    many = story(canary(30), more)
    assert few < many  # raising the share moves nobody back
    assert within(len(many), 5000, 0.3)


def test_a_canary_of_nothing_and_of_everything():
    async def none(made):
        assert {tuple(await names(made, user=f"u{n}")) for n in range(200)} == {("a/x", "b/x")}

    async def all_of_them(made):
        assert {tuple(await names(made, user=f"u{n}")) for n in range(200)} == {("c/new", "a/x", "b/x")}

    story(canary(0), none)
    story(canary(100), all_of_them)


def test_a_canary_goes_by_chance_for_callers_without_a_name():
    async def tell(made):
        count = sum([await first(made, id=f"req_{n}") == "c/new" for n in range(2000)])
        assert within(count, 2000, 0.5)

    story(canary(50), tell)


def test_a_canary_that_is_the_only_target_is_asked_all_the_same():
    async def tell(made):
        assert await names(made, user="u") == ["a/x"]

    story(config('m = { targets = ["a/x"], router = { strategy = "canary", to = "a/x", percent = 0 } }'), tell)
