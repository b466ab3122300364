"""Structured output: a reply that breaks its schema is asked for once more, and only once."""

import pytest
from tollhouse.testing import Client, Upstream, gateway, run
from wires import DIALECTS, answer, asked, body, config, path, said, stream

SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
    "additionalProperties": False,
}
FORMATS = {
    "openai": {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}},
    "responses": {"text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}}},
    "anthropic": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "gemini": {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA}},
}
BAD, GOOD = '{"age": "old"}', '{"age": 7}'


def through(dialect, streamed, replies, rules='"schema"', more=None):
    async def going():
        async with Upstream() as up, gateway(config(up.url, rules)) as made:
            for reply in replies:
                up.answer(stream(dialect, [reply[:5], reply[5:]]) if streamed else body(dialect, reply))
            sent = asked(dialect, "hi", streamed, **(FORMATS[dialect] if more is None else more))
            response = await Client(made).post(path(dialect, streamed), sent)
            text = said(answer(made, dialect, response.body, streamed=streamed)) if response.status == 200 else ""
            return response, text, up.requests

    return run(going())


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_reply_that_breaks_its_schema_is_asked_for_once_more(dialect, streamed):
    response, text, up = through(dialect, streamed, [BAD, GOOD])
    assert (response.status, text, len(up)) == (200, GOOD, 2)
    assert response.headers["x-tollhouse-attempts"] == "2"
    assert b"does not fit the JSON Schema" in up[1].body
    assert b"old" in up[1].body
    assert b"integer" in up[1].body


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_second_reply_that_breaks_it_is_a_502(dialect):
    response, _, up = through(dialect, True, [BAD, BAD, GOOD])
    assert (response.status, len(up)) == (502, 2)
    assert b"JSON Schema" in response.body


def test_without_retry_there_is_one_call():
    response, _, up = through("openai", False, [BAD], '{ check = "schema", retry = false }')
    assert (response.status, response.json()["error"]["code"], len(up)) == (502, "schema_mismatch", 1)


def test_a_good_reply_passes_and_one_without_a_schema_is_not_judged():
    response, text, up = through("openai", True, [GOOD])
    assert (response.status, text, len(up)) == (200, GOOD, 1)
    response, text, up = through("openai", True, ["plain words"], more={})
    assert (response.status, text, len(up)) == (200, "plain words", 1)


def test_the_rules_own_schema_and_any_json_object():
    rules = '{ check = "schema", retry = false, schema = { type = "array" } }'
    assert through("openai", False, [GOOD], rules, {})[0].status == 502
    assert through("openai", False, ["[1]"], rules, {})[0].status == 200
    anything = {"response_format": {"type": "json_object"}}
    assert through("openai", False, ["[1]"], '{ check = "schema", retry = false }', anything)[0].status == 502
    assert through("openai", False, [GOOD], '{ check = "schema", retry = false }', anything)[0].status == 200


def test_a_flag_tells_and_holds_nothing_back():
    response, text, up = through("openai", True, [BAD], '"schema:flag"')
    assert (response.status, text, len(up)) == (200, BAD, 1)


def test_a_callers_schema_fetches_nothing_and_cannot_be_slow():
    for schema in ({"$ref": "http://127.0.0.1:1/x"}, {"type": "nonsense"}):
        wanted = {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}}
        response, _, up = through("openai", False, [GOOD], '{ check = "schema", retry = false }', wanted)
        assert (response.json()["error"]["code"], len(up)) == ("moderation_unavailable", 1)
    slow = {"type": "object", "properties": {"a": {"pattern": "^(a+)+$"}}}
    wanted = {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": slow}}}
    reply = '{"a": "%s!"}' % ("a" * 50_000)
    assert through("openai", False, [reply], '{ check = "schema", retry = false }', wanted)[0].status == 502
