"""What may be written, and what is refused at start-up."""

import pytest
from limited import config
from tollhouse import ConfigError
from tollhouse.config import Rate, parse, validate
from tollhouse.gateway import Gateway
from tollhouse_rate_limit import Limits, RateLimit, RateLimitSettings
from tollhouse_rate_limit.limits import of_rules
from tollhouse_rate_limit.settings import long_form


def settings(**table):
    return validate(RateLimitSettings, table, "rate_limit")


def test_one_rate_a_list_and_the_long_form_say_the_same():
    rate = Rate("60 requests/minute")
    assert long_form(validate(RateLimit.Level, "60 requests/minute", "x")) == Limits(limits=(rate,))
    assert long_form(validate(RateLimit.Level, ["60 requests/minute"], "x")) == Limits(limits=(rate,))
    said = {"limits": "60 requests/minute", "weight": 2, "max_wait": "5s", "shadow": True}
    assert long_form(validate(RateLimit.Level, said, "x")) == Limits(
        limits=(rate,), weight=2.0, max_wait=5.0, shadow=True
    )


def test_a_rule_says_how_much_may_come_at_once():
    [tight, whole] = of_rules(
        settings(rules=[{"limit": "60 requests/minute", "burst": 5}, {"limit": "6 requests/day"}])
    )
    assert (tight.capacity, tight.period) == (5, 5.0)
    assert (whole.capacity, whole.period) == (6, 86400.0)


def test_a_rule_may_wait_or_not_whatever_the_table_says():
    rules = [{"limit": "1 concurrent", "max_wait": "off"}, {"limit": "1 concurrent"}]
    assert [rule.max_wait for rule in of_rules(settings(rules=rules, max_wait="10s"))] == [0.0, 10.0]


@pytest.mark.parametrize(
    ("more", "path", "words"),
    [
        ('[defaults]\nrate_limit = "60 request per minute"', "defaults.rate_limit", '"60 requests/minute"'),
        ('[defaults]\nrate_limit = ["1 concurent"]', "defaults.rate_limit[0]", '"1 concurrent"'),
        ("[teams.a]\nrate_limit = 5", "teams.a.rate_limit", "is not a rate"),
        ("[teams.a.rate_limit]\nlimit = 5", "teams.a.rate_limit.limit", "limits"),
        ("[rate_limit]\nmaxwait = 5", "rate_limit.maxwait", "max_wait"),
        ('[rate_limit]\nrules = [{ limit = "1 concurrent", by = "teem" }]', "rate_limit.rules[0]", "team"),
        ('[rate_limit]\nrules = [{ limit = "1 concurrent", burst = 2 }]', "rate_limit.rules[0]", "burst"),
        (
            '[rate_limit]\nrules = [{ limit = "1 concurrent", name = "a" }, { limit = "2 concurrent", name = "a" }]',
            "rate_limit",
            'called "a"',
        ),
        ('[rate_limit]\nif_lost = "ignore"', "rate_limit.if_lost", "share"),
    ],
)
def test_a_mistake_is_refused_with_its_path_and_what_to_write(more, path, words):
    with pytest.raises(ConfigError) as raised:
        Gateway(parse(config(more, top='store = { url = "memory:" }'), {}))
    assert path in str(raised.value)
    assert words in str(raised.value)
