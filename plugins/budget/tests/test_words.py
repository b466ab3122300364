"""Amounts as people read them never make a call seem to fit that does not."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse_budget.purse import marks_of
from tollhouse_budget.words import usd

AMOUNTS = st.integers(0, 2**53)


def nano(text):
    number, _, unit = text.replace(",", "").partition(" ")
    assert unit == "USD"
    return int(Decimal(number) * 1_000_000_000)


@given(AMOUNTS)
def test_what_is_left_is_rounded_down_and_what_is_spent_up_by_less_than_a_percent(amount):
    down, up = nano(usd(amount)), nano(usd(amount, up=True))
    assert down <= amount <= up
    assert (up - down) * 100 <= amount


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0 USD"),
        (1, "0.000000001 USD"),
        (1_500_000, "0.0015 USD"),
        (10_000_000, "0.0100 USD"),
        (123_456_789, "0.1234 USD"),
        (1_234_567_890_123, "1,234.56 USD"),
    ],
)
def test_amounts_are_as_exact_as_they_are_small(amount, said):
    assert usd(amount) == said


@given(AMOUNTS, st.lists(st.integers(1, 100), unique=True))
def test_a_threshold_is_reached_when_that_share_is_used_and_not_before(limit, thresholds):
    for mark, percent in marks_of(limit, thresholds).items():
        assert mark * 100 >= limit * percent > (mark - 1) * 100
