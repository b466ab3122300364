"""Large bodies: accepted below the cap, refused above it without being held in memory."""

import openai
import pytest
from house import BODY, HI
from tollhouse.testing.upstream import scripted

pytestmark = pytest.mark.slow

MIB = 1 << 20


def saying(size):
    return [{"role": "user", "content": "x" * size}]


def test_a_body_above_the_cap_is_refused_and_not_held_in_memory(client, up, house):
    client.models.list()
    before = house.peak()
    with pytest.raises(openai.APIStatusError) as raised:
        client.with_options(max_retries=2).chat.completions.create(model="remote", messages=saying(40 * MIB))
    assert raised.value.status_code == 413
    assert raised.value.code == "request_too_large"
    assert raised.value.request_id
    assert house.peak() - before < 8
    assert up.requests == []


def test_a_body_of_unknown_length_is_refused_when_it_passes_the_cap(client, up, house):
    before = house.peak()

    def pieces():
        yield b'{"model": "remote", "messages": [{"role": "user", "content": "'
        for _ in range(200):
            yield b"x" * MIB
        yield b'"}]}'

    with pytest.raises(openai.APIStatusError) as raised:
        client.post(
            "/chat/completions",
            content=pieces(),
            cast_to=object,
            options={"headers": {"content-type": "application/json"}},
        )
    assert raised.value.status_code == 413
    assert house.peak() - before < 64
    assert up.requests == []


def test_a_large_body_nobody_wants_does_not_keep_its_sender_waiting(client, up, house):
    before = house.peak()
    with pytest.raises(openai.NotFoundError):
        client.post(f"{house.url}/nowhere", content=b"x" * 20 * MIB, cast_to=object)
    assert house.peak() - before < 8


def test_the_gateway_serves_on_after_it_refused_a_body(client):
    for _ in range(3):
        assert client.chat.completions.create(model="echo", messages=HI).choices[0].message.content == "hi"


def test_a_body_below_the_cap_arrives_whole(client, up):
    up.answer(BODY)
    assert client.chat.completions.create(model="remote", messages=saying(20 * MIB)).choices
    assert up.requests[0].json()["messages"] == saying(20 * MIB)


def test_an_upload_above_the_cap_of_bodies_streams_through(client, up, house):
    before = house.peak()
    data = bytes(range(256)) * (160 * 1024)
    up.answer({"id": "file-1", "object": "file", "bytes": len(data), "created_at": 1, "filename": "f", "purpose": "x"})
    made = client.files.create(file=("big.bin", data), purpose="assistants")
    assert made.id == "file-1"
    [asked] = up.requests
    assert data in asked.body
    assert asked.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert house.peak() - before < 32


def test_a_download_streams_through_byte_for_byte(client, up, house):
    before = house.peak()
    block = bytes(range(256)) * 4096
    up.then(lambda request: scripted([block] * 60, 200, {"content-type": "audio/mpeg"}))
    size = 0
    with client.audio.speech.with_streaming_response.create(model="tts", voice="alloy", input="hi") as response:
        assert response.headers["content-type"] == "audio/mpeg"
        for piece in response.iter_bytes(MIB):
            assert piece == block
            size += len(piece)
    assert size == 60 * MIB
    assert house.peak() - before < 32
