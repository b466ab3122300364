"""Settings across levels: order, merging, strangers, and what is checked before the first request."""

from __future__ import annotations

import pytest
from tollhouse.config import Budget, Duration, Levels, PluginSchema, Rate, Scoped, parse
from tollhouse.errors import ConfigError

from .conftest import CacheLevel, Make

TEXT = """
[providers.openai]
[models]
fast = { targets = ["openai/x"], cache = { most = 5, vary = { a = "1" } } }
slow = ["openai/y"]
[defaults]
rate_limit = ["60 requests/minute", "200k tokens/minute"]
cache = { ttl = "1m", most = 7, vary = { b = "2" } }
[teams.search]
budget = "500 USD/month"
cache = { ttl = "2m" }
[teams.other]
[keys.ci]
secret = "s"
team = "search"
budget = "20 USD/day"
rate_limit = "20 concurrent"
cache = { least = 1, vary = { a = "3" } }
"""


def test_levels_are_answered_weakest_first_and_silent_ones_left_out(make: Make) -> None:
    levels = make(TEXT).levels
    assert levels.resolve("budget", model="fast", team="search", key="ci") == (
        Scoped("team", "search", [Budget("500 USD/month")]),
        Scoped("key", "ci", [Budget("20 USD/day")]),
    )
    chain = levels.resolve("cache", model="fast", team="search", key="ci")
    assert [(scoped.level, scoped.name) for scoped in chain] == [
        ("defaults", ""),
        ("model", "fast"),
        ("team", "search"),
        ("key", "ci"),
    ]
    assert levels.resolve("router") == ()


def test_the_last_level_wins(make: Make) -> None:
    levels = make(TEXT).levels
    assert levels.merged("rate_limit", team="search", key="ci") == [Rate("20 concurrent")]
    assert levels.merged("rate_limit", team="search") == [
        Rate("60 requests/minute"),
        Rate("200k tokens/minute"),
    ]
    assert levels.merged("router", model="fast") is None


def test_tables_merge_field_by_field(make: Make) -> None:
    levels = make(TEXT).levels
    assert levels.merged("cache", model="fast", team="search", key="ci") == CacheLevel(
        ttl=Duration("2m"), least=1, most=5, vary={"a": "3", "b": "2"}
    )
    assert levels.merged("cache", model="slow", team="other") == CacheLevel(ttl=Duration("1m"), most=7, vary={"b": "2"})


def test_strangers_share_the_answer_of_those_that_say_nothing(make: Make) -> None:
    levels = make(TEXT).levels
    known = levels.merged("cache", model="slow", team="other")
    for n in range(1000):
        assert levels.merged("cache", model=f"unheard-{n}", team=f"t{n}", key=f"k{n}") is known
        assert levels.resolve("cache", model=f"unheard-{n}") is levels.resolve("cache")


def test_a_check_across_fields_fails_at_start_when_levels_meet_that_each_pass(make: Make) -> None:
    text = '[teams.a]\ncache = { most = 3 }\n[keys.k]\nsecret = "s"\nteam = "a"\ncache = { least = 5 }'
    with pytest.raises(ConfigError) as error:
        make(text)
    assert str(error.value) == "keys.k.cache: least is above most. Together with teams.a.cache."


def test_levels_that_never_meet_are_not_held_against_each_other(make: Make) -> None:
    text = '[teams.a]\ncache = { most = 3 }\n[keys.k]\nsecret = "s"\ncache = { least = 5 }'
    assert make(text).levels.merged("cache", key="k") == CacheLevel(least=5)


def test_a_table_and_a_word_do_not_merge() -> None:
    config = parse('[defaults]\nx = { most = 3 }\n[teams.a]\nx = "off"', {}).config
    levels = Levels(config, {"x": PluginSchema(None, CacheLevel | str)})
    assert (levels.merged("x"), levels.merged("x", team="a")) == (CacheLevel(most=3), "off")


def test_a_value_of_a_merged_table_may_come_from_the_environment(make: Make) -> None:
    text = '[defaults]\ncache = { least = "${LEAST}" }\n[teams.a]\ncache = { most = "${MOST}" }'
    assert make(text, LEAST="2", MOST="4").levels.merged("cache", team="a") == CacheLevel(least=2, most=4)


def test_a_key_made_at_run_time_says_what_it_would_in_the_file(make: Make) -> None:
    levels = make(TEXT).levels
    said = levels.read("budget", "5 USD/day", key="new", team="search")
    assert (said.scoped, said.path) == (Scoped("key", "new", [Budget("5 USD/day")]), "keys.new.budget")
    assert levels.read("cache", {"most": 3}, key="new").scoped.value == CacheLevel(most=3)
    assert (levels.takes("budget"), levels.takes("nobody")) == (True, False)


@pytest.mark.parametrize(
    ("plugin", "raw", "problem"),
    [
        ("budget", "5 EUR/day", "keys.new.budget"),
        ("cache", {"mist": 3}, 'keys.new.cache.mist: unknown setting. Did you mean "most"?'),
        ("nobody", 1, "keys.new.nobody: is neither a setting here nor a loaded plugin."),
        ("budget", "${HOME}", 'keys.new.budget: "${HOME}" is not a budget.'),
    ],
)
def test_what_a_key_made_at_run_time_says_wrongly_is_an_error_with_its_path(
    make: Make, plugin: str, raw: object, problem: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        make(TEXT).levels.read(plugin, raw, key="new")
    assert problem in str(caught.value)


def test_what_a_key_made_at_run_time_says_must_fit_every_model_and_its_team(make: Make) -> None:
    levels = make(TEXT).levels
    assert levels.read("cache", {"least": 5}, key="new").scoped.value == CacheLevel(least=5)
    with pytest.raises(
        ConfigError, match=r"^keys\.new\.cache: .* Together with defaults\.cache, models\.fast\.cache\."
    ):
        levels.read("cache", {"least": 6}, key="new")
