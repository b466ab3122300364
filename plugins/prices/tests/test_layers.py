"""Layers of a price: the public list, patterns from wide to narrow, the target's own entry."""

from decimal import Decimal

import pytest


def d(text):
    return Decimal(text)


def test_the_list_of_the_providers_kind_prices_its_models(rates):
    card = rates("anthropic/claude-sonnet-4-5-20250929")
    assert dict(card.usd_per_million) == {
        "input": d(3),
        "output": d(15),
        "cache_read": d("0.3"),
        "cache_write": d("3.75"),
        "cache_write_1h": d(6),
    }
    [tier] = card.tiers
    assert (tier.above, tier.usd_per_million["output"]) == (200_000, d("22.5"))
    assert card.source.startswith("genai-prices ")


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("openai/gpt-4o", True),
        ("gemini/gemini-2.5-flash", True),
        ("quick/llama-3.3-70b-versatile", True),
        ("quick/gpt-4o", False),
        ("proxy/gpt-4o", False),
        ("openai/no-such-model", False),
        ("home/llama3", False),
        ("simulator/demo", False),
        ("nobody/gpt-4o", False),
        ("openai/" + "gpt-4o" * 100, False),
        ("openai/tts-1", False),
    ],
)
def test_a_host_charges_by_its_own_list_or_by_none(rates, target, found):
    assert (rates(target) is not None) is found


def test_a_provider_may_be_billed_by_another_list_or_by_none(rates):
    assert rates("proxy/gpt-4o", '[prices.lists]\nproxy = "openai"').rate("input") == d("2.5")
    assert rates("openai/gpt-4o", '[prices.lists]\nopenai = "none"') is None
    assert rates("openai/gpt-4o", "[prices]\npublic = false") is None


def test_narrow_patterns_stand_above_wide_ones_and_the_exact_name_above_all(rates):
    settings = """
    [prices.targets]
    "openai/gpt-4o" = { input = 4 }
    "*" = { input = 1, output = 1, cache_read = 1 }
    "openai/gpt-*" = { input = 3, output = 3 }
    "openai/*" = { input = 2, output = 2, cache_read = 2 }
    """
    assert dict(rates("openai/gpt-4o", settings).usd_per_million) == {"input": 4, "output": 3, "cache_read": 2}
    assert dict(rates("openai/o3", settings).usd_per_million) == {"input": 2, "output": 2, "cache_read": 2}
    assert dict(rates("home/llama3", settings).usd_per_million) == {"input": 1, "output": 1, "cache_read": 1}


def test_prices_are_the_decimals_that_were_written(rates):
    settings = '[prices.targets]\n"home/*" = { input = 0.1, output = "0.30", usd_per_request = 0.005 }'
    card = rates("home/llama3", settings)
    assert (card.rate("input"), card.rate("output"), card.request_usd) == (d("0.1"), d("0.3"), d("0.005"))


def test_a_discount_is_off_all_that_stands_below_it_and_nothing_above(rates):
    settings = """
    [prices.targets]
    "anthropic/*" = { discount = "12.5%" }
    "anthropic/claude-sonnet-4-5" = { output = 14, usd_per_request = 0.001 }
    """
    card = rates("anthropic/claude-sonnet-4-5", settings)
    assert (card.rate("input"), card.rate("input", 200_001)) == (d("2.625"), d("5.25"))
    assert (card.rate("output"), card.rate("output", 200_001)) == (d(14), d(14))
    assert card.request_usd == d("0.001")


def test_free_is_free_of_everything_and_prices_above_it_are_not(rates):
    settings = '[prices.targets]\n"*" = { input = 1, output = 1, usd_per_request = 1 }\n"home/*" = { free = true }\n'
    card = rates("home/llama3", settings)
    assert (dict(card.usd_per_million), card.request_usd, card.tiers) == ({"input": 0, "output": 0}, 0, ())
    card = rates("home/llama3", settings + '"home/llama3" = { output = 2 }')
    assert dict(card.usd_per_million) == {"input": 0, "output": 2}
    assert rates("anthropic/claude-sonnet-4-5", '[prices.targets]\n"anthropic/*" = { free = true }').tiers == ()


def test_an_entry_without_input_or_output_makes_no_card_by_itself(rates):
    assert rates("home/llama3", '[prices.targets]\n"home/*" = { input = 1 }') is None
    assert rates("home/llama3", '[prices.targets]\n"home/*" = { discount = "10%" }') is None


def test_own_tiers_replace_those_of_the_list_for_their_buckets(rates):
    settings = """
    [prices.targets."anthropic/claude-sonnet-4-5"]
    input = 2
    tiers = [{ above = 100_000, input = 5, cache_read = 0.5 }, { above = 1_000_000, input = 9 }]
    max_output = 64000
    """
    card = rates("anthropic/claude-sonnet-4-5", settings)
    assert [card.rate("input", n) for n in (100_000, 100_001, 200_001, 1_000_001)] == [2, 5, 5, 9]
    assert [card.rate("cache_read", n) for n in (100_000, 100_001, 200_001)] == [d("0.3"), d("0.5"), d("0.5")]
    assert [card.rate("output", n) for n in (100_001, 200_001)] == [15, d("22.5")]
    assert card.max_output == 64000


def test_a_service_tier_is_priced_only_where_the_list_knows_it(rates):
    flex = '[prices.targets]\n"*" = { service = "%s" }'
    assert rates("openai/gpt-4o", flex % "priority").rate("input") == d("4.25")
    assert rates("openai/gpt-4o", flex % "batch").rate("input") == d("1.25")
    assert rates("openai/gpt-4o", flex % "flex") is None
    assert rates("openai/gpt-4o", flex % "default").rate("input") == d("2.5")


def test_a_model_that_also_draws_is_priced_as_if_it_only_drew(rates):
    assert rates("gemini/gemini-2.5-flash-image").rate("output") == 30


def test_output_of_a_model_that_lists_none_is_not_free(rates):
    card = rates("openai/text-embedding-3-small")
    assert card.rate("output") == card.rate("input") > 0
