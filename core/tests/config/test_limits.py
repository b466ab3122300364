"""Budgets and rates: the grammar, the corrections, and the round trip."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse.config import AmountError, Budget, Money, Rate
from tollhouse.config.limits import CALENDAR, MEASURES, PERIODS

BUDGETS = (
    'Accepted: "500 USD/month", "20 USD/day", "$0.50/hour", "5k USD total", '
    "periods hour, day, week, month, year, total."
)
RATES = (
    'Accepted: "60 requests/minute", "200k tokens/minute", "2M input tokens/hour", "20 concurrent", '
    "periods second, minute, hour, day, week."
)


@pytest.mark.parametrize(
    ("said", "nano", "period"),
    [
        ("500 USD/month", 500 * 10**9, "month"),
        ("$0.50/hour", 5 * 10**8, "hour"),
        ("5k USD total", 5000 * 10**9, "total"),
        ("0 USD/day", 0, "day"),
    ],
)
def test_a_budget_is_money_per_period(said: str, nano: int, period: str) -> None:
    made = Budget(said)
    assert (made.amount, made.period) == (nano, period)


@pytest.mark.parametrize(
    ("said", "guess"),
    [
        ("500 USD per month", "500 USD/month"),
        ("500 USD a month", "500 USD/month"),
        ("500 dollars/month", "500 USD/month"),
        ("500 USD / month", "500 USD/month"),
        ("20 USD daily", "20 USD/day"),
        ("500/mo", "500 USD/month"),
        ("500 USD/fortnight", ""),
        ("500 USD", "500 USD total"),
        ("$500", "500 USD total"),
        ("500 USD/total", "500 USD total"),
        ("lots", ""),
    ],
)
def test_another_budget_is_refused_with_a_guess(said: str, guess: str) -> None:
    with pytest.raises(AmountError) as error:
        Budget(said)
    did = f'Did you mean "{guess}"? ' if guess else ""
    assert str(error.value) == f'"{said}" is not a budget. {did}{BUDGETS}'


def test_a_budget_above_the_ceiling_says_why() -> None:
    with pytest.raises(AmountError, match="is not a budget: amounts stay below 9,007,199 USD"):
        Budget("10M USD/month")


@given(st.integers(0, 2**53 - 1), st.sampled_from(CALENDAR))
def test_a_budget_survives_being_spoken(nano: int, period: str) -> None:
    made = Budget.of(Money(nano), period)
    again = Budget(made.spoken())
    assert (again, again.amount, again.period) == (made, nano, period)


@pytest.mark.parametrize(
    ("said", "amount", "measure", "period"),
    [
        ("60 requests/minute", 60, "requests", 60.0),
        ("1 request/second", 1, "requests", 1.0),
        ("200k tokens/minute", 200_000, "tokens", 60.0),
        ("2M input tokens/hour", 2_000_000, "input", 3600.0),
        ("1.5M output tokens/day", 1_500_000, "output", 86400.0),
        ("1_000 requests/week", 1000, "requests", 604800.0),
        ("20 concurrent", 20, "slot", 0.0),
    ],
)
def test_a_rate_is_a_count_of_something_per_period(said: str, amount: int, measure: str, period: float) -> None:
    made = Rate(said)
    assert (made.amount, made.measure, made.period) == (amount, measure, period)


@pytest.mark.parametrize(
    ("said", "guess"),
    [
        ("60 req/min", "60 requests/minute"),
        ("60 requets/minute", "60 requests/minute"),
        ("60 requests per minute", "60 requests/minute"),
        ("60 Requests/Minute", "60 requests/minute"),
        ("60rpm", "60 requests/minute"),
        ("100k tpm", "100k tokens/minute"),
        ("10 rps", "10 requests/second"),
        ("1,000 tokens a day", "1000 tokens/day"),
        ("2m tokens/hour", "2M tokens/hour"),
        ("2 M prompt tokens / hr", "2M input tokens/hour"),
        ("20 parallel requests", "20 concurrent"),
        ("20 slots", "20 concurrent"),
        ("60", ""),
        ("many", ""),
        ("60 a", ""),
        ("60 apples/minute", ""),
    ],
)
def test_another_rate_is_refused_with_a_guess(said: str, guess: str) -> None:
    with pytest.raises(AmountError) as error:
        Rate(said)
    did = f'Did you mean "{guess}"? ' if guess else ""
    assert str(error.value) == f'"{said}" is not a rate. {did}{RATES}'


@pytest.mark.parametrize("said", ["0 requests/minute", "0 concurrent", "1.5 requests/minute", "9999999G tokens/day"])
def test_a_rate_counts_whole_things(said: str) -> None:
    with pytest.raises(AmountError, match="it must be a whole number, at least 1 and below 2"):
        Rate(said)


def test_requests_have_no_input_and_output() -> None:
    with pytest.raises(AmountError, match="only tokens have an input and an output"):
        Rate("5 input requests/minute")


@given(
    st.integers(1, 2**53 - 1),
    st.sampled_from([m for m in MEASURES if m != "slot"]),
    st.sampled_from([*PERIODS.values()]),
)
def test_a_rate_survives_being_spoken(amount: int, measure: str, period: float) -> None:
    made = Rate.of(amount, measure, period)
    again = Rate(made.spoken())
    assert (again, again.amount, again.measure, again.period) == (made, amount, measure, period)


@given(st.integers(1, 2**53 - 1))
def test_slots_survive_being_spoken(amount: int) -> None:
    made = Rate.of(amount, "slot", 0.0)
    assert (Rate(made.spoken()).amount, Rate(made.spoken()).measure) == (amount, "slot")


def test_equal_limits_are_equal_however_they_were_written() -> None:
    assert Rate("1000 requests/minute") == Rate("1k request/minute")
    assert Budget("$1.50/day") == Budget("1.5 USD/day")
    assert len({Rate("1000 requests/minute"), Rate("1k requests/minute")}) == 1


@given(st.text(max_size=60))
def test_any_text_is_a_limit_or_an_amount_error(text: str) -> None:
    for kind in (Rate, Budget):
        with suppress(AmountError):
            made = kind(text)
            assert kind(made.spoken()) == made
