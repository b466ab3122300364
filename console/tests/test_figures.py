"""Figures are short, keep their unit, and never grow wider than their column."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from tollhouse_console import figures
from tollhouse_console.sse import Parser
from tollhouse_console.text import Span, clean, crop, fit, spread, width, wrap


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (figures.seconds(None), "–"), (figures.seconds(0), "0.0ms"), (figures.seconds(0.000014), "14µs"),
        (figures.seconds(0.0004), "0.4ms"), (figures.seconds(0.61), "610ms"), (figures.seconds(0.9996), "1.00s"),
        (figures.seconds(9.999), "10s"), (figures.seconds(185), "3m05s"), (figures.span(7800), "2h10m"),
        (figures.span(356400), "4d 3h"), (figures.count(2100), "2.1k"), (figures.count(999.9), "1.0k"),
        (figures.count(1_200_000), "1.2M"), (figures.money(0), "$0"),
        (figures.money(11_100_000), "$0.0111"), (figures.money(41_200_000_000), "$41.20"),
        (figures.money(12_345 * figures.NANO), "$12.3k"),
        (figures.money(1), "<$0.00001"), (figures.ratio(0.004), "0.4%"),
        (figures.ratio(0.31), "31%"), (figures.ratio(0.0001), "<0.1%"), (figures.rate(142.4), "142"),
        (figures.clock(1_793_462_531, True), "16:02:11"), (figures.moment(1_793_462_531, True), "2026-10-31 16:02"),
    ],
)  # fmt: skip
def test_a_figure_reads(said, words):
    assert said == words


@given(st.floats(0, 8.64e7))
def test_a_duration_fits_six_cells(value):
    assert len(figures.seconds(value)) <= 6


@given(st.integers(0, 2**53))
def test_an_amount_fits_nine_cells(nano):
    assert len(figures.money(nano)) <= 9


@given(st.floats(0, 9e11))
def test_a_count_fits_five_cells(value):
    assert len(figures.count(value)) <= 5


@given(st.text(), st.integers(0, 40), st.booleans())
def test_a_fitted_text_takes_exactly_its_cells(text, room, right):
    assert cell_len(fit(clean(text), room, right)) == room


@given(st.text())
def test_nothing_that_came_from_outside_can_move_the_cursor(text):
    said = clean(text + "\x1b]52;c;aGk=\x07\r\n\u202e")
    assert not any(letter < " " or letter in "\x7f\x9b\u202e" for letter in said)


@given(st.lists(st.text(max_size=9)), st.lists(st.text(max_size=9)), st.integers(0, 60))
def test_two_ends_of_a_line_fill_it_exactly(left, right, room):
    line = spread([Span(clean(one)) for one in left], [Span(clean(one)) for one in right], room)
    assert width(line) == room
    assert width(crop(line, room // 2)) <= room // 2


@given(st.text(max_size=200), st.integers(4, 60))
def test_wrapped_lines_fit_and_lose_no_word(text, room):
    lines = wrap(clean(text), room)
    assert all(cell_len(line) <= room for line in lines)
    assert "".join("".join(lines).split()) == "".join(clean(text).split())


one_line = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"))


@given(st.lists(st.tuples(st.sampled_from(["", "a.b"]), one_line)), st.integers(1, 7))
def test_events_are_the_same_in_any_pieces(said, size):
    raw = "".join(
        f"id: 7\n{f'event: {kind}' + chr(10) if kind else ''}data: {data}\n\n: ping\n\n" for kind, data in said
    )
    encoded = raw.encode()
    parser, found = Parser(), []
    for start in range(0, len(encoded), size):
        found += parser.feed(encoded[start : start + size])
    assert [(one.name, one.data) for one in found] == [(kind or "message", data) for kind, data in said]
