"""Whose budgets hold for a call: every level's, the gateway's and the rules', all of them together."""

import pytest
from till import CONFIG, IN, OUT, GoesOn, message, tell
from tollhouse import ConfigError, Principal, hookimpl
from tollhouse.config import parse
from tollhouse_budget.purse import counter_key
from tollhouse_budget.purses import network

COST = 3 * IN + 5 * OUT
TWO = "0.0002 USD/day"
"""Worth two calls one after the other: a third does not fit."""


def statuses(story, more):
    """The statuses of the chats of a story, each `(who, model)`."""

    async def whole(house):
        return [(await house.chat(who=who, model=model)).status for who, model in story]

    return tell(whole, more)


def test_the_defaults_hold_for_each_caller_alone():
    calls = [("ci", "demo")] * 3 + [("other", "demo")] + [("//ann", "demo")] * 3 + [("", "demo")] * 3
    assert statuses(calls, f'[defaults]\nbudget = "{TWO}"\n') == [200, 200, 429, 200, 200, 200, 429, 200, 200, 429]


def test_a_teams_budget_is_shared_by_its_keys():
    calls = [("a/search", "demo"), ("b/search", "demo"), ("c/search", "demo"), ("c/other", "demo")]
    assert statuses(calls, f'[teams.search]\nbudget = "{TWO}"\n') == [200, 200, 429, 200]


def test_a_models_budget_is_shared_by_all_who_use_it():
    more = f'pricey = {{ targets = ["bank/x"], budget = "{TWO}" }}\n'
    calls = [("a", "pricey"), ("b", "pricey"), ("c", "pricey"), ("c", "demo")]
    assert statuses(calls, more) == [200, 200, 429, 200]


def test_all_levels_hold_together_and_the_message_names_the_one_that_refused():
    more = f"""
[defaults]
budget = ["1 USD/day", "2 USD/month"]
[teams.search]
budget = "1 USD/day"
[keys.ci]
secret = "sk-fake-ci"
team = "search"
budget = "{TWO}"
[budget]
total = "1 USD/month"
"""

    async def story(house):
        answers = [await house.chat(who="ci/search") for _ in range(3)]
        return answers, await house.used()

    answers, used = tell(story, more)
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert "The budget of key ci (0.0002 USD/day)" in message(answers[2])
    assert used == {
        ("the gateway", "month"): 2 * COST,
        ("team search", "day"): 2 * COST,
        ("key ci", "day"): 2 * COST,
        ("key ci", "month"): 2 * COST,
    }


def test_a_key_made_at_run_time_brings_its_own_budget_the_same_way():
    class Made:
        """Knows one caller, whose key does not stand in the file."""

        name = "made"

        def __init__(self):
            self.settings = {}

        @hookimpl
        async def startup(self, edition):
            self.settings["budget"] = edition.levels.read("budget", TWO, key="made", team="search")

        @hookimpl
        async def authenticate(self, exchange):
            if exchange.headers.get("x-who") == "made":
                return Principal(key="made", team="search", settings=self.settings)
            return None

    async def story(house):
        statuses = [(await house.chat(who="made")).status for _ in range(3)]
        return statuses, await house.used("boss"), await house.budgets("made", "/admin/v1/budgets/self")

    more = '[teams.search]\nbudget = "1 USD/day"\n'
    statuses, used, own = tell(story, more, first=(Made(),))
    assert statuses == [200, 200, 429]
    assert used == {("team search", "day"): 2 * COST, ("key made", "day"): 2 * COST}
    assert {one["name"] for one in own} == {"team search", "key made"}


def test_the_smallest_of_several_limits_on_one_counter_holds():
    more = f'[defaults]\nbudget = ["1 USD/day", "{TWO}", "5 USD/day"]\n'
    assert statuses([("ci", "demo")] * 3, more) == [200, 200, 429]


def test_a_changed_limit_goes_on_with_what_was_spent():
    more = f'[store]\nurl = "memory:"\n[budget]\ntotal = "{TWO}"\n'

    async def story(house):
        before = [(await house.chat()).status for _ in range(3)]
        text = CONFIG.format(more=more.replace(TWO, "0.00025 USD/day"))
        await house.gateway.reload(parse(text, {}, path=house.gateway.edition.loaded.path))
        return before, [(await house.chat()).status for _ in range(2)], await house.used()

    before, after, used = tell(story, more)
    assert (before, after) == ([200, 200, 429], [200, 429])
    assert used["the gateway", "day"] == 3 * COST


