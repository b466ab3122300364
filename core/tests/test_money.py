"""Usage buckets and rates: disjoint tokens, integer nano-USD, one rounding an attempt."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Rates, Usage
from tollhouse.rates import NANO, Tier
from tollhouse.usage import BUCKETS

tokens = st.integers(0, 10_000_000)
usages = st.fixed_dictionaries({}, optional=dict.fromkeys(BUCKETS, tokens)).map(lambda b: Usage(**b))
prices = st.decimals("0", "1000", places=6)
partial = st.fixed_dictionaries({}, optional=dict.fromkeys(BUCKETS, prices))
tiers = st.dictionaries(st.integers(0, 20_000_000), partial, max_size=3).map(
    lambda starts: tuple(Tier(above, card) for above, card in sorted(starts.items()))
)
cards = st.builds(
    lambda card, more, tiers, request: Rates(card | more, "test", request, tiers),
    st.fixed_dictionaries({"input": prices, "output": prices}),
    partial,
    tiers,
    prices,
)


@given(usages)
def test_the_buckets_sum_to_the_total_and_absent_is_not_zero(usage):
    assert usage.total == sum(usage.buckets().values()) == usage.total_input + usage.total_output
    assert all(getattr(usage, bucket) is None for bucket in BUCKETS if bucket not in usage.buckets())


@given(usages, usages)
def test_the_last_non_null_of_each_bucket_wins(first, later):
    merged = first.merged(later).buckets()
    assert merged == {**first.buckets(), **later.buckets()}


@given(cards, usages)
def test_a_cost_is_the_exact_sum_rounded_once(card, usage):
    total = usage.total_input
    millionths = sum(Fraction(card.rate(bucket, total)) * count for bucket, count in usage.buckets().items())
    assert card.cost(usage) == round(millionths * 1000 + Fraction(card.request_usd) * NANO)


@given(cards, usages)
def test_the_highest_tier_that_is_passed_prices_every_token(card, usage):
    reached = [tier for tier in card.tiers if usage.total_input > tier.above]
    for bucket in BUCKETS:
        said = [tier.usd_per_million[bucket] for tier in reached if bucket in tier.usd_per_million]
        if said:
            assert card.rate(bucket, usage.total_input) == said[-1]
        elif bucket in card.usd_per_million:
            assert card.rate(bucket, usage.total_input) == card.usd_per_million[bucket]


def test_a_tier_begins_above_its_number_and_counts_cached_input():
    tier = Tier(200_000, {"input": Decimal(6), "output": Decimal(20)})
    card = Rates({"input": Decimal(3), "output": Decimal(15), "cache_read": Decimal(1)}, "test", tiers=(tier,))
    below = Usage(input=100_000, cache_read=100_000, output=1000)
    assert card.cost(below) == 300_000_000 + 100_000_000 + 15_000_000
    assert card.cost(below.merged(Usage(cache_read=100_001))) == 600_000_000 + 100_001_000 + 20_000_000


def test_each_bucket_is_priced_once_by_its_own_or_its_parents_rate():
    card = Rates({"input": Decimal(3), "output": Decimal(15), "cache_read": Decimal("0.3")}, "test")
    usage = Usage(input=1_000_000, cache_read=1_000_000, cache_write=1_000_000, output=1_000_000, reasoning=1_000_000)
    assert card.cost(usage) == (3_000_000_000 + 300_000_000 + 3_000_000_000 + 15_000_000_000 * 2)


def test_an_attempt_without_usage_of_a_bucket_pays_nothing_for_it_but_the_request():
    card = Rates({"input": Decimal(1), "output": Decimal(1)}, "test", Decimal("0.005"))
    assert card.cost(Usage()) == 5_000_000


@pytest.mark.parametrize(
    ("rates", "options", "why"),
    [
        ({"input": Decimal(1)}, {}, "needs output"),
        ({"input": Decimal(1), "output": Decimal(1), "thoughts": Decimal(1)}, {}, "no bucket thoughts"),
        ({"input": Decimal(-1), "output": Decimal(1)}, {}, "0 or more"),
        ({"input": Decimal("NaN"), "output": Decimal(1)}, {}, "0 or more"),
        ({"input": Decimal(1), "output": Decimal(1)}, {"request_usd": Decimal(-1)}, "0 or more"),
        ({"input": Decimal(1), "output": Decimal(1)}, {"tiers": (Tier(5, {}), Tier(5, {}))}, "rise"),
        ({"input": Decimal(1), "output": Decimal(1)}, {"tiers": (Tier(5, {}), Tier(1, {}))}, "rise"),
    ],
)
def test_a_card_that_cannot_price_is_refused(rates, options, why):
    with pytest.raises(ValueError, match=why):
        Rates(rates, "test", **options)
