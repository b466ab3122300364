"""The window on a reply: however its text is cut, what leaves is the same, and holds nothing that is found."""

import re
from itertools import pairwise

import hypothesis.strategies as st
import pytest
from found_examples import CHECKS, FOUND, find_of
from hypothesis import given, settings
from tollhouse_moderation.policy import Active
from tollhouse_moderation.screening import Screen
from tollhouse_moderation.settings import Rule
from tollhouse_moderation.vault import Vault
from tollhouse_moderation.window import Window


class Notes:
    """Stands where verdicts are noted."""

    def found(self, *_):
        pass


def left(name, pieces, vault=None):
    """What leaves of these pieces, piece by piece as soon as it is settled."""
    active = Active(0, Rule(check="any", action="mask"), CHECKS[name])
    screen = Screen([(active, CHECKS[name])], Notes(), "output")
    window = Window(screen, vault or Vault(), Vault(), "0.0", json=False)
    waiting, out = [], []
    for piece in [*pieces, None]:
        if piece is None:
            window.ended = True
        else:
            waiting.append(window.add(piece))
        window.settle()
        while waiting and waiting[0][1] <= window.settled:
            out.append(window.said(*waiting.pop(0)))
        window.forget(waiting[0][0] if waiting else window.settled)
    assert not waiting
    return "".join(out)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in FOUND.items() for value in values])
def test_a_finding_split_anywhere_leaves_as_it_does_unsplit(name, value):
    text = f"It is (as I said) {value}, is it not?"
    whole = left(name, [text])
    assert whole != text
    for at in range(1, len(text)):
        assert left(name, [text[:at], text[at:]]) == whole, text[:at]
    assert left(name, list(text)) == whole


@pytest.mark.parametrize("name", CHECKS)
def test_nothing_that_is_found_leaves_however_the_text_is_cut(name):
    words = st.one_of(
        st.sampled_from(FOUND[name]), st.sampled_from(["so it is", "then", "call me", "or", "日本語", "x"])
    )

    @settings(max_examples=150, deadline=None)
    @given(st.lists(words, min_size=1, max_size=6).map("; ".join), st.data())
    def holds(text, data):
        cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=8)))
        edges = [0, *cuts, len(text)]
        out = left(name, [text[a:b] for a, b in pairwise(edges)])
        made = [(one.start(), one.end()) for one in re.finditer(r"<[A-Z_]+_\d+>", out)]
        for start, end, kind in find_of(CHECKS[name])(out):
            assert any(a <= start and end <= b for a, b in made), (kind, out[start:end], out)

    holds()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_placeholders_are_restored_however_the_text_is_cut(data):
    vault = Vault()
    values = ["alice@example.com", "b@c.de", "+1 415 555 2671"]
    made = [vault.placeholder("EMAIL", one) for one in values]
    text = "".join(
        data.draw(st.lists(st.sampled_from([*made, " and ", "<", "<b>", "<EMAIL_", "_1>", "x"]), max_size=12))
    )
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)), max_size=8)))
    edges = [0, *cuts, len(text)]
    pieces = [text[a:b] for a, b in pairwise(edges)]
    assert left("secrets", pieces, vault) == vault.restore(text)
