"""Prices that hold for a time: the core asks again when they end."""

from datetime import UTC, date, datetime, time

import pytest
from genai_prices.types import ConditionalPrice, ModelInfo, ModelPrice, StartDateConstraint, TimeOfDateConstraint
from tollhouse import Target
from tollhouse.testing import gateway, run
from tollhouse_prices.listed import changes

CONFIG = 'plugins = ["openai", "prices"]\n[providers]\ndeepseek = { api_key = "sk-fake" }\n'


def test_night_and_day_rates_follow_the_clock(clock):
    async def story():
        async with gateway(CONFIG, clock=clock) as made:
            prices = []
            for hour in (12, 16, 17, 23):
                clock.at = datetime(2026, 11, 1, hour, 30, 1, tzinfo=UTC)
                prices.append(made.edition.rates(Target("deepseek", "deepseek-chat")).rate("output"))
            return prices

    noon, after, later, night = run(story())
    assert noon > after == later == night


def info(*constraints):
    prices = [ConditionalPrice(one, prices=ModelPrice()) for one in constraints]
    return ModelInfo("m", None, prices=prices)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("constraint", "now", "then"),
    [
        (StartDateConstraint(date(2026, 12, 1)), "2026-11-30T23:59:59", ["2026-12-01T00:00:00"]),
        (StartDateConstraint(date(2026, 12, 1)), "2026-12-01T00:00:00", []),
        (
            TimeOfDateConstraint(time(0, 30, tzinfo=UTC), time(16, 30, tzinfo=UTC)),
            "2026-11-20T16:30:00",
            ["2026-11-21T00:30:00", "2026-11-21T16:30:00"],
        ),
        (TimeOfDateConstraint(time(1), time(4)), "2026-11-20T00:59:59", ["2026-11-20T01:00:00", "2026-11-20T04:00:00"]),
        (None, "2026-11-20T00:00:00", []),
    ],
)
def test_a_card_ends_when_a_constraint_may_change(constraint, now, then):
    found = sorted(changes(info(constraint), at(now)))
    assert found == [at(text).timestamp() for text in then]
