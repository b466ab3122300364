"""Extra attempts never exceed their share, whatever comes when."""

from hypothesis import given, strategies
from tollhouse_failover.budget import MINUTE, SLOTS, Budget

steps = strategies.lists(
    strategies.tuples(strategies.floats(0, 15), strategies.sampled_from(["plain", "plain", "extra"])), max_size=300
)


@given(steps, strategies.floats(0, 1), strategies.integers(0, 20))
def test_within_every_minute_extra_attempts_are_a_share_of_the_plain_ones_or_the_reserve(steps, share, reserve):
    now, budget = 1000.0, Budget()
    plain, extra = [], []
    for passed, kind in steps:
        now += passed
        slot = int(now * SLOTS / MINUTE)
        near = [at for at in plain if at > slot - SLOTS], [at for at in extra if at > slot - SLOTS]
        if kind == "plain":
            budget.add(now)
            plain.append(slot)
        else:
            allowed = len(near[1]) + 1 <= max(reserve, share * len(near[0]) + 1e-9)
            assert budget.take(now, share, reserve) is allowed
            if allowed:
                extra.append(slot)


@given(strategies.integers(1, 20))
def test_a_quiet_gateway_has_its_reserve_again_after_a_minute(reserve):
    budget = Budget()
    assert sum(budget.take(0.0, 0.2, reserve) for _ in range(100)) == reserve
    assert sum(budget.take(30.0, 0.2, reserve) for _ in range(100)) == 0
    assert sum(budget.take(60.0, 0.2, reserve) for _ in range(100)) == reserve
