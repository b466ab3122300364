"""Embeddings."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tollhouse import ProviderError
from tollhouse.neutral import Embed
from tollhouse_simulator.vectors import vector


def cosine(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


@given(st.text(), st.integers(1, 300), st.integers(-(2**63), 2**63 - 1))
def test_every_vector_has_length_one(text, dimensions, seed):
    made = vector(text, dimensions, seed)
    assert len(made) == dimensions
    assert math.isclose(cosine(made, made), 1)


def test_texts_that_share_words_are_near_each_other():
    hill, same, far = (
        vector(text, 256, 0)
        for text in (
            "The old toll house stands on the hill above the river",
            "The old toll house stands on a hill above the river!",
            "Quarterly revenue grew faster than analysts predicted",
        )
    )
    assert cosine(hill, same) > 0.7
    assert cosine(hill, far) < 0.3
    assert cosine(hill, same) < 1


def test_embed_gives_a_vector_for_each_input_in_order(account):
    one, two = account().answer(Embed(inputs=["one", "two three"]), "embed").vectors
    simulator = account()
    assert simulator.answer(Embed(inputs=["two three"]), "embed").vectors == [two]
    assert simulator.answer(Embed(inputs=["one"]), "embed").vectors == [one]
    assert len(one) == 256


def test_embed_honours_dimensions_and_counts_its_input(account):
    answer = account(dimensions=64).answer(Embed(inputs=["one two", "three"], dimensions=32), "embed")
    assert [len(made) for made in answer.vectors] == [32, 32]
    assert (answer.usage.input, answer.usage.output) == (3, None)
    assert answer.complete


def test_embed_takes_token_lists(account):
    answer = account().answer(Embed(inputs=[[1, 2, 3]]), "embed")
    assert answer.usage.input == 3


@pytest.mark.parametrize("dimensions", [0, -1, 5000])
def test_impossible_dimensions_are_invalid(account, dimensions):
    with pytest.raises(ProviderError, match="dimensions must be from 1 to 4096"):
        account().reply(Embed(inputs=["one"], dimensions=dimensions), "embed")


def test_too_many_inputs_are_invalid(account):
    with pytest.raises(ProviderError, match="2048 inputs"):
        account().reply(Embed(inputs=["one"] * 2049), "embed")


def test_embed_does_not_talk_and_the_others_make_no_vectors(account):
    with pytest.raises(ProviderError, match="does not talk") as raised:
        account().reply("Hello", "embed")
    assert raised.value.code == "unsupported_model"
    with pytest.raises(ProviderError, match='ask for "embed"'):
        account().reply(Embed(inputs=["one"]), "echo")
