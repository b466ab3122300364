"""Usage buckets and rates: disjoint tokens, integer nano-USD, one rounding an attempt."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import Rates, Usage
from tollhouse.usage import BUCKETS

tokens = st.integers(0, 10_000_000)
usages = st.fixed_dictionaries({}, optional=dict.fromkeys(BUCKETS, tokens)).map(lambda b: Usage(**b))
prices = st.decimals("0", "1000", places=6)
cards = st.fixed_dictionaries(
    {"input": prices, "output": prices},
    optional={bucket: prices for bucket in BUCKETS if bucket not in ("input", "output")},
).map(lambda card: Rates(card, "test"))


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
    exact = sum((card.rate(b) * n for b, n in usage.buckets().items()), Decimal(0)) * 1000
    assert abs(card.cost(usage) - exact) <= Decimal("0.5")


def test_each_bucket_is_priced_once_by_its_own_or_its_parents_rate():
    card = Rates({"input": Decimal(3), "output": Decimal(15), "cache_read": Decimal("0.3")}, "test")
    usage = Usage(input=1_000_000, cache_read=1_000_000, cache_write=1_000_000, output=1_000_000, reasoning=1_000_000)
    assert card.cost(usage) == (3_000_000_000 + 300_000_000 + 3_000_000_000 + 15_000_000_000 * 2)


def test_a_card_without_an_output_rate_is_refused():
    with pytest.raises(ValueError, match="output"):
        Rates({"input": Decimal(1)}, "test")
