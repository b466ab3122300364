"""Rules: the first that fits decides, and it fits when all of its conditions hold."""

import msgspec
import pytest
from routing_kit import Ticking, asked, attempt, body, config, house, names, router
from tollhouse import Grant, Principal
from tollhouse.store import Level
from tollhouse.testing import run

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {"type": "object"}}}


def said(*parts, **more):
    return msgspec.json.encode({"model": "m", "messages": [{"role": "user", "content": list(parts)}], **more})


def story(text, tell):
    async def whole():
        async with house(text, clock=Ticking()) as made:
            return await tell(made)

    return run(whole())


def fits(when, **more):
    """Whether the rule fits an exchange: its target is then first."""
    rule = f'[router]\nrules = [{{ when = {{ {when} }}, then = {{ prefer = ["c/*"] }} }}]'

    async def tell(made):
        return (await names(made, **more))[0] == "c/x"

    return story(config(more=rule), tell)


LONG = body("word " * 4000)

YES_AND_NO = [
    ('model = "m*"', {}, None),
    ('model = ["n", "x*"]', None, {}),
    ('dialect = "openai"', {}, None),
    ('dialect = "anthropic"', None, {}),
    ('dialect = ["anthropic", "open*"]', {}, None),
    ('task = "chat"', {}, None),
    ('task = ["embed", "count"]', None, {}),
    ('team = "search"', {"team": "search"}, {"team": "ads"}),
    ('key = ["ci", "cd"]', {"key": "cd"}, {"key": "cx"}),
    ('user = "*@example.org"', {"user": "ann@example.org"}, {"user": "ann@example.com"}),
    ('tag = "batch*"', {"tags": ("x", "batch-2")}, {"tags": ("x",)}),
    ('header = { X-Tier = "gold*" }', {"headers": {"x-tier": "golden"}}, {"headers": {"x-tier": "tin"}}),
    ('header = { x-tier = "*" }', {"headers": {"x-tier": ""}}, {}),
    ("stream = true", {"raw": body(stream=True)}, {}),
    ("stream = false", {}, {"raw": body(stream=True)}),
    ('input_tokens = ">1k"', {"raw": LONG}, {}),
    ('input_tokens = [">10", "<1k"]', {}, {"raw": LONG}),
    ('output_tokens = "<=100"', {"raw": body(max_tokens=100)}, {"raw": body(max_tokens=101)}),
    ('output_tokens = ">=1024"', {}, {"raw": body(max_tokens=1023)}),
    ('choices = ">1"', {"raw": body(n=2)}, {}),
    ('messages = ">=1"', {}, None),
    ('messages = ">1"', None, {}),
    ("tools = true", {"raw": body(tools=[TOOL])}, {}),
    ("tools = false", {}, {"raw": body(tools=[TOOL])}),
    ("images = true", {"raw": said(IMAGE)}, {"raw": said(AUDIO)}),
    ("images = false", {}, {"raw": said(IMAGE)}),
    ("audio = true", {"raw": said(AUDIO)}, {"raw": said(IMAGE)}),
    ("documents = true", None, {"raw": said(IMAGE)}),
    ("schema = true", {"raw": body(response_format=SCHEMA)}, {"raw": body(response_format={"type": "json_object"})}),
    ('team = "search", stream = true', {"team": "search", "raw": body(stream=True)}, {"team": "search"}),
    ('budget_left = ">=0%"', None, {}),
]


@pytest.mark.parametrize(("when", "yes", "no"), YES_AND_NO, ids=[row[0] for row in YES_AND_NO])
def test_a_condition_holds_for_what_it_says_and_for_nothing_else(when, yes, no):
    assert yes is None or fits(when, **yes)
    assert no is None or not fits(when, **no)


