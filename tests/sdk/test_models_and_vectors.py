"""Embeddings, and the list of models."""

import base64
import math
import struct

import openai
import pytest
from house import BODY

pytestmark = pytest.mark.slow

NAMES = ["echo", "demo", "lorem", "thinker", "tools", "embed", "remote", "pretty-bird"]


def test_vectors_are_the_same_as_numbers_and_as_base64(client):
    floats = client.embeddings.create(model="embed", input=["a cat", "a dog"], encoding_format="float")
    packed = client.embeddings.create(model="embed", input=["a cat", "a dog"], encoding_format="base64")
    decoded = client.embeddings.create(model="embed", input=["a cat", "a dog"])
    assert [(item.index, len(item.embedding)) for item in floats.data] == [(0, 256), (1, 256)]
    assert floats.usage.total_tokens == floats.usage.prompt_tokens == 4
    for plain, raw, cooked in zip(floats.data, packed.data, decoded.data, strict=True):
        assert math.isclose(math.hypot(*plain.embedding), 1, rel_tol=1e-5)
        assert list(struct.unpack("<256f", base64.b64decode(raw.embedding))) == pytest.approx(plain.embedding)
        assert cooked.embedding == pytest.approx(plain.embedding)


@pytest.mark.parametrize("dimensions", [1, 64, 1024])
def test_vectors_have_the_dimensions_that_were_asked_for(client, dimensions):
    [item] = client.embeddings.create(model="embed", input="a cat", dimensions=dimensions).data
    assert len(item.embedding) == dimensions


def test_too_many_dimensions_are_a_bad_request(client):
    with pytest.raises(openai.BadRequestError, match="dimensions must be from 1 to"):
        client.embeddings.create(model="embed", input="a cat", dimensions=100_000)


def test_an_upstreams_vectors_pass_bit_for_bit(client, up):
    numbers = struct.pack("<3f", 0.1, -1e-8, 3.4e38)
    data = [{"object": "embedding", "index": 0, "embedding": base64.b64encode(numbers).decode()}]
    up.answer({"object": "list", "data": data, "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1}})
    answer = client.embeddings.create(model="remote", input="x")
    assert struct.pack("<3f", *answer.data[0].embedding) == numbers
    assert up.requests[0].path == "/v1/embeddings"
    assert up.requests[0].json() == {"model": "gpt-real", "input": "x", "encoding_format": "base64"}


def test_a_list_of_tokens_is_an_input(client, up):
    up.answer({"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [1.0]}], "model": "m"})
    client.embeddings.create(model="remote", input=[[1, 2], [3]], encoding_format="float")
    assert up.requests[0].json()["input"] == [[1, 2], [3]]


def test_the_models_listed_are_those_callers_may_ask_for(client, up):
    listed = client.models.list()
    assert [model.id for model in listed.data] == NAMES
    assert {model.object for model in listed.data} == {"model"}
    assert up.requests == []


@pytest.mark.parametrize("name", ["echo", "pretty-bird"])
def test_one_model_can_be_looked_up(client, name):
    assert client.models.retrieve(name).id == name


def test_a_model_that_is_not_there_is_not_found(client):
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("gpt-imaginary")
    assert raised.value.code == "model_not_found"
    assert "echo, demo" in raised.value.message


def test_a_base_url_without_its_version_works_as_well(house, up):
    up.answer(BODY)
    with openai.OpenAI(base_url=house.url, api_key="any", max_retries=0) as client:
        assert client.models.list().data[0].id == "echo"
        answer = client.chat.completions.create(model="echo", messages=[{"role": "user", "content": "same"}])
        assert answer.choices[0].message.content == "same"
        assert client.embeddings.create(model="embed", input="a").data
