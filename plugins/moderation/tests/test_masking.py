"""Masking: nothing that a check finds is left, and everything comes back."""

import hypothesis.strategies as st
import msgspec
import pytest
from found_examples import CHECKS, FOUND, find_of
from hypothesis import given, settings
from tollhouse_moderation.json_text import rewritten, strings
from tollhouse_moderation.masking import Unmaskable, mask, merged
from tollhouse_moderation.vault import Vault

GLUES = [" ", ", ", ". ", "\n", "-", "", "<EMAIL_1>", "<", "> ", "1 ", "ab", "日本", "é ", "İ", '"', "\\"]
GLUE = st.sampled_from(GLUES)
LEAF = st.one_of(st.integers(), st.text(max_size=8), st.booleans(), st.none())


def nested(inner):
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)


def texts(name):
    return st.lists(st.one_of(st.sampled_from(FOUND[name]), GLUE, st.text(max_size=6)), max_size=14).map("".join)


@pytest.mark.parametrize("name", CHECKS)
def test_what_is_masked_holds_no_finding_and_restores_to_itself(name):
    check = CHECKS[name]

    @settings(max_examples=250, deadline=None)
    @given(texts(name))
    def holds(text):
        vault = Vault()
        vault.reserve(text)
        try:
            masked = mask(text, find_of(check), vault)
        except Unmaskable:
            return
        assert vault.restore(masked) == text
        ours = [(start, end) for start, end, _ in vault.restored(masked)]
        for start, end, kind in find_of(check)(masked):
            assert any(a <= start and end <= b for a, b in ours), (kind, masked[start:end])

    holds()


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in FOUND.items() for value in values])
def test_every_kind_is_found_in_a_sentence_and_masked_whole(name, value):
    masked = mask(f"So: {value} it is.", find_of(CHECKS[name]), Vault())
    for piece in value.split()[-1:]:
        assert piece not in masked, masked
    assert masked.startswith("So: ") or "password" in value
    assert masked.endswith(" it is.")


def test_the_same_value_has_the_same_placeholder_and_one_that_the_text_says_is_never_used():
    vault = Vault()
    vault.reserve("Say <EMAIL_1> and \\u003cEMAIL_2\\u003e")
    assert vault.placeholder("EMAIL", "a@b.co") == "<EMAIL_3>"
    assert vault.placeholder("EMAIL", "a@b.co") == "<EMAIL_3>"
    assert vault.placeholder("EMAIL", "c@d.co") == "<EMAIL_4>"
    assert vault.restore("<EMAIL_1> <EMAIL_3>") == "<EMAIL_1> a@b.co"


def test_a_longer_conversation_keeps_its_placeholders():
    first, second = Vault(), Vault()
    find = find_of(CHECKS["pii"])
    one = mask("I am a@b.co, my friend c@d.co", find, first)
    assert mask("I am a@b.co, my friend c@d.co, and e@f.co", find, second).startswith(one)


def test_a_private_key_of_4096_bits_is_masked_whole():
    line = "MIIEpAIBAAKCAQEA1c7+9z5Pad7OejecsQ0buABCDEFGHIJKLMNOPQRSTUVWXYZ/"
    key = "\n".join(["-----BEGIN RSA PRIVATE KEY-----", *[line] * 50, "-----END RSA PRIVATE KEY-----"])
    assert mask(f"Here: {key} Bye.", find_of(CHECKS["secrets"]), Vault()) == "Here: <PRIVATE_KEY_1> Bye."


def test_overlapping_findings_become_one_of_the_longest_ones_kind():
    assert merged([(0, 4, "A"), (2, 12, "B"), (20, 21, "C")]) == [(0, 12, "B"), (20, 21, "C")]


def test_a_rule_that_finds_something_in_everything_is_unmaskable():
    with pytest.raises(Unmaskable):
        mask("x", lambda text: [(len(text) - 1, len(text) + 0, "X"), (0, len(text) + 1, "Y")], Vault())


@settings(max_examples=200, deadline=None)
@given(st.recursive(LEAF, nested))
def test_the_strings_of_json_are_rewritten_in_place(value):
    text = msgspec.json.encode(value).decode()
    assert rewritten(text, lambda one: one) == text
    shouted = msgspec.json.decode(rewritten(text, lambda one: one + "!" if '"' + one + '"' in text else one))
    assert type(shouted) is type(value)
    assert all(isinstance(one, str) for one in strings(text))


def test_a_string_in_json_is_read_as_what_it_says():
    assert strings('{"a":"\\u0061@b.co","n":4111111111111111}') == ["a", "a@b.co", "n", "4111111111111111"]
    assert (
        rewritten('{"a": "x\\ny",  "n":12}', lambda one: one.replace("12", "<N_1>")) == '{"a": "x\\ny",  "n":"<N_1>"}'
    )
    assert rewritten("no {json", str.upper) == "NO {JSON"