def test_the_budget_left_is_that_of_the_callers_last_request():
    rule = '[router]\nrules = [{ when = { budget_left = "<10%" }, then = { prefer = ["c/*"] } }]'

    def grant(*used):
        levels = [Level(key=f"budget:{n}", used=one, limit=1000, resets_in=60.0) for n, one in enumerate(used)]
        return Grant(levels=(Level(key="rate_limit:x", used=99, limit=100), *levels))

    async def tell(made):
        async def spends(key, *used):
            one = asked(made, key=key)
            one.grant = grant(*used)
            await router(made).dispatch(one, attempt(made, one, "a/x"))

        await spends("ann", 500, 901)
        await spends("bob", 500, 900)
        assert (await names(made, key="ann"))[0] == "c/x"
        assert (await names(made, key="bob"))[0] == "a/x"
        assert (await names(made, key="eve"))[0] == "a/x"
        made.clock.at += 60
        assert (await names(made, key="ann"))[0] == "a/x"

    story(config(more=rule), tell)


async def reasons(made, **more):
    one = asked(made, more.pop("raw", None), **more)
    plan = await router(made).route(one)
    return None if plan is None else list(plan.reasons)


def test_the_first_rule_that_fits_decides_and_the_models_go_first():
    text = config(
        'm = { targets = ["a/x", "b/x", "c/x"], router = { rules = ['
        '{ name = "mine", when = { team = "t" }, then = { prefer = ["b/*"] } }] } }',
        '[router]\nstrategy = "cheapest"\nrules = ['
        '{ when = { stream = true }, then = { prefer = ["c/*"] } },'
        '{ when = { }, then = { avoid = ["a/*"], strategy = "round_robin" } }]',
    )

    async def tell(made):
        stream = body(stream=True)
        assert await names(made, stream, team="t") == ["b/x", "a/x", "c/x"]
        assert (await reasons(made, raw=stream, team="t"))[0] == "rule: mine"
        assert await names(made, stream) == ["c/x", "a/x", "b/x"]
        assert await reasons(made, raw=stream) == [
            "rule: rule 1 of [router]",
            "cheapest: a/x, nobody prices any",
            "prefer c/*",
        ]
        assert await names(made) == ["b/x", "c/x", "a/x"]
        assert await reasons(made) == [
            "rule: rule 2 of [router]",
            "round_robin: it is the turn of a/x",
            "avoid a/*",
        ]

    story(text, tell)


def test_preferred_targets_stand_in_the_rules_order():
    rule = '[router]\nrules = [{ when = {}, then = { prefer = ["c/x", "b/*"], avoid = ["a/y"] } }]'

    async def tell(made):
        assert await names(made) == ["c/x", "b/x", "b/y", "a/x", "a/y"]

    story(config('m = ["a/y", "a/x", "b/x", "b/y", "c/x"]', rule), tell)


def test_a_rule_may_name_other_models_and_targets():
    rule = '[router]\nrules = [{ when = { model = "m" }, then = { targets = ["big", "a/other", "b/y"] } }]'

    async def tell(made):
        assert await names(made) == ["c/x", "b/y", "a/other"]
        assert await names(made, model="big") == ["c/x", "b/y"]

    story(config('m = ["a/x"]\nbig = ["c/x", "b/y"]', rule), tell)


def test_a_rule_of_a_team_holds_for_the_team():
    rule = '[teams.t.router]\nrules = [{ when = {}, then = { prefer = ["c/*"] } }]\n'

    async def tell(made):
        assert (await names(made, team="t"))[0] == "c/x"
        assert (await names(made))[0] == "a/x"

    story(config(more=rule), tell)


def test_what_a_key_made_at_run_time_names_in_vain_is_passed_over():
    async def tell(made):
        for raw in (
            {"rules": [{"when": {}, "then": {"targets": ["gone/x"]}}]},
            {"strategy": "canary", "to": "gone/x", "percent": 100},
        ):
            one = asked(made)
            own = made.edition.levels.read("router", raw, key="k", team="")
            one.principal = Principal(key="k", settings={"router": own})
            plan = await router(made).route(one)
            assert [target.name for target in plan.targets] == ["a/x", "b/x", "c/x"]

    story(config(), tell)


def test_a_rule_that_fits_no_more_after_a_wait_leaves_nothing_behind():
    rule = '[router]\nrules = [{ when = { stream = true }, then = { prefer = ["c/*"] } }]'

    async def tell(made):
        one = asked(made, body(stream=True))
        assert await router(made).route(one) is not None
        assert one.labels == {"router": "rule 1 of [router]"}
        one.request.stream = False
        assert await router(made).route(one) is None
        assert one.labels == {}

    story(config(more=rule), tell)
