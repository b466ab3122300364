"""The filter language: what it finds, and what it says to what it cannot read."""

import pytest
from fake_admin import RECORDS
from hypothesis import given
from hypothesis import strategies as st
from tollhouse_console.filter import NUMBERS, TRAITS, WORDS, Filter, FilterError, Term, parse
from tollhouse_console.model.record import Record, from_api

EVERY = [from_api(one) for one in RECORDS]


def found(text):
    wanted = parse(text)
    return [int(one.id[3:]) for one in EVERY if wanted.fits(one)]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("team:web", [2, 3, 8]),
        ("team:web,batch", [2, 3, 4, 8]),
        ("-team:web,batch", [1, 5, 6, 7]),
        ("status:>=400", [4, 5]),
        ("status:4xx", [4]),
        ("status:502", [5]),
        ("model:f*", [2, 3, 8]),
        ("provider:gemini", [3]),
        ("is:running", [8]),
        ("is:unpriced", [7]),
        ("is:failover", [3, 5]),
        ("is:cached", [6]),
        ("is:error -status:429", [5]),
        ("ttft:>500ms ttft:<1s", [1, 7]),
        ("cost:>=0.01", [1]),
        ("cost:>$0.0001 team:web", [2, 3]),
        ("output:>0.3k seconds:<2s", [2, 6]),
        ("rate_limit", [4]),
        ('"failed over"', [3]),
        ("FAST anna -is:running", [2, 3]),
        ('user:""', [1, 2, 3, 4, 5, 6, 7, 8]),
        ('team:""', [7]),
    ],
)
def test_a_filter_finds(text, ids):
    assert found(text) == ids


@pytest.mark.parametrize(
    ("text", "words", "at"),
    [
        ("tem:web", "did you mean team?", 0),
        ("team:web qqqq:1", "there are id, team", 9),
        ("status:abc", "a number, such as >=400, not 'abc'", 7),
        ("ttft:>x", "500ms or 2s", 5),
        ("cost:>2s", "a number", 5),
        ("is:happy", "is: knows running", 3),
        ('model:"gpt', "a quote is left open", 6),
        ("status:", "write status:>=400", 0),
        ("team:", "write team:something", 0),
        ("team:web -", "a lone sign", 9),
    ],
)
def test_a_filter_that_cannot_be_read_says_where_and_what_would_do(text, words, at):
    with pytest.raises(FilterError, match=r".") as raised:
        parse(text)
    assert words in str(raised.value)
    assert raised.value.at == at


value = st.text(st.characters(exclude_characters='"', exclude_categories=("Cs", "Cc")), max_size=12)
number = st.sampled_from(["400", ">=400", "<1.5", "=7", ">$2", "3k"])
terms = st.one_of(
    st.builds(Term, st.sampled_from([name for name in WORDS if name != "is"]), st.tuples(value), st.booleans()),
    st.builds(Term, st.just("is"), st.tuples(st.sampled_from(TRAITS)), st.booleans()),
    st.builds(
        Term,
        st.sampled_from([name for name in NUMBERS if name not in ("ttft", "seconds")]),
        st.tuples(number),
        st.booleans(),
    ),
    st.builds(Term, st.just(""), st.tuples(value.filter(bool)), st.booleans()),
)


@given(st.lists(terms, max_size=6))
def test_a_filter_reads_back_as_what_it_prints(some):
    made = Filter(tuple(some))
    assert parse(str(made)) == made


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_an_error_within_it(text):
    try:
        made = parse(text)
    except FilterError as error:
        made = Filter()
        told = (str(error), error.at)
    else:
        told = ("fine", 0)
        made.fits(Record("x"))
    assert parse(str(made)) == made
    assert told[0]
    assert 0 <= told[1] <= len(text)


@given(terms)
def test_the_opposite_of_a_term_finds_the_rest(term):
    other = Term(term.field, term.wanted, not term.unwanted)
    assert all(term.fits(one) != other.fits(one) for one in EVERY)