RULES = {
    "one for each model and team": (
        '{ limit = "%s", by = ["model", "team"] }',
        [("a/s", "demo"), ("b/s", "demo"), ("a/s", "demo"), ("a/s", "dearer"), ("a/t", "demo"), ("a", "demo")],
        [200, 200, 429, 200, 200, 200],
    ),
    "one for all together": ('{ limit = "%s" }', [("a", "demo"), ("b/s", "dearer"), ("", "demo")], [200, 200, 429]),
    "only some teams": (
        '{ limit = "%s", team = ["s*", "x"] }',
        [("a/s", "demo"), ("b/search", "demo"), ("a/x", "demo"), ("a/t", "demo"), ("a", "demo")],
        [200, 200, 429, 200, 200],
    ),
    "only one model": (
        '{ limit = "%s", model = "demo", by = "key" }',
        [("a", "demo"), ("a", "demo"), ("a", "demo"), ("a", "dearer"), ("b", "demo")],
        [200, 200, 429, 200, 200],
    ),
    "each tag of a caller": (
        '{ limit = "%s", by = "tag", tag = "p:*" }',
        [("a///p:1 x", "demo"), ("b///p:1 p:2", "demo"), ("c///p:2 p:1", "demo"), ("c///p:2 x", "demo"), ("a", "demo")],
        [200, 200, 429, 200, 200],
    ),
    "a provider": (
        '{ limit = "%s", provider = "bank" }',
        [("a", "demo"), ("a", "gift"), ("b", "demo"), ("c", "demo")],
        [200, 200, 200, 429],
    ),
    "each target": (
        '{ limit = "%s", by = "target" }',
        [("a", "demo"), ("a", "demo"), ("a", "demo"), ("a", "short")],
        [200, 200, 429, 200],
    ),
    "each user and address": (
        '{ limit = "%s", by = ["user", "ip"] }',
        [("a//ann", "demo"), ("b//ann", "demo"), ("c//ann", "demo"), ("c//bob", "demo"), ("c", "demo")],
        [200, 200, 429, 200, 200],
    ),
    "a shadow": ('{ limit = "%s", shadow = true }', [("a", "demo")] * 4, [200] * 4),
}


@pytest.mark.parametrize("what", RULES)
def test_a_rule_counts_what_it_matches_by_what_it_says(what):
    rule, calls, wanted = RULES[what]
    assert statuses(calls, f"[budget]\nrules = [{rule % TWO}]\n") == wanted


def test_a_rule_for_a_provider_keeps_what_its_failed_attempt_cost():
    """Which provider an exchange's money went to is not told apart: each that was asked is charged all of it."""

    async def story(house):
        return (await house.chat("3 5 fail:bank")).status, await house.used()

    status, used = tell(story, '[budget]\nrules = [{ limit = "1 USD/day", by = "provider" }]\n', GoesOn())
    assert status == 200
    assert used == {("provider bank", "day"): 2 * COST, ("provider other", "day"): 2 * COST}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            'time_zone = "Europe/Berln"',
            'budget.time_zone: "Europe/Berln" is no time zone. Did you mean "Europe/Berlin"',
        ),
        ('total = "500 USD monthly"', 'budget.total: "500 USD monthly" is not a budget. Did you mean "500 USD/month"'),
        ('total = "9.1M USD/year"', "amounts stay below 9,007,199 USD"),
        ('rules = [{ limit = "1 USD/day", by = "teem" }]', 'budget.rules[0].by: "teem" is not one of'),
        ('rules = [{ by = "team" }]', "budget.rules[0].limit: is required."),
        ('rules = [{ limit = "1 USD/day" }, { limit = "2 USD/day" }]', "budget.rules[1]: would count on the same"),
        ("thresholds = [0]", "budget.thresholds[0]"),
        ("thresholds = [101]", "budget.thresholds[0]"),
        ('unpriced = "warn"', 'budget.unpriced: "warn" is not one of "allow", "refuse"'),
        ('totl = "1 USD/day"', 'budget.totl: unknown setting. Did you mean "total"?'),
    ],
)
def test_a_mistake_is_told_with_its_path_and_what_to_write(text, words):
    async def story(house):
        raise AssertionError("this configuration was accepted")

    with pytest.raises(ConfigError) as raised:
        tell(story, f"[budget]\n{text}\n")
    assert words in str(raised.value)


def test_a_mistake_at_a_level_is_told_with_its_path():
    with pytest.raises(ConfigError, match=r'teams\.search\.budget: "20 EUR/day" is not a budget'):
        tell(lambda house: None, '[teams.search]\nbudget = "20 EUR/day"\n')


def test_rules_that_say_the_same_may_stand_side_by_side_with_names():
    rules = '[{ limit = "1 USD/day", name = "one" }, { limit = "2 USD/day", name = "two" }]'

    async def story(house):
        await house.chat()
        return await house.used()

    assert tell(story, f"[budget]\nrules = {rules}\n") == {("one", "day"): COST, ("two", "day"): COST}


def test_counters_of_different_scopes_never_meet_whatever_their_names():
    keys = {
        counter_key("own", {"key": "a/team=b"}, "day", 0),
        counter_key("own", {"key": "a", "team": "b"}, "day", 0),
        counter_key("own/key=a", {"team": "b"}, "day", 0),
        counter_key("own", {"key": "a:day"}, "day", 0),
        counter_key("own", {"key": "a"}, "day", 0),
        counter_key("own", {"key": "a"}, "day", 86400),
        counter_key("own", {"key": "x" * 1000}, "day", 0),
        counter_key("own", {"key": "x" * 1001}, "day", 0),
        counter_key("own", {"key": "ü" * 1000}, "day", 0),
    }
    assert len(keys) == 9
    assert all(len(key.encode()) <= 512 for key in keys)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("submit:judge", "submit:judge"),
        ("", ""),
    ],
)
def test_an_address_of_ipv6_stands_for_the_network_that_one_caller_has(address, said):
    assert network(address) == said


def test_a_rate_is_not_a_budget():
    with pytest.raises(ConfigError, match="is not a budget"):
        tell(lambda house: None, '[defaults]\nbudget = "20 requests/minute"\n')
