"""Silence: the SDK reads over keepalives, and a silent upstream is given up in time."""

import json

import openai
import pytest
from house import BODY, CONFIG, HI, House, chunk, event, text

pytestmark = pytest.mark.slow

PATIENCE = f"""{CONFIG}
[providers.up.timeouts]
first_byte = "1500ms"
idle = "1500ms"

[server]
keepalive = "100ms"
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory, elsewhere):
    """A gateway that beats often and waits briefly."""
    with House(tmp_path_factory.mktemp("house"), elsewhere.url, PATIENCE) as served:
        yield served


def test_the_sdk_reads_over_the_comments_that_keep_a_silent_stream_alive(client, up):
    up.answer(
        [
            0.35,
            event(chunk({"role": "assistant", "content": "Hel"})),
            0.35,
            event(chunk({"content": "lo"})),
            event(chunk(finish="stop")),
            event(b"[DONE]"),
        ]
    )
    with client.chat.completions.with_streaming_response.create(model="remote", messages=HI, stream=True) as response:
        raw = b"".join(response.iter_bytes())
    assert raw.count(b": keepalive\n\n") >= 2
    up.clear()
    up.answer([0.35, event(chunk({"content": "Hello"})), event(chunk(finish="stop"))])
    assert text(client.chat.completions.create(model="remote", messages=HI, stream=True)) == "Hello"


def test_an_upstream_that_fails_after_a_keepalive_is_an_error_in_the_stream(client, up):
    error = {"message": "no room", "type": "overloaded_error", "param": None, "code": "overloaded"}
    up.answer([0.35, event({"error": error})])
    with pytest.raises(openai.APIError, match="no room") as raised:
        list(client.chat.completions.create(model="remote", messages=HI, stream=True))
    assert raised.value.code == "overloaded"


def test_a_silent_upstream_is_a_gateway_timeout(client, up):
    up.answer([3600.0], 200, {"content-type": "application/json"})
    with pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model="remote", messages=HI)
    assert (raised.value.status_code, raised.value.code) == (504, "upstream_timeout")


def test_a_stream_that_falls_silent_is_an_error_in_the_stream(client, up):
    up.answer([event(chunk({"role": "assistant", "content": "Hel"})), 3600.0])
    parts = []
    with pytest.raises(openai.APIError) as raised:
        parts.extend(client.chat.completions.create(model="remote", messages=HI, stream=True))
    assert text(parts) == "Hel"
    assert raised.value.code == "upstream_timeout"


def test_a_stream_that_is_slow_but_never_silent_is_not_given_up(client, up):
    words = [event(chunk({"content": f"{number} "})) for number in range(5)]
    up.answer([part for word in words for part in (word, 0.3)] + [event(chunk(finish="stop")), event(b"[DONE]")])
    assert text(client.chat.completions.create(model="remote", messages=HI, stream=True)) == "0 1 2 3 4 "


def test_a_slow_whole_answer_is_only_itself(client, up):
    up.answer([0.3, json.dumps(BODY).encode()], 200, {"content-type": "application/json"})
    answer = client.chat.completions.with_raw_response.create(model="remote", messages=HI)
    assert answer.parse().choices[0].message.content == "Hello"
    assert answer.text.startswith("{")
