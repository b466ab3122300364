"""Budgets, their forecasts, and costs by the hour."""

import itertools

from fake_admin import ANSWERS, HOUR, NANO, NOW
from hypothesis import given
from hypothesis import strategies as st
from tollhouse_console.model.spend import Paces, budget, budgets, history, hour_of, past, stack, tightest

DAY = NOW // 86_400 * 86_400


def item(used, **more):
    made = {"name": "a", "scope": {}, "period": "day", "limit": 100, "used": used, "resets_at": DAY + 86_400}
    return {**made, "remaining": made["limit"] - used, **more}


def test_a_budget_that_lasts_says_no_moment():
    assert budget(item(10), NOW).empty_at is None
    assert budget(item(10), NOW).word == "fine"


def test_one_that_runs_out_says_when():
    one = budget(item(70), DAY + 43_200)
    assert (one.word, one.empty_at) == ("runs out", DAY + 43_200 + 30 / (70 / 43_200))


def test_what_was_seen_of_late_tells_more_than_the_average():
    paces = Paces()
    for second in range(0, 61, 10):
        paces.see([item(10 + second)], NOW + second)
    [one] = budgets([item(70)], NOW + 60, paces)
    assert one.empty_at == NOW + 60 + 30


def test_a_new_period_begins_anew():
    paces = Paces()
    paces.see([item(90)], NOW)
    paces.see([item(1)], NOW + 40)
    assert paces.of("a|everyone|day") is None


def test_the_header_shows_the_budget_of_everyone_and_never_one_in_shadow():
    every = budgets(ANSWERS["budgets"]["budgets"], NOW)
    assert [one.name for one in every] == ["$10 a day", "$120 a day", "trial"]
    assert tightest(every).name == "$120 a day"
    assert tightest([one for one in every if one.shadow]) is None


def test_history_asks_for_whom_the_budget_is():
    assert (
        history(budget(item(1, scope={"team": "a b&c"}), NOW)) == f"spend?by=hour&since={int(DAY)}&where=team:a%20b%26c"
    )
    assert history(budget(item(1, scope={"key": "a", "model": "b"}), NOW)) == ""
    assert history(budget(item(1, resets_at=None, period="total"), NOW)) == ""


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 30)), max_size=30), st.integers(0, 100))
def test_what_is_left_only_ever_falls_until_now(costs, used):
    one = budget(item(used), NOW)
    points = past(one, [{"by": [int(HOUR - 3600 * back)], "cost": cost} for back, cost in costs], NOW)
    assert points[0] == (DAY, 1.0)
    assert points[-1] == (NOW, one.remaining / 100)
    assert all(a[0] <= b[0] and b[1] <= a[1] for a, b in itertools.pairwise(points[:-1]))


@given(st.lists(st.tuples(st.integers(0, 23), st.sampled_from("abcdefgh"), st.integers(0, NANO)), max_size=40))
def test_a_stack_loses_no_cost(rows):
    made = stack([{"by": [int(HOUR - 3600 * back), name], "cost": cost} for back, name, cost in rows], NOW, 24)
    assert sum(made.total(number) for number in range(len(made.names))) == sum(cost for _, _, cost in rows)
    assert len(made.names) <= 6


def test_hours_are_read_as_seconds_or_as_text():
    assert hour_of("1793462400") == hour_of(1_793_462_400) == hour_of("2026-10-31T16") == hour_of("2026-10-31 16:00Z")
    assert hour_of("noon") is None
