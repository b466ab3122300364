"""Keys: what is made is recognised, and nothing else is."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse_auth.secret import Secrets

HERE, ELSEWHERE = Secrets(b"a pepper of sixteen"), Secrets(b"another pepper of ours")


def test_a_key_shows_its_id_and_hides_the_rest():
    made = HERE.make()
    assert re.fullmatch(r"th-[a-z0-9]{10}-[A-Za-z0-9]{40}", made.secret)
    assert HERE.id_of(made.secret) == made.id
    assert made.secret.startswith(f"th-{made.id}-")
    assert made.secret not in made.hash


def test_no_two_keys_are_alike():
    keys = [HERE.make() for _ in range(1000)]
    assert len({key.id for key in keys}) == len({key.secret for key in keys}) == 1000


@given(place=st.integers(0, 53), letter=st.sampled_from(string.ascii_letters + string.digits + "-_é\0"))
def test_a_key_with_one_other_character_is_no_key(place, letter):
    made = HERE.make()
    other = made.secret[:place] + letter + made.secret[place + 1 :]
    assert (HERE.id_of(other) == made.id) == (other == made.secret)
    assert HERE.fits(other, made.hash) == (other == made.secret)


@given(st.text(max_size=200))
def test_no_other_text_is_a_key(text):
    assert HERE.id_of(text) is None
    assert HERE.id_of(f"th-{text}") is None


@given(st.sampled_from([0, 1, 5]), st.text(max_size=5))
def test_a_key_with_more_around_it_is_no_key(before, more):
    secret = HERE.make().secret
    assert (HERE.id_of(secret + more) is None) == bool(more)
    assert HERE.id_of(" " * before + secret) is None or before == 0


def test_a_key_of_another_pepper_is_no_key_and_its_hash_another():
    made = ELSEWHERE.make()
    assert HERE.id_of(made.secret) is None
    assert HERE.hash(made.secret) != made.hash
    assert HERE.fingerprint != ELSEWHERE.fingerprint


@pytest.mark.parametrize("end", ["\n", "\r\n", "\0", " ", "\u00a0"])
def test_a_line_end_does_not_belong_to_a_key(end):
    assert HERE.id_of(HERE.make().secret + end) is None
