"""Did-you-mean."""

from __future__ import annotations

from tollhouse.config import closest, did_you_mean


def test_the_closest_word_is_found_whatever_its_case_and_dashes() -> None:
    assert closest("Rate-Limit", ["budget", "rate_limit"]) == "rate_limit"
    assert closest("lissten", ["listen", "drain"]) == "listen"
    assert closest("zebra", ["listen", "drain"]) == ""
    assert closest("x", []) == ""


def test_without_a_close_word_the_known_ones_are_listed() -> None:
    assert did_you_mean("lissten", ["listen"]) == 'Did you mean "listen"?'
    assert did_you_mean("zebra", ["listen", "drain"]) == "Known: listen, drain."
    assert did_you_mean("zebra", [], what="Teams") == "Teams: none."
    assert did_you_mean("zebra", map(str, range(20)), what="Models") == (
        "Models: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 8 more."
    )
