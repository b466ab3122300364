"""Bad configuration is refused at start-up, by its path and with what was meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from routing_kit import Ticking, config, house, router
from tollhouse import ConfigError
from tollhouse.config import AmountError, ConfigErrors
from tollhouse.testing import run
from tollhouse_router.bounds import Bound, ShareBound
from tollhouse_router.settings import RouterSettings, policy


def rule(text):
    return f"[router]\nrules = [{{ {text} }}]"


WRONG = [
    ('[router]\nstrategy = "chepest"', "router.strategy", '"cheapest"'),
    ('[router]\nstrategi = "cheapest"', "router.strategi", '"strategy"'),
    ('[router]\nstrategy = "canary"', "router.strategy", "is not one of"),
    ('[router]\nby = ["sesion"]', "router.by[0]", '"session"'),
    ('[router]\ndecay = "fast"', "router.decay", "duration"),
    ("[router]\nprefix = -1", "router.prefix", "0"),
    (rule('when = { strem = true }, then = { prefer = ["a/*"] }'), "router.rules[0].when.strem", '"stream"'),
    (rule('when = { stream = "yes" }, then = { prefer = ["a/*"] }'), "router.rules[0].when.stream", "true or false"),
    (rule('when = { input_tokens = "100k" }, then = { prefer = ["a/*"] }'), "input_tokens", '">100k"'),
    (rule('when = { budget_left = "<10" }, then = { prefer = ["a/*"] }'), "budget_left", '"<10%"'),
    (rule('when = { dialect = "opnai" }, then = { prefer = ["a/*"] }'), "router.rules[0].when.dialect", '"openai"'),
    (rule('when = { task = "chats" }, then = { prefer = ["a/*"] }'), "router.rules[0].when.task", '"chat"'),
    (rule("when = {}, then = {}"), "router.rules[0].then", "prefer or avoid"),
    (rule('then = { prefer = ["a/*"] }'), "router.rules[0].when", "required"),
    (rule('when = {}, then = { prefr = ["a/*"] }'), "router.rules[0].then.prefr", '"prefer"'),
    (rule('when = {}, then = { targets = ["x/y"] }'), "router.rules[0].then.targets[0]", "no model"),
    (rule('when = {}, then = { strategy = "canary" }'), "router.rules[0].then.strategy", "is not one of"),
    ('[teams.t]\nrouter = "cheepest"', "teams.t.router", '"cheapest"'),
    ('[teams.t.router]\nstrategy = "canary"', "teams.t.router", "needs its target"),
    ('[teams.t.router]\nstrategy = "canary"\nto = "m"', "teams.t.router.to", "not a target"),
    ('[teams.t.router]\nstrategy = "canary"\nto = "a/x"\npercent = 101', "teams.t.router.percent", "100"),
    (
        '[teams.t.router]\nrules = [{ when = {}, then = { targets = ["nothing"] } }]',
        "teams.t.router.rules[0]",
        "no model",
    ),
]


@pytest.mark.parametrize(("text", "path", "words"), WRONG, ids=[row[0][:70] for row in WRONG])
def test_it_is_refused(text, path, words):
    async def start():
        async with house(config(more=text), clock=Ticking()):
            pass

    with pytest.raises((ConfigError, ConfigErrors)) as refused:
        run(start())
    assert path in str(refused.value)
    assert words in str(refused.value)


def test_levels_go_over_each_other_key_by_key():
    text = config(
        'm = { targets = ["a/x"], router = { by = ["user"], strategy = "sticky" } }',
        '[defaults.router]\nprefix = 3\nstrategy = "weighted"\n'
        '[teams.t.router]\nstrategy = "canary"\nto = "b/x"\npercent = 5',
    )

    async def tell():
        async with house(text, clock=Ticking()) as made:
            merged = made.edition.levels.merged
            one = router(made)._policy(merged("router", model="m", team="t", key=""))
            assert (one.strategy, one.by, one.prefix, one.to, one.percent) == ("canary", ("user",), 3, "b/x", 5)
            one = router(made)._policy(merged("router", model="m", team="", key=""))
            assert (one.strategy, one.by, one.prefix) == ("sticky", ("user",), 3)

    run(tell())
    assert policy(RouterSettings(), "cheapest").strategy == "cheapest"
    assert policy(RouterSettings(strategy="weighted"), None).strategy == "weighted"


@given(st.sampled_from([">", ">=", "<", "<="]), st.integers(0, 10**9), st.integers(0, 2 * 10**9))
def test_a_bound_compares_as_written(sign, limit, number):
    compares = {">": number > limit, ">=": number >= limit, "<": number < limit, "<=": number <= limit}
    assert Bound(f"{sign}{limit}").holds(number) == compares[sign]
    assert Bound(f"{sign} {limit}k").holds(number * 1000) == compares[sign]
    assert ShareBound(f"{sign}{limit}%").holds(number / 100) == compares[sign]


@given(st.text(max_size=8))
def test_anything_else_is_no_bound(text):
    for kind in (Bound, ShareBound):
        try:
            made = kind(text)
        except AmountError:
            continue
        assert made.spoken() == text
        assert text[0] in "<>"
