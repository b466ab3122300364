"""The headers by which upstreams tell their limits."""

from hypothesis import given
from hypothesis import strategies as st
from tollhouse_router.quota import ASSUMED, LONGEST, Quota, resets_in

NOW, UNIX = 50.0, 1_700_000_000.0

OPENAI = {
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-requests": "499",
    "x-ratelimit-reset-requests": "120ms",
    "x-ratelimit-limit-tokens": "200000",
    "x-ratelimit-remaining-tokens": "50000",
    "x-ratelimit-reset-tokens": "6m0s",
}
ANTHROPIC = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:50Z",
    "anthropic-ratelimit-input-tokens-limit": "40000",
    "anthropic-ratelimit-input-tokens-remaining": "10000",
    "anthropic-ratelimit-input-tokens-reset": "2023-11-14T22:14:20Z",
    "anthropic-ratelimit-output-tokens-limit": "8000",
    "anthropic-ratelimit-output-tokens-remaining": "8000",
    "anthropic-ratelimit-output-tokens-reset": "2023-11-14T22:13:20Z",
}


def test_openai_tells_resets_as_durations():
    found = Quota.read(OPENAI, NOW, UNIX)
    assert found == {"requests": Quota(499, 500, NOW + 0.12), "tokens": Quota(50_000, 200_000, NOW + 360)}


def test_anthropic_tells_resets_as_times():
    found = Quota.read(ANTHROPIC, NOW, UNIX)
    assert found == {
        "requests": Quota(49, 50, NOW + 30),
        "input-tokens": Quota(10_000, 40_000, NOW + 60),
        "output-tokens": Quota(8000, 8000, NOW),
    }


def test_what_is_not_enough_is_nothing_and_what_has_reset_is_not_known():
    quota = Quota(1000, 4000, NOW + 10)
    assert quota.left(1000, NOW) == 0.25
    assert quota.left(1001, NOW) == 0.0
    assert quota.left(1001, NOW + 10) == 1.0


def test_resets_are_read_in_every_form():
    said = ("1s", "6m0s", "1h2m3s", "59.7s", "12ms", "2d", "17", "1.5")
    assert [resets_in(text, UNIX) for text in said] == [1, 360, 3723, 59.7, 0.012, LONGEST, 17, 1.5]
    assert resets_in("", UNIX) == resets_in("soon", UNIX) == resets_in("2023-11-14T22:13:50", UNIX) == ASSUMED
    assert resets_in("2099-01-01T00:00:00Z", UNIX) == LONGEST
    assert resets_in("1999-01-01T00:00:00Z", UNIX) == 0


names = st.sampled_from([*OPENAI, *ANTHROPIC])


@given(st.dictionaries(names, st.one_of(st.text(max_size=20), st.floats().map(str), st.integers().map(str))))
def test_no_header_breaks_it(headers):
    for quota in Quota.read(headers, NOW, UNIX).values():
        assert 0 <= quota.left(1, NOW) <= 1
        assert NOW <= quota.until <= NOW + LONGEST
