"""What may not be said, and what is said instead."""

import pytest
from tollhouse import ConfigError


@pytest.mark.parametrize(
    ("settings", "where", "why"),
    [
        ('"opena/gpt-4o" = { free = true }', 'prices.targets."opena/gpt-4o"', 'Did you mean "openai"'),
        ('"gpt-4o" = { free = true }', "prices.targets.gpt-4o", "provider/model"),
        ('"home/*" = { inputs = 1 }', 'prices.targets."home/*".inputs', 'Did you mean "input"'),
        ('"home/*" = { input = 0.0000025 }', 'prices.targets."home/*".input', 'Did you mean "2.5"'),
        ('"home/*" = { input = -1 }', 'prices.targets."home/*".input', "from 0"),
        ('"home/*" = { input = inf }', 'prices.targets."home/*".input', "from 0"),
        ('"home/*" = { input = "2 USD" }', 'prices.targets."home/*".input', "USD per million tokens"),
        ('"home/*" = { input = true }', 'prices.targets."home/*".input', "USD per million tokens"),
        ('"home/*" = { input = 2_000_000 }', 'prices.targets."home/*".input', "a dollar a token"),
        ('"home/*" = { usd_per_request = 5000 }', 'prices.targets."home/*".usd_per_request', "at most 1000"),
        ('"home/*" = { discount = 10 }', 'prices.targets."home/*".discount', 'Did you mean "10%"'),
        ('"home/*" = { discount = "110%" }', 'prices.targets."home/*".discount', "at most 100%"),
        ('"home/*" = { free = true, input = 1 }', 'prices.targets."home/*"', "free and has a price"),
        ('"home/*" = { discount = "1%", input = 1 }', 'prices.targets."home/*"', "after the discount"),
        ('"home/*" = { service = "cheap" }', 'prices.targets."home/*".service', "not one of"),
        ('"home/*" = { tiers = [{ input = 1 }] }', 'prices.targets."home/*".tiers[0].above', "required"),
        ('"home/*" = { tiers = [{ above = 1 }, { above = 1 }] }', 'prices.targets."home/*"', "two tiers"),
        ("[prices.lists]\nhom = 'openai'", "prices.lists.hom", 'Did you mean "home"'),
        ("[prices.lists]\nhome = 'opnai'", "prices.lists.home", 'Did you mean "openai"'),
    ],
)
def test_a_slip_is_refused_with_its_place(rates, settings, where, why):
    with pytest.raises(ConfigError) as refused:
        rates("home/llama3", f"[prices.targets]\n{settings}")
    assert where in str(refused.value)
    assert why in str(refused.value)


def test_lists_say_nothing_while_they_are_switched_off(rates):
    with pytest.raises(ConfigError, match="switched off"):
        rates("home/llama3", '[prices]\npublic = false\n[prices.lists]\nhome = "openai"')
